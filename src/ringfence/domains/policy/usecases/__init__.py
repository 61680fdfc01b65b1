"""One module for each thing that somebody does."""
