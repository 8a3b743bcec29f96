"""What hangs in the wardrobe: the cut and the materials of every kind of garment that is drawn."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Literal, TypeVar

import numpy as np

from bridge.garment.drawing.bottoms import BottomCut, BottomLook
from bridge.garment.drawing.cloth import Cloth, Weave
from bridge.garment.drawing.patterns import Collar, TopCut, TopLook
from bridge.garment.drawing.prints import Colour, Print, emblem, flowers

Kind = Literal[
    "tee",
    "sweater",
    "blouse",
    "shirt",
    "turtleneck",
    "hoodie",
    "tank",
    "camisole",
    "trousers",
    "shorts",
    "skirt",
    "dress",
    "long_dress",
]

Cut = TypeVar("Cut", TopCut, BottomCut)

_TOPS: dict[str, TopCut] = {
    "tee": TopCut(),
    "sweater": TopCut(
        neck=78, front_drop=62, rib=24, shoulder=(205, 50), armpit=(196, 236), waist=(192, 420), hip=(192, 420),
        hem=(184, 640), sleeve=520, sleeve_angle=0.30, cuff=74, cuff_rib=46, hem_rib=48, hem_sag=6,
    ),
    "blouse": TopCut(
        neck=80, front_drop=84, collar=Collar.BOUND, rib=0,
        neck_power=1.6, shoulder=(186, 48), armpit=(176, 214), waist=(166, 390),
        hip=(184, 560), hem=(190, 640), sleeve=400, sleeve_angle=0.36, cuff=92, hem_sag=16,
    ),
    "shirt": TopCut(
        neck=66, front_drop=44, collar=Collar.SHIRT, rib=0, shoulder=(196, 48), armpit=(184, 226), waist=(178, 410),
        hip=(186, 560), hem=(184, 640), sleeve=500, sleeve_angle=0.26, cuff=66, hem_sag=22,
    ),
    "turtleneck": TopCut(
        neck=70, front_drop=14, collar=Collar.TURTLE, rib=0, shoulder=(192, 50), armpit=(178, 216),
        waist=(170, 400), hip=(180, 560), hem=(182, 640), sleeve=510, sleeve_angle=0.22, cuff=58, cuff_rib=40,
        hem_rib=40, hem_sag=5,
    ),
    "hoodie": TopCut(
        neck=84, front_drop=58, collar=Collar.HOOD, rib=0, shoulder=(214, 56), armpit=(206, 250),
        waist=(204, 430), hip=(204, 430), hem=(192, 640), sleeve=520, sleeve_angle=0.32, cuff=72, cuff_rib=46,
        hem_rib=50, hem_sag=4,
    ),
    "tank": TopCut(
        neck=92, front_drop=178, back_drop=84, neck_power=2.2, rib=13, shoulder=(134, 12), armpit=(180, 222),
        waist=(164, 400), hip=(178, 560), hem=(182, 640), sleeve=0,
    ),
    "camisole": TopCut(
        neck=112, front_drop=176, back_drop=172, neck_power=1.4, rib=9, shoulder=(126, 4), armpit=(182, 206),
        waist=(168, 370), hip=(182, 520), hem=(186, 600), sleeve=0,
    ),
    "dress": TopCut(
        neck=92, front_drop=120, back_drop=44, collar=Collar.BOUND, rib=0,
        shoulder=(150, 24), armpit=(150, 186), waist=(124, 330),
        hip=(166, 470), hem=(248, 860), hem_sag=16, sleeve=0,
    ),
    "long_dress": TopCut(
        neck=70, front_drop=70, back_drop=14, collar=Collar.BOUND, rib=0,
        shoulder=(150, 38), armpit=(138, 178), waist=(116, 320),
        hip=(158, 460), hem=(214, 880), hem_sag=12, sleeve=430, sleeve_angle=0.25, cuff=56,
    ),
}  # fmt: skip
_BOTTOMS: dict[str, BottomCut] = {
    "trousers": BottomCut(),
    "shorts": BottomCut(
        waist=136, band=34, hip=(178, 148), hem=(204, 398), crotch=262, inner=(26, 416), dip=9
    ),
    "skirt": BottomCut(waist=122, band=30, hip=(170, 136), hem=(268, 560), crotch=0, hem_sag=26, pleats=13),
}

_RISE = {Collar.SHIRT: -30.0, Collar.TURTLE: -66.0, Collar.HOOD: -176.0}
"""How high a collar rises above the neckline's corners [garment units]."""

