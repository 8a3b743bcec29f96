"""Which body a server uses."""

from __future__ import annotations

from bridge.body.anny import load_anny
from bridge.body.linear import LinearBody
from bridge.body.smplx import load_smplx
from bridge.registry import Body, chosen_body, smplx_path


def load_body() -> LinearBody:
    """Return the body that the environment variable ``VFR_BODY`` names.

    Raises:
        ConfigError: it names another one.
        ArtifactMissing: the body's file is not on this machine.
        ArtifactCorrupt: it is not what it should be.
    """
    return load_anny() if chosen_body() is Body.ANNY else load_smplx(smplx_path())
