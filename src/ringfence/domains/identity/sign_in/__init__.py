"""Signing in: allauth's mechanics, fitted to this installation."""
