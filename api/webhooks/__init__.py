"""Webhooks that we send: signed, and repeated until they arrive."""
