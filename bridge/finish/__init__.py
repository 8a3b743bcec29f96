"""The finisher: diffusion at low strength over the geometry's picture, which it makes photoreal."""
