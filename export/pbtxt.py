"""Every ``config.pbtxt``, from the contracts and from how the models run on a card.

``bridge/contracts.py`` owns what crosses the boundary, ``configs/gpu/<card>.yaml`` how a model runs on that
card. Here both fill Triton's own protobuf message, which prints itself: no text is put together by hand, so
that a file that Triton can't parse can't come out.

The card ``cpu`` is the default, ``config.pbtxt``; another card's files are ``configs/<card>.pbtxt`` beside
it, which Triton reads when it is started with ``--model-config-name=<card>``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from google.protobuf import text_format  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tritonclient.grpc import model_config_pb2 as pb

from bridge.checkout import CONFIGS, REPOSITORY
from bridge.contracts import CONTRACTS, Backend, Contract, DType, Tensor
from bridge.errors import ConfigError
from bridge.triton.ensembles import mapped_outputs
from bridge.triton.memo import PARAMETER

CARDS = CONFIGS / "gpu"
DEFAULT_CARD = "cpu"

_LATEST = -1
_HEADER = """# {summary}.
# Written by `make configs` from bridge/contracts.py and configs/gpu/{card}.yaml; edit those.
"""


class Tuning(BaseModel):
    """How one model runs on a card; the fields are explained at the top of ``configs/gpu/cpu.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["cpu", "gpu"] = "cpu"
    instances: Annotated[int, Field(ge=1, le=16)] = 1
    max_queue_delay_us: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    preferred_batch: tuple[Annotated[int, Field(ge=1)], ...] = ()
    threads: Annotated[int, Field(ge=1)] | None = None
    memo_mib: Annotated[int, Field(ge=0, le=4096)] = 0


class Card(BaseModel):
    """One file of ``configs/gpu``: what holds for every model, and what differs for some."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Tuning = Tuning()
    models: dict[str, Tuning] = {}

    def tuning(self, model: str) -> Tuning:
        """Return how ``model`` runs: its own fields, and the default's where it has none."""
        own = self.models.get(model, Tuning())
        return self.default.model_copy(update=own.model_dump(exclude_unset=True))


def read_card(path: Path, contracts: Mapping[str, Contract] = CONTRACTS) -> Card:
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
    if max(tuning.preferred_batch, default=0) > contract.max_batch:
        raise ConfigError(f"{file}: {name} takes batches of up to {contract.max_batch}; prefer no larger one")


def render(contract: Contract, tuning: Tuning, card: str = DEFAULT_CARD) -> str:
    """Return the text of one model's config for one card."""
    config = pb.ModelConfig(
        name=contract.name,
        max_batch_size=contract.max_batch,
        input=[_input(tensor) for tensor in contract.inputs],
        output=[pb.ModelOutput(**_tensor(tensor)) for tensor in contract.outputs],
    )
    if contract.backend is Backend.ENSEMBLE:
        config.platform = "ensemble"
        config.ensemble_scheduling.CopyFrom(_graph(contract))
    else:
        config.backend = contract.backend.value
        _place(config, tuning)
    body: str = text_format.MessageToString(config, use_short_repeated_primitives=True)
    return _HEADER.format(summary=contract.summary, card=card) + body


def write_configs(
    repository: Path = REPOSITORY,
    card: str = DEFAULT_CARD,
    contracts: Mapping[str, Contract] = CONTRACTS,
) -> list[Path]:
    """Write every model's config for ``card`` and return the files.

    Raises:
        ConfigError: see :func:`read_card`.
    """
    tunings = read_card(CARDS / f"{card}.yaml", contracts)
    return [_write(repository, card, c, tunings.tuning(c.name)) for c in contracts.values()]


def config_path(repository: Path, card: str, model: str) -> Path:
    """Return where Triton looks for the model's config for that card."""
    folder = repository / model
    return folder / "config.pbtxt" if card == DEFAULT_CARD else folder / "configs" / f"{card}.pbtxt"


def _write(repository: Path, card: str, contract: Contract, tuning: Tuning) -> Path:
    path = config_path(repository, card, contract.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(contract, tuning, card))
    if contract.backend is not Backend.PYTHON:
        _keep_version_folder(repository / contract.name / "1")
    return path


def _keep_version_folder(folder: Path) -> None:
    """Triton wants a version folder, of an ensemble too, and git keeps no empty one."""
    folder.mkdir(exist_ok=True)
    (folder / ".gitkeep").touch()


def _tensor(tensor: Tensor) -> dict[str, object]:
    kind = "STRING" if tensor.dtype is DType.BYTES else tensor.dtype.value
    return {"name": tensor.name, "data_type": f"TYPE_{kind}", "dims": tensor.shape}


def _input(tensor: Tensor) -> pb.ModelInput:
    return pb.ModelInput(optional=tensor.default is not None, **_tensor(tensor))


def _graph(contract: Contract) -> pb.ModelEnsembling:
    steps = zip(contract.steps, mapped_outputs(contract), strict=True)
    return pb.ModelEnsembling(
        step=[
            pb.ModelEnsembling.Step(
                model_name=step.model, model_version=_LATEST, input_map=step.inputs, output_map=outputs
            )
            for step, outputs in steps
        ]
    )


def _place(config: pb.ModelConfig, tuning: Tuning) -> None:
    kind = pb.ModelInstanceGroup.Kind.Value(f"KIND_{tuning.kind.upper()}")
    config.instance_group.add(count=tuning.instances, kind=kind)
    if config.max_batch_size > 0:
        config.dynamic_batching.SetInParent()
        config.dynamic_batching.preferred_batch_size.extend(tuning.preferred_batch)
        config.dynamic_batching.max_queue_delay_microseconds = tuning.max_queue_delay_us
    if tuning.memo_mib:
        config.parameters[PARAMETER].string_value = str(tuning.memo_mib)
    if tuning.threads is not None:
        config.parameters["intra_op_thread_count"].string_value = str(tuning.threads)
