"""What a flow may be: pure decisions."""
