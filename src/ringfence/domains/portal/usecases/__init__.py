"""What happens on the portal."""
