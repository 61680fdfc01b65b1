"""``ringfence demo``: a whole call through the platform, held against what was on the wire."""
