"""What a request can set of the finisher, within which bounds; ``configs/pipeline.yaml`` has the numbers of each tier.

This module imports no torch: the API reads it too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bridge.checkout import CONFIGS
from bridge.errors import BadInput, ConfigError
from bridge.registry import Tier

FILE = CONFIGS / "pipeline.yaml"
ENV = "VFR_FINISHER_"
"""``VFR_FINISHER_STEPS=30`` and ``VFR_FINISHER_CONTROLS__POSE=0.6`` hold for every tier, over the file."""

SchedulerName = Literal[
    "checkpoint", "euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_karras", "ddim", "unipc", "lcm"
]
"""A scheduler of diffusers; ``checkpoint``: the one that the weights came with."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Scale = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0)]
Box = tuple[Whole, Whole, Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]
"""Left, top, width and height in the photo [px]."""


class FinishSettings(BaseModel):
    """How one picture is finished. The limits are what the method allows; :class:`Finishing` has narrower ones.

    ``denoise`` and ``steps`` mean what ``strength`` and ``num_inference_steps`` do in diffusers:
    int(steps · denoise) steps are executed, the last of the whole schedule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    denoise: Share
    steps: Annotated[int, Field(ge=1, le=1000)]
    full_schedule: bool = Field(default=False, description="whether all of `steps` are executed instead")
    scheduler: SchedulerName
    guidance: Annotated[float, Field(ge=1, le=30, allow_inf_nan=False)]
    """Classifier-free guidance (Ho and Salimans 2022); at 1 there is none, and half the work."""
    guidance_end: Share = Field(
        default=1.0, description="share of the executed steps after which it is left out"
    )
    deep_every: Annotated[int, Field(ge=1, le=10)] = Field(
        default=1,
        description="every how many steps the whole denoiser runs; 1: in each (bridge.finish.shortcuts)",
    )
    long_side: Annotated[int, Field(ge=64, le=4096)]
    """Of the bucket that the picture is finished in [px]."""
    controls: dict[str, Scale]
    """Scale of each control; one that isn't named, or at 0, is left out."""
    control_start: Share = Field(
        default=0.0, description="share of the executed steps before the controls hold"
    )
    control_end: Share = Field(default=1.0, description="share of the executed steps until which they hold")
    garment_adapter: Scale
    face_adapter: Scale
    identity_adapter: Scale
    refiner_denoise: Share
    """As ``denoise``, of the refiner, with the same ``steps``; 0: no refiner."""
    tile_denoise: Share
    tile_steps: Annotated[int, Field(ge=1, le=1000)]
    prints: Annotated[tuple[Box, ...], Field(max_length=4)] = Field(
        default=(), description="prints and logos: each is finished once more, alone, as large as a bucket is"
    )
    feather: Annotated[int, Field(ge=0, le=256)]
    """Over how many pixels inside the edited region the finished picture takes over from the geometry's [px]."""
    preview_every: Annotated[int, Field(ge=0)] = Field(
        default=0, description="steps between two previews; 0: none"
    )

    @model_validator(mode="after")
    def _ends_after_start(self) -> FinishSettings:
        if self.control_start >= self.control_end:
            raise ValueError("control_start must be less than control_end")
        return self


Bounds = dict[str, tuple[float, float]]
"""Least and most of a number that a request may set, by its name."""


