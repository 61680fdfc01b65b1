"""``ringfence promises``: holds the clauses of a policy against the running installation."""
