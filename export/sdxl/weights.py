"""Files of weights: where one is, and whose licence it has.

Only safetensors are read: the other formats are pickles, which run whatever their author wrote into them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import ArtifactMissing, ConversionFailed, LicenceForbids
from bridge.registry import Registry, Tier, require
from export.sdxl.choice import Choice

PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
UNKNOWN_LICENCE = "LicenseRef-unknown"

_NAMES = tuple(
    f"{stem}{variant}.safetensors"
    for variant in ("", ".fp16")
    for stem in ("diffusion_pytorch_model", "model")
)


@dataclass(frozen=True)
class Weights:
    """One source: where it lies, what it is called, who may use it."""

    path: Path
    name: str
    licence: str
    commercial_use: bool


def find(word: str, choice: Choice, registry: Registry) -> Weights:
    """Return a source by its id in the registry or by its path.

    Raises:
        ArtifactMissing: it is neither, or the registry's file is not on this machine.
        ArtifactCorrupt: the file is not the one that the registry names.
        LicenceForbids: the tier is sold and the licence forbids that.
    """
    if word in registry:
        artifact = registry[word]
        path = require(artifact, choice.tier)
        return Weights(path, artifact.id, artifact.licence, artifact.commercial_use)
    path = Path(word)
    if not path.exists():
        raise ArtifactMissing(
            f"there is no file or folder {word}, nor is it an id of configs/registry.yaml; give the path of a "
            "diffusers folder or of a .safetensors file, or an id that the registry lists"
        )
    found = Weights(path, path.resolve().name, choice.licence or UNKNOWN_LICENCE, choice.commercial_use)
    _check_licence(found, choice.tier)
    return found


def _check_licence(weights: Weights, tier: Tier) -> None:
    if tier is Tier.BASIC or weights.commercial_use:
        return
    raise LicenceForbids(
        f"nobody said that {weights.name} may be sold, so the tier {tier.value} may not use it; if its licence allows "
        f"that, say --licence SPDX --commercial-use, and if it doesn't, --tier {Tier.BASIC.value}"
    )


def component(folder: Path, name: str, origin: str) -> Path:
    """Return a component's folder of a diffusers checkpoint.

    Args:
        folder: the checkpoint.
        name: such as ``unet``; the empty name is the folder itself.
        origin: where such weights come from and under which licence: the end of a sentence.

    Raises:
        ArtifactMissing: there is none, or it lacks its config or its weights.
    """
    path = folder / name if name else folder
    if not (path / "config.json").is_file():
        raise ArtifactMissing(f"{path} has no config.json; {origin}")
    files(path, origin)
    return path


def files(path: Path, origin: str = "") -> list[Path]:
    """Return the safetensors of a file or a folder, sharded or not.

    Raises:
        ArtifactMissing: there are none, or one of several is missing.
        ConversionFailed: there are only pickles.
    """
    if path.is_file():
        _refuse_pickle(path)
        return [path]
    if not path.is_dir():
        raise ArtifactMissing(f"there is no folder {path}; {origin}")
    found = next((path / name for name in _NAMES if (path / name).is_file()), None)
    if found:
        return [found]
    for index in sorted(path.glob("*.safetensors.index.json")):
        return _shards(index, origin)
    for pickle in sorted(path.iterdir()):
        _refuse_pickle(pickle)
    raise ArtifactMissing(f"{path} has no {_NAMES[0]} or {_NAMES[1]}; {origin}")


def _shards(index: Path, origin: str) -> list[Path]:
    names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    for name in names:
        if not (index.parent / name).is_file():
            raise ArtifactMissing(f"{index.name} names {name}, which is not in {index.parent}; {origin}")
    return [index.parent / name for name in names]


def _refuse_pickle(path: Path) -> None:
    if path.suffix in PICKLES:
        raise ConversionFailed(
            f"{path} is a pickle, which can run anything when it is read; use the checkpoint's .safetensors, or "
            "rewrite it once with `python -m export safetensors FILE`, which reads tensors alone"
        )


def combined(sources: Iterable[Weights]) -> tuple[str, bool]:
    """Return the licence of what is made of several sources, and whether it may be sold."""
    known = list(sources)
    licences = dict.fromkeys(source.licence for source in known)
    return " AND ".join(licences), all(source.commercial_use for source in known)
