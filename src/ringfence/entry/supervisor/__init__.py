"""Starts an installation's processes in order, restarts what dies, stops all of it together."""
