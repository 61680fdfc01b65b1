"""Wire protocols, sans-IO: bytes in, values out. Standard library and ``cryptography`` only."""
