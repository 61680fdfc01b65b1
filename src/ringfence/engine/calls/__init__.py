"""Calls: one actor each, its legs, and what bridges them."""
