"""Pure decisions: what changes between two policies, and which version binds whom."""
