"""What consent and its evidence can do, one module each."""