_INK: Colour = (28, 36, 58)
_CREAM: Colour = (240, 232, 214)
_PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((46, 92, 98), (226, 142, 88), (240, 228, 206)),
    ((178, 58, 54), (244, 206, 132), (250, 240, 224)),
    ((86, 96, 142), (236, 150, 140), (246, 240, 232)),
    ((66, 70, 62), (196, 178, 92), (238, 234, 220)),
    ((24, 26, 34), (214, 90, 70), (236, 236, 236)),
    ((236, 236, 232), (70, 110, 150), (30, 40, 60)),
    ((198, 168, 190), (84, 52, 92), (250, 244, 246)),
)
"""(cloth, accent, light) colour triples for variations; the last but one is white on a white wall."""


def height_of(kind: Kind) -> tuple[float, float]:
    """The garment's top and bottom in its own frame [garment units]."""
    if kind in _BOTTOMS:
        return 0.0, _BOTTOMS[kind].hem[1]
    return _RISE.get(_TOPS[kind].collar, 0.0), _TOPS[kind].hem[1]


def top_of(kind: Kind, rng: np.random.Generator, vary: float) -> tuple[TopCut, TopLook]:
    """The cut and the materials of a top or dress; ``vary`` in [0, 1] strays from the pattern."""
    cut = _varied(_TOPS[kind], rng, vary)
    if vary:
        cloth, accent, light = _PALETTES[int(rng.integers(len(_PALETTES)))]
        look = _plain_look(kind, cloth, accent, light, rng)
    else:
        look = _own_look(kind, rng)
    return cut, look


def bottom_of(kind: Kind, rng: np.random.Generator, vary: float) -> tuple[BottomCut, BottomLook]:
    """The cut and the materials of trousers, shorts or a skirt."""
    cut = _varied(_BOTTOMS[kind], rng, vary)
    grounds: dict[str, tuple[Colour, Weave]] = {
        "trousers": ((58, 76, 108), Weave.TWILL),
        "shorts": ((196, 172, 134), Weave.TWILL),
        "skirt": ((122, 52, 66), Weave.PLAIN),
    }
    ground, weave = grounds[kind]
    if vary:
        ground = _PALETTES[int(rng.integers(len(_PALETTES)))][0]
    thread: Colour = (206, 160, 96) if kind == "trousers" else _darker(_darker(ground))
    worn = 0.22 if kind == "trousers" else 0.06 if kind == "shorts" else 0.0
    look = BottomLook(Cloth(Print(ground), weave, worn), thread, pockets=kind != "skirt")
    return cut, look


