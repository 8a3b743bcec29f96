"""What an artifact is: a file of weights, its source, its place on this machine, its licence."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from bridge.checkout import CHECKOUT
from bridge.contracts import CONTRACTS
from bridge.errors import ArtifactCorrupt, ArtifactMissing, LicenceForbids

UNPINNED = "unpinned"
"""In place of a sha256 that nobody has written down yet: such a file is never used."""


class Tier(str, Enum):
    """The product's quality tiers; all but the first are sold."""

    BASIC = "basic"
    PRO = "pro"
    ULTRA = "ultra"


@dataclass(frozen=True)
class PypiSource:
    """A member of a wheel that a package index holds."""

    package: str
    release: str
    wheel: str
    wheel_sha256: str
    member: str

    @property
    def filename(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.member).name


@dataclass(frozen=True)
class WheelSource:
    """A whole wheel that a package index holds."""

    package: str
    release: str
    wheel: str

    @property
    def filename(self) -> str:
        """The file's own name."""
        return self.wheel


@dataclass(frozen=True)
class HttpsSource:
    """A file at an address."""

    url: str

    @property
    def filename(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.url.partition("?")[0]).name


@dataclass(frozen=True)
class HfSource:
    """A file of a repository on the Hugging Face hub, at a commit."""

    repo: str
    revision: str
    file: str

    @property
    def url(self) -> str:
        """The hub's address of the file (``huggingface_hub.hf_hub_url`` builds the same)."""
        hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        return f"{hub}/{self.repo}/resolve/{self.revision}/{self.file}"

    @property
    def filename(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.file).name


@dataclass(frozen=True)
class FileSource:
    """A file that somebody puts into the folder that ``VFR_WEIGHTS`` names: licensed, or trained here."""

    path: str

    @property
    def filename(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name


Source: TypeAlias = PypiSource | WheelSource | HttpsSource | HfSource | FileSource


@dataclass(frozen=True)
class Artifact:
    """One entry of the registry; the head of ``configs/registry.yaml`` says what each field means."""

    id: str
    summary: str
    version: str
    source: Source
    sha256: str
    size: int  # [bytes]
    licence: str
    attribution: str
    commercial_use: bool

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose weights these are, of those that `make export` installs."""
        return tuple(c.name for c in CONTRACTS.values() if self.id in c.artifacts)

    @property
    def path(self) -> Path:
        """Where the file lies on this machine, or would lie."""
        if isinstance(self.source, FileSource):
            return Path(os.environ.get("VFR_WEIGHTS", artifacts_folder() / "files"), self.source.path)
        return artifacts_folder() / "weights" / self.id / self.version / self.source.filename

    @property
    def remedy(self) -> str:
        """What to do when the file is missing: a clause that ends a sentence."""
        if isinstance(self.source, FileSource):
            return f"put the file at {self.path} (VFR_WEIGHTS names the folder)"
        if not self.models:
            return f"run `python -m export fetch {self.id}`"
        return f"run `make export`, or `python -m export weights --only {self.models[0]}` for this one"


def artifacts_folder() -> Path:
    """Return the folder of downloads, weights and reports."""
    return Path(os.environ.get("VFR_ARTIFACTS", CHECKOUT / ".artifacts"))


def sha256_of(path: Path) -> str:
    """Return a file's sha256 as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(path: Path, artifact: Artifact) -> None:
    """Check that a file is the artifact.

    Raises:
        ArtifactMissing: there is no such file; the message says which command gets it.
        ArtifactCorrupt: its size or its sha256 differs.
    """
    if artifact.sha256 == UNPINNED:
        raise ArtifactMissing(
            f"{artifact.id} {artifact.version} can't be told from another file: its sha256 is not in the registry yet; "
            "compare your file's with its publisher's and write sha256, size and commit into configs/registry.yaml"
        )
    if not path.is_file():
        raise ArtifactMissing(f"{artifact.id} {artifact.version} is not on this machine: {artifact.remedy}")
    size = path.stat().st_size
    if size != artifact.size or sha256_of(path) != artifact.sha256:
        raise ArtifactCorrupt(
            f"{path} is not {artifact.id} {artifact.version}: its {size} bytes have another sha256 than the "
            f"{artifact.size} bytes of the registry; delete the file, then {artifact.remedy}"
        )


def check_licence(artifact: Artifact, tier: Tier) -> None:
    """Check that a tier may use an artifact.

    Raises:
        LicenceForbids: the tier is sold and the licence allows no commercial use.
    """
    if tier is not Tier.BASIC and not artifact.commercial_use:
        raise LicenceForbids(
            f"{artifact.id} is under {artifact.licence}, which forbids commercial use, so the tier "
            f"{tier.value} may not use it; choose other weights or the tier {Tier.BASIC.value}"
        )


def require(artifact: Artifact, tier: Tier) -> Path:
    """Return the artifact's file, once it is certain that it is the right one and may be used.

    Raises:
        LicenceForbids: the tier may not use it.
        ArtifactMissing: it is not on this machine; the message says which command gets it.
        ArtifactCorrupt: the file is another one.
    """
    check_licence(artifact, tier)
    verify(artifact.path, artifact)
    return artifact.path
