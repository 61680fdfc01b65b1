"""``ringfence promises``: holds the clauses of a privacy policy against the running installation."""
