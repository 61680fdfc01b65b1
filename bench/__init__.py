"""Benchmarks: ``python -m bench NAME`` prints JSON lines."""
