"""What is in files of weights, told before any of it is loaded, and one hash of several files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from bridge.errors import ArtifactCorrupt, ConversionFailed
from bridge.registry import sha256_of

_DTYPES = frozenset({"F32", "F16", "BF16"})


def header(path: Path) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """Return each tensor's dtype and shape without reading it.

    Raises:
        ArtifactCorrupt: the file is no safetensors, or cut short.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
            return {key: (part.get_dtype(), tuple(part.get_shape())) for key, part in slices.items()}
    except (SafetensorError, OSError) as error:
        raise ArtifactCorrupt(f"{path} can't be read ({error}); fetch it anew") from error


def check_dtypes(paths: Iterable[Path]) -> None:
    """Check that every weight is a floating point number that export can compute with.

    Raises:
        ConversionFailed: a tensor has another type; positions and other integers are no weights.
    """
    for path in paths:
        for name, (dtype, _) in header(path).items():
            if dtype not in _DTYPES and not name.endswith(("position_ids", "num_batches_tracked")):
                raise ConversionFailed(
                    f"{name} of {path} is {dtype}; export reads {', '.join(sorted(_DTYPES))}: use the checkpoint as it "
                    "was before it was quantised, and choose the precision of what comes out"
                )


def digest(paths: Mapping[str, Iterable[Path]], merged: Iterable[tuple[str, float]] = ()) -> str:
    """Return one sha256 for all weights that went in, and for how LoRAs were merged."""
    lines = [f"{part} {sha256_of(path)}" for part, found in sorted(paths.items()) for path in found]
    lines += [f"lora {sha256_of(Path(path))} {scale}" for path, scale in merged]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
