"""Which parametric body a server fits, and whether its file is in place: Anny, or the user's own SMPL-X."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from bridge.errors import ConfigError
from bridge.registry.artifact import artifacts_folder
from bridge.registry.conversion import conversion_fault, report_path

SMPLX_LICENCE = "LicenseRef-SMPL-X"
"""The Max Planck Institute's terms, https://smpl-x.is.tue.mpg.de/modellicense.html: scientific, not commercial."""


class Body(str, Enum):
    """The body models; ANNY is the default."""

    ANNY = "anny"
    SMPLX = "smplx"


def chosen_body() -> Body:
    """Return the body that the environment variable ``VFR_BODY`` names.

    Raises:
        ConfigError: it names another one.
    """
    name = os.environ.get("VFR_BODY", Body.ANNY.value)
    try:
        return Body(name)
    except ValueError:
        raise ConfigError(f"VFR_BODY is {name!r}; set it to {' or '.join(Body)}") from None


def chosen_body_fault() -> str:
    """Say why the chosen body can't be used; empty when its file is in place."""
    try:
        body = chosen_body()
    except ConfigError as error:
        return str(error)
    return anny_fault() if body is Body.ANNY else smplx_fault(smplx_path())


def anny_path() -> Path:
    """Return where the converted Anny lies, or would lie."""
    return artifacts_folder() / "bodies" / "anny.safetensors"


def anny_fault() -> str:
    """Say why the converted Anny can't be used; empty when it can."""
    return conversion_fault(anny_path(), report_path(Body.ANNY.value), "body_sha256")


def smplx_path() -> Path:
    """Return where the user's SMPL-X model file is expected."""
    return Path(os.environ.get("VFR_WEIGHTS", artifacts_folder() / "files"), "smplx", "SMPLX_NEUTRAL.npz")


def smplx_fault(path: Path) -> str:
    """Say what to do where there is no SMPL-X model file; empty when there is a file. It is not looked into."""
    if path.is_file():
        return ""
    return (
        f"{path} does not exist; get SMPLX_NEUTRAL.npz from https://smpl-x.is.tue.mpg.de (registration, their "
        "licence) and put it there (VFR_WEIGHTS names the folder above smplx), or set VFR_BODY=anny"
    )
