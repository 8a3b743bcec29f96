"""How good, how fast and how steady the try-on is; results as data. ``python -m benchmarks --help``."""
