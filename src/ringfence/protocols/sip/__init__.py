"""SIP (RFC 3261), sans-IO: messages, URIs, header values, digest, transactions, dialogs."""
