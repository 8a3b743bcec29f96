"""Folders of test photos: pairs, people, garments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.contracts import Category
from bridge.errors import BadInput

PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Photo:
    """One encoded picture and the name that people know it by."""

    name: str
    data: bytes
    category: Category = Category.AUTO


@dataclass(frozen=True)
class Pair:
    """A person who wears this very garment, and the mask under which the photo is hidden; all encoded."""

    name: str
    person: bytes
    garment: bytes
    mask: bytes


def pair_folders(root: Path) -> list[Path]:
    """Return the folders of ``root`` that hold a pair, by name.

    Raises:
        BadInput: there is none.
    """
    folders = [folder for folder in sorted(root.glob("*/")) if _find(folder, "person")]
    if not folders:
        raise BadInput(f"No pairs in {root}. It must hold folders with person, garment and mask pictures.")
    return folders


def read_pair(folder: Path) -> Pair:
    """Read ``person``, ``garment`` and ``mask``, each a JPEG, PNG or WebP.

    Raises:
        BadInput: one of them is missing.
    """
    found = {name: _find(folder, name) for name in ("person", "garment", "mask")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise BadInput(f"{folder.name} has no picture named {' and none named '.join(missing)}.")
    data = {name: path.read_bytes() for name, path in found.items() if path is not None}
    return Pair(folder.name, **data)


def read_photos(folder: Path) -> list[Photo]:
    """Read every picture of a folder; its name may begin with its category, as in ``dress_051998.jpg``."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES]
    return [Photo(path.stem, path.read_bytes(), category_of(path.stem)) for path in paths]


def gather(people: Path, garments: Path, pairs: Path) -> tuple[list[Photo], list[Photo]]:
    """Read everybody and everything that can be worn; a folder that does not exist adds nothing.

    Raises:
        BadInput: there is nobody or nothing to wear.
    """
    wearers = read_photos(people) if people.is_dir() else []
    clothes = read_photos(garments) if garments.is_dir() else []
    for pair in map(read_pair, pair_folders(pairs) if pairs.is_dir() else []):
        wearers.append(Photo(pair.name, pair.person))
        clothes.append(Photo(pair.name, pair.garment))
    if not (wearers and clothes):
        raise BadInput(f"No photos of people or none of garments in {people}, {garments} and {pairs}.")
    return wearers, clothes


def category_of(name: str) -> Category:
    """Return the category that a file's name claims; ``AUTO`` when it claims none."""
    prefix = name.partition("_")[0].lower()
    return Category(prefix) if prefix in {category.value for category in Category} else Category.AUTO


def _find(folder: Path, name: str) -> Path | None:
    paths = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES)
    return next((path for path in paths if path.stem.lower() == name), None)
