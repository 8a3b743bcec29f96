"""What a card is and how every model runs on it: the files of ``configs/gpu``, whose fields ``cpu.yaml`` explains."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bridge.checkout import CONFIGS
from bridge.contracts import KNOWN, Backend, Contract
from bridge.errors import ConfigError
from bridge.finish.layout import Bucket, Precision, bucket_name

CARDS = CONFIGS / "gpu"
DEFAULT_CARD = "cpu"

FINISH = "finish"
"""The model in whose folder an installed checkpoint is described."""
ENGINES = (FINISH, "tryon_pro")
"""The models that work on several pictures at once; how many is the card's."""

Role = Literal[
    "text_encode", "image_encode", "face_encode", "identity_encode", "vae_encode", "vae_decode", "control_embed",
    "denoise", "denoise_shallow", "refine",
]  # fmt: skip
"""What a network of the finisher does, in every checkpoint and at every size of picture."""

DType = Literal["fp32", "fp16", "bf16", "fp8"]

_SIZED = re.compile(r"_\d+x\d+$")


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tuning(_Facts):
    """How one model runs on a card."""

    kind: Literal["cpu", "gpu"] = "cpu"
    instances: Annotated[int, Field(ge=1, le=16)] = 1
    max_queue_delay_us: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    preferred_batch: tuple[Annotated[int, Field(ge=1)], ...] = ()
    threads: Annotated[int, Field(ge=1)] | None = None
    memo_mib: Annotated[int, Field(ge=0, le=4096)] = 0
    exclusive: str | None = None
    jobs: Annotated[int, Field(ge=1, le=64)] | None = None

    def over(self, base: Tuning) -> Tuning:
        """Return ``base`` with the fields that this one states."""
        return base.model_copy(update=self.model_dump(exclude_unset=True))


class Rows(_Facts):
    """How many rows a denoiser is built for: at least, best, at most (TensorRT's optimisation profile)."""

    min: Annotated[int, Field(ge=1)] = 1
    opt: Annotated[int, Field(ge=1)] = 2
    max: Annotated[int, Field(ge=1, le=64)] = 8

    @model_validator(mode="after")
    def _in_order(self) -> Rows:
        if not self.min <= self.opt <= self.max:
            raise ValueError("rows must be min <= opt <= max")
        return self


class Device(_Facts):
    """The card itself."""

    name: str
    sm: Annotated[str, Field(pattern=r"^\d+\.\d$")]
    memory_mib: Annotated[int, Field(ge=1024)]
    dtypes: tuple[DType, ...]


class Finishing(_Facts):
    """How the finisher's networks run, which no contract names since they are made from a checkpoint's layout."""

    jobs: Annotated[int, Field(ge=1, le=64)] = 1
    precision: Precision = "fp32"
    workspace_mib: Annotated[int, Field(ge=256)] = 4096
    rows: Rows = Rows()
    buckets: dict[Annotated[str, Field(pattern=r"^\d+x\d+$")], Rows] = {}
    networks: dict[Role, Tuning] = {}

    def rows_of(self, bucket: Bucket) -> Rows:
        """Return the profile of a bucket's denoisers."""
        return self.buckets.get(bucket_name(bucket), self.rows)


class Card(_Facts):
    """One file of ``configs/gpu``: what holds for every model, and what differs for some."""

    device: Device | None = None
    default: Tuning = Tuning()
    models: dict[str, Tuning] = {}
    finisher: Finishing = Finishing()

    def tuning(self, model: str) -> Tuning:
        """Return how ``model`` runs: its own fields, and the default's where it has none.

        A network of the finisher (``denoise_1024x1344``) runs as its role says (``denoise``).
        """
        networks = {str(name): tuning for name, tuning in self.finisher.networks.items()}
        tuning = (networks | self.models).get(role(model), Tuning()).over(self.default)
        return tuning.model_copy(update={"jobs": self.finisher.jobs}) if model in ENGINES else tuning


def role(network: str) -> str:
    """Return what a network does: ``denoise`` of ``denoise_1024x1344``."""
    return _SIZED.sub("", network)


def read_card(path: Path, contracts: Mapping[str, Contract] = KNOWN) -> Card:
    """Read one file of ``configs/gpu``.

    Raises:
        ConfigError: the file is no card, or speaks of a model that doesn't exist or can't run like that.
    """
    try:
        card = Card.model_validate(yaml.safe_load(path.read_text()))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"{path.name} can't be used: {error}") from error
    for name in card.models:
        _refuse_unknown(path.name, name, contracts)
        _refuse_impossible(path.name, contracts[name], card.tuning(name))
    return card


def find_card(name: str, contracts: Mapping[str, Contract] = KNOWN) -> Card:
    """Return the card of that name (``rtx4090``).

    Raises:
        ConfigError: there is none; or see :func:`read_card`.
    """
    known = sorted(path.stem for path in CARDS.glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"there is no card '{name}'; configs/gpu has {', '.join(known)}")
    return read_card(CARDS / f"{name}.yaml", contracts)


def _refuse_unknown(file: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise ConfigError(f"{file} speaks of a model '{name}', which doesn't exist; was '{nearest}' meant?")


def _refuse_impossible(file: str, contract: Contract, tuning: Tuning) -> None:
    name = contract.name
    if contract.backend is Backend.ENSEMBLE:
        raise ConfigError(
            f"{file}: {name} is an ensemble and runs nothing itself; tune the models of its steps"
        )
    if tuning.threads is not None and contract.backend is not Backend.ONNXRUNTIME:
        raise ConfigError(f"{file}: `threads` is for networks, and {name} is none; leave it out")
    if tuning.memo_mib and contract.backend is not Backend.PYTHON:
        raise ConfigError(
            f"{file}: {name} is a network and remembers nothing; give `memo_mib` to the model that calls it"
        )
    if tuning.memo_mib and contract.decoupled:
        raise ConfigError(f"{file}: {name} answers in several parts and remembers none; leave `memo_mib` out")
    if max(tuning.preferred_batch, default=0) > contract.max_batch:
        raise ConfigError(f"{file}: {name} takes batches of up to {contract.max_batch}; prefer no larger one")