def _own_look(kind: Kind, rng: np.random.Generator) -> TopLook:
    if kind == "tee":
        picture = emblem(_INK, (222, 106, 72), "NEUROSE")
        body = Cloth(Print(_CREAM, chest=picture), Weave.JERSEY)
        return TopLook(
            body,
            Cloth(Print(_CREAM), Weave.JERSEY),
            Cloth(Print((40, 62, 84)), Weave.JERSEY),
            (206, 196, 174),
        )
    if kind in ("turtleneck", "hoodie"):
        ground = (150, 84, 60) if kind == "turtleneck" else (106, 118, 128)
        plain = Cloth(Print(ground), Weave.KNIT if kind == "turtleneck" else Weave.JERSEY)
        return TopLook(plain, plain, plain, _darker(ground))
    if kind == "shirt":
        stripes = tuple((at, at + 3.0, (120, 150, 196)) for at in (0.0, 14.0))
        oxford = Cloth(Print((236, 240, 246), stripes=stripes, period=28, upright=True), Weave.PLAIN)
        return TopLook(oxford, oxford, oxford, (190, 200, 214), inside_tone=0.72, buttons=True)
    if kind == "sweater":
        stripes = ((0.0, 26.0, (236, 230, 218)),)
        knit = Cloth(Print((44, 66, 96), stripes=stripes, period=62), Weave.KNIT)
        return TopLook(knit, knit, Cloth(Print((44, 66, 96)), Weave.KNIT), (34, 50, 74))
    if kind in ("blouse", "dress", "long_dress"):
        ground, petals, leaf = {
            "blouse": ((250, 244, 236), [(204, 92, 100), (232, 160, 140), (92, 118, 166)], (98, 128, 96)),
            "dress": ((34, 66, 66), [(236, 170, 120), (220, 104, 96), (244, 226, 190)], (86, 132, 96)),
            "long_dress": ((112, 34, 52), [(240, 200, 180), (226, 130, 120), (248, 232, 214)], (70, 96, 80)),
        }[kind]
        cloth = Cloth(Print(ground, tile=flowers(ground, list(petals), leaf, rng)), Weave.PLAIN)
        return TopLook(cloth, cloth, cloth, _darker(ground), buttons=kind == "blouse")
    ground = (214, 118, 92) if kind == "tank" else (94, 118, 106)
    cloth = Cloth(Print(ground), Weave.JERSEY)
    return TopLook(cloth, cloth, Cloth(Print(_darker(ground)), Weave.JERSEY), _darker(ground))


def _darker(colour: Colour) -> Colour:
    return 0.8 * colour[0], 0.8 * colour[1], 0.8 * colour[2]


def _plain_look(
    kind: Kind, cloth: Colour, accent: Colour, light: Colour, rng: np.random.Generator
) -> TopLook:
    """A look of random print and ribbing in the given colours."""
    choice = int(rng.integers(4))
    weave = Weave.KNIT if kind == "sweater" else Weave.JERSEY
    design = Print(cloth)
    if choice == 1:
        design = Print(
            cloth, stripes=((0.0, float(rng.uniform(8, 30)), light),), period=float(rng.uniform(40, 70))
        )
    elif choice == 2:
        design = Print(cloth, tile=flowers(cloth, [accent, light], accent, rng))
    elif choice == 3:
        design = Print(cloth, chest=emblem(light, accent, "SUNDAY"))
    ribbing = Print(accent if rng.random() < 0.4 else cloth)
    return TopLook(
        Cloth(design, weave), Cloth(replace(design, chest=None), weave), Cloth(ribbing, weave),
        _darker(cloth), inside_tone=float(rng.uniform(0.5, 0.8)),
        label=(236, 232, 224) if rng.random() < 0.6 else None,
    )  # fmt: skip


def _varied(cut: Cut, rng: np.random.Generator, vary: float) -> Cut:
    """Stretch a cut: as a whole by up to ``vary`` times 14 percent either way, and every measure by up to 6."""
    wide, long = 1 + 0.14 * vary * rng.uniform(-1, 1, 2)
    changed: dict[str, float | tuple[float, float]] = {}
    for item in fields(cut):
        value = getattr(cut, item.name)
        share = 1 + 0.06 * vary * rng.uniform(-1, 1)
        if isinstance(value, tuple):
            tall = long if value[1] > 300 else 1.0
            changed[item.name] = (value[0] * wide * share, value[1] * tall)
        elif isinstance(value, float | int):
            changed[item.name] = type(value)(value * (1 + 3 * (share - 1)))
    return replace(cut, **changed)  # type: ignore[arg-type]
