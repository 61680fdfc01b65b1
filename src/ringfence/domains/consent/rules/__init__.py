"""Decisions about consent, without IO."""
