"""The audit trail of uses of personal values: sealed into chains, listed, verified, exported."""
