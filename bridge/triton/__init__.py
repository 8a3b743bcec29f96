"""Serving: the client, the embedded server, the base of the Python models. Empty, so that each part imports alone."""
