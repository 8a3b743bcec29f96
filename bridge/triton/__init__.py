"""Serving: client, embedded server, base of the Python models. Empty, so that each part imports alone."""
