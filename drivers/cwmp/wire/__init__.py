"""What carries envelopes: HTTP, cookies, Digest, whose turn it is in a session, Connection Requests."""
