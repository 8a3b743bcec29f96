"""Backends for the embedded server; each is a folder with a ``model.py`` that Triton finds by its name."""
