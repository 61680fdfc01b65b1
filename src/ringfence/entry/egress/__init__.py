"""The egress process, and the rules of the operating system around it."""
