"""Stable Diffusion XL and its companions: from checkpoints to networks that Triton serves."""
