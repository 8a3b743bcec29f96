"""What a fabric resists and weighs, read from ``configs/fabrics.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from bridge.checkout import CONFIGS
from bridge.contracts import Fabric
from bridge.errors import ConfigError

FILE = CONFIGS / "fabrics.yaml"
"""The presets, each number with its source."""


@dataclass(frozen=True)
class Material:
    """The cloth of a garment; warp runs along the garment's length, weft across it.

    Attributes:
        density: mass of an area [kg/m2].
        warp: tensile stiffness along the warp: tension by strain [N/m].
        weft: the same along the weft [N/m].
        shear: shear stiffness: shear force of a length by the shear angle [N/m].
        bending: bending rigidity: moment of a length by curvature [N m].
        friction: Coulomb's coefficient against the body.
        thickness: distance that the cloth's middle keeps from the skin [m].
        limit: the strain beyond which the yarns give no more.
    """

    density: float
    warp: float
    weft: float
    shear: float
    bending: float
    friction: float
    thickness: float
    limit: float


@cache
def materials(path: Path = FILE) -> dict[Fabric, Material]:
    """Return the presets.

    Raises:
        ConfigError: the file lacks a fabric or a number, or a number is not positive.
    """
    import yaml

    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, dict):
        raise ConfigError(f"{path.name} holds no fabrics; restore it from the project's history.")
    return {
        fabric: _material(path, fabric, entries.get(fabric.value))
        for fabric in Fabric
        if fabric is not Fabric.AUTO
    }


def _material(path: Path, fabric: Fabric, entry: object) -> Material:
    names = [field.name for field in fields(Material)]
    if not isinstance(entry, dict):
        raise ConfigError(f"{path.name} has no fabric {fabric.value}; copy one of the others and change it.")
    wrong = [n for n in names if not isinstance(entry.get(n), (int, float)) or not entry[n] > 0]
    if wrong:
        raise ConfigError(
            f"{path.name}: {fabric.value} needs a positive number for {', '.join(wrong)}; see the file's head."
        )
    return Material(**{name: float(entry[name]) for name in names})
