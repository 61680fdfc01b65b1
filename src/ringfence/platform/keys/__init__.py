"""Keys: the store, its cryptography, the process that owns it and its client.

Only ``ringfence.entry.keys`` opens the store and the root key; everybody else uses ``client``.
"""
