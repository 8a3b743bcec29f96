"""Pixels: encoded bytes to arrays and back, and pictures for people to look at. A leaf."""
