"""Ringfence: a self-hosted, multi-tenant communications platform."""

__version__ = "0.1.0"
