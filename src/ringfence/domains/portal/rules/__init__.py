"""Decisions of the portal, without IO."""
