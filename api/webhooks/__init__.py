"""Webhooks: those that we send, signed and repeated until they arrive, and those that come in."""
