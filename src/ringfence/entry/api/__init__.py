"""``ringfence api``: commands over the REST API, for whoever has an API key."""
