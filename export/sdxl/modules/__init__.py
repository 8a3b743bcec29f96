"""The networks of :mod:`bridge.finish.contracts` as torch modules, made of diffusers' and transformers' own.

What differs from diffusers is only what a server of many jobs needs: every row has a timestep and scales of its own,
what stays the same over all steps is computed once, and nothing depends on values in Python.
"""

from export.sdxl.modules.networks import networks

__all__ = ["networks"]