class Finishing(BaseModel):
    """The section ``finisher`` of ``configs/pipeline.yaml``: each tier's settings, and what requests may change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: Bounds
    pro: FinishSettings
    ultra: FinishSettings

    @model_validator(mode="after")
    def _within(self) -> Finishing:
        if unknown := self.bounds.keys() - FinishSettings.model_fields.keys():
            raise ValueError(f"bounds names {', '.join(sorted(unknown))}, which is no setting")
        if wrong := [name for name, (least, most) in self.bounds.items() if not least <= most]:
            raise ValueError(f"bounds of {', '.join(wrong)}: the first must not exceed the second")
        for tier in (self.pro, self.ultra):
            if outside := self.outside(tier):
                raise ValueError(outside)
        return self

    def outside(self, settings: FinishSettings) -> str | None:
        """Return a sentence about the first setting that lies out of its bounds, None if there is none."""
        for name, (least, most) in self.bounds.items():
            if not least <= (value := getattr(settings, name)) <= most:
                return f"{name} must lie between {least:g} and {most:g}, and is {value:g}"
        return None

    def settings(self, tier: Tier = Tier.PRO, asked: Mapping[str, object] | None = None) -> FinishSettings:
        """Return a tier's settings with a request's own over them.

        Args:
            tier: pro or ultra; basic, which has no finisher, counts as pro.
            asked: what differs, by name; of ``controls`` only the ones that differ.

        Raises:
            BadInput: a name nobody knows, a value of another type, or out of its bounds.
        """
        known = (self.ultra if tier is Tier.ULTRA else self.pro).model_dump()
        try:
            settings = FinishSettings.model_validate(_over(known, asked or {}))
        except ValidationError as error:
            raise BadInput(f"The finisher's settings can't be used: {faults(error)}.") from error
        if outside := self.outside(settings):
            raise BadInput(f"The finisher's settings can't be used: {outside}.")
        return settings

    def read(self, text: str) -> FinishSettings:
        """Return the settings that a request sends as JSON: ``tier`` (pro), and what differs from that tier's.

        Raises:
            BadInput: not a JSON object, or see :meth:`settings`.
        """
        try:
            asked = json.loads(text or "{}")
            tier = Tier(asked.pop("tier", Tier.PRO.value))
        except (ValueError, AttributeError, TypeError) as error:
            raise BadInput(
                'The finisher\'s settings must be a JSON object such as {"tier": "pro", "steps": 30}.'
            ) from error
        return self.settings(tier, asked)

    def clamped(self, settings: FinishSettings, changes: Mapping[str, float]) -> FinishSettings:
        """Return settings with numbers added to them, each kept within its bounds; ``controls.pose`` names a scale."""
        changed = settings.model_dump()
        for name, change in changes.items():
            field, _, key = name.partition(".")
            if key:
                if changed[field].get(key):  # a control that is left out stays so
                    changed[field][key] = round(min(max(changed[field][key] + change, 0.0), 2.0), 6)
            else:
                least, most = self.bounds.get(field, (-float("inf"), float("inf")))
                changed[field] = round(min(max(changed[field] + change, least), most), 6)
        return FinishSettings.model_validate(changed)


def overridden(section: object, env: Mapping[str, str]) -> object:
    """Return the section with the environment's values in both tiers; see :data:`ENV`."""
    if not isinstance(section, Mapping):
        return section
    values: dict[str, object] = {}
    for variable in sorted(env):
        if variable.startswith(ENV):
            field, _, key = variable.removeprefix(ENV).lower().partition("__")
            value = yaml.safe_load(env[variable])
            values = _over(values, {field: {key: value} if key else value})
    tiers = {
        name: _over(section[name], values)
        for name in ("pro", "ultra")
        if isinstance(section.get(name), Mapping)
    }
    return {**section, **tiers}


def load(path: Path = FILE, env: Mapping[str, str] | None = None) -> Finishing:
    """Return what a file's section ``finisher`` says, with the environment (that of this process) over it.

    Raises:
        ConfigError: it can't be read, has no such section, or says something that can't be done.
    """
    try:
        section = _file(path)["finisher"]
        return Finishing.model_validate(overridden(section, os.environ if env is None else env))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} has no section `finisher` that can be read ({error}).") from error
    except ValidationError as error:
        raise ConfigError(f"{path.name}: finisher: {faults(error)}; or {ENV}* says so.") from error


def faults(error: ValidationError) -> str:
    """Return what pydantic found, in one line."""
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}".removeprefix(": ")
        for fault in error.errors()
    )


@cache
def _file(path: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _over(known: Mapping[str, object], asked: Mapping[str, object]) -> dict[str, object]:
    """Return ``known`` with ``asked`` over it; of a mapping within, key by key."""
    merged = dict(known)
    for name, value in asked.items():
        inner = merged.get(name)
        merged[name] = (
            {**inner, **value} if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
        )
    return merged
