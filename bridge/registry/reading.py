"""Reads ``configs/registry.yaml`` into typed records; a typing error is found here and named."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from bridge.checkout import CONFIGS
from bridge.errors import ArtifactError, ArtifactMissing
from bridge.registry.artifact import (
    UNPINNED,
    Artifact,
    FileSource,
    HfSource,
    HttpsSource,
    PypiSource,
    Source,
    WheelSource,
)

REGISTRY = CONFIGS / "registry.yaml"

_SOURCES: Mapping[str, Callable[..., Source]] = {
    "pypi": PypiSource,
    "wheel": WheelSource,
    "https": HttpsSource,
    "hf": HfSource,
    "file": FileSource,
}
_TYPES: Mapping[str, type] = {"str": str, "int": int, "bool": bool}
_BELOW = r"(?!.*\.\.)[^/\\][^\\]*"  # a relative path that stays below its folder
_FORMS: Mapping[str, str] = {
    "id": r"[a-z][a-z0-9_]*",
    "version": r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?",  # semver.org
    "sha256": rf"[0-9a-f]{{64}}|{UNPINNED}",
    "wheel_sha256": r"[0-9a-f]{64}",
    "package": r"[A-Za-z0-9][\w.-]*",
    "release": r"[0-9][\w.!+]*",
    "wheel": r"[\w.+]+(-[\w.+]+){4,5}\.whl",
    "url": r"https://[^\s]+/[^\s/]+",
    "member": _BELOW,
    "file": _BELOW,
    "path": _BELOW,
}
"""What the text of some keys must look like."""

_Record = TypeVar("_Record")


class Registry(dict[str, Artifact]):
    """Artifacts by id; asking for an unknown id says which one is nearest."""

    def __missing__(self, artifact_id: str) -> Artifact:
        raise ArtifactMissing(
            f"the registry has no artifact {artifact_id!r}{_nearest(artifact_id, self)}; "
            "configs/registry.yaml lists them"
        )


def load_registry(path: Path = REGISTRY) -> Registry:
    """Read and check the registry.

    Raises:
        ArtifactError: the file is not as its head says; the message names the entry and the key.
    """
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ArtifactError(f"the registry {path} can't be read: {error}") from error
    entries = _mapping(_mapping(document, "the registry").get("artifacts"), "artifacts")
    return Registry({key: _artifact(key, _mapping(entry, key)) for key, entry in entries.items()})


def _artifact(key: str, entry: Mapping[str, object]) -> Artifact:
    source = dict(_mapping(entry.get("source"), f"{key}: source"))
    kind = str(source.pop("type", None))
    if kind not in _SOURCES:
        raise ArtifactError(f"{key}: source: unknown type {kind!r}{_nearest(kind, _SOURCES)}")
    record = _record(_SOURCES[kind], f"{key}: source", source)
    return _record(Artifact, key, {**entry, "id": key, "source": record})


def _record(make: Callable[..., _Record], where: str, values: Mapping[str, object]) -> _Record:
    """Build a dataclass from a mapping whose keys and types must be exactly its fields'."""
    fields: Mapping[str, str] = inspect.get_annotations(make)
    for key in values.keys() - fields.keys():
        raise ArtifactError(f"{where}: unknown key {key!r}{_nearest(str(key), fields)}")
    for key, kind in fields.items():
        if key not in values:
            raise ArtifactError(f"{where}: the key {key!r} is missing")
        _check(f"{where}: {key}", values[key], kind, _FORMS.get(key, ".*"))
    return make(**values)


def _check(where: str, value: object, kind: str, form: str) -> None:
    if kind not in _TYPES:
        return
    if type(value) is not _TYPES[kind]:
        raise ArtifactError(f"{where} must be a {kind}, not {value!r}")
    if not re.fullmatch(form, str(value)):
        raise ArtifactError(f"{where} can't be {value!r}")


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ArtifactError(f"{where} must be a mapping of keys to values, not {value!r}")
    return value


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
