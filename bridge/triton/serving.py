"""What every ``model.py`` runs on inside Triton."""

from __future__ import annotations

from bridge.triton.model import Model


class PythonModel(Model):
    """A :class:`Model` that Triton's Python backend can run."""
