"""The egress gate: what leaves for third parties, for what, with which fields, and its record.

One process (``ringfence egress``) holds it; all others ask it over a Unix socket.
"""
