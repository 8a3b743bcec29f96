"""Weights from where they are published to what Triton loads: fetch, translate, prove, install."""
