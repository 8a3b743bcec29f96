"""Which body a server uses."""

from __future__ import annotations

import os

from bridge.body.anny import load_anny
from bridge.body.linear import LinearBody
from bridge.body.smplx import load_smplx, smplx_path
from bridge.errors import ConfigError


def load_body() -> LinearBody:
    """Return the body that the environment variable ``VFR_BODY`` names: ``anny`` (the default) or ``smplx``.

    Raises:
        ConfigError: it names another one.
        ArtifactMissing: the body's file is not on this machine.
        ArtifactCorrupt: it is not what it should be.
    """
    name = os.environ.get("VFR_BODY", "anny")
    if name == "anny":
        return load_anny()
    if name == "smplx":
        return load_smplx(smplx_path())
    raise ConfigError(f"VFR_BODY is {name!r}; set it to anny or smplx")
