"""Cloth: the sewn garment simulated on a body."""
