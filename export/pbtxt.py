"""Every ``config.pbtxt``, from the contracts and from how the models run on a card.

``bridge/contracts.py`` owns what crosses the boundary, ``configs/gpu/<card>.yaml`` how a model runs on that
card. Here both fill Triton's own protobuf message, which prints itself: no text is put together by hand, so
that a file that Triton can't parse can't come out.

The card ``cpu`` is the default, ``config.pbtxt``; another card's files are ``configs/<card>.pbtxt`` beside
it, which Triton reads when it is started with ``--model-config-name=<card>``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc import model_config_pb2 as pb

from bridge.checkout import REPOSITORY
from bridge.contracts import CONTRACTS, LEARNED, Backend, Contract, DType, Tensor
from bridge.finish.contracts import contracts as networks
from bridge.finish.layout import Layout
from bridge.registry import load_registry
from bridge.triton.ensembles import mapped_outputs
from bridge.triton.memo import PARAMETER
from bridge.triton.wire import WEIGHTS
from export import files
from export.cards import CARDS, DEFAULT_CARD, FINISH, Tuning, find_card, read_card
from export.installation import report_path

__all__ = [
    "CARDS",
    "DEFAULT_CARD",
    "Tuning",
    "config_path",
    "installed",
    "read_card",
    "render",
    "weights_of",
    "write_config",
    "write_configs",
]

_LATEST = -1
_GIVEN_BACK: Mapping[str, str] = {"memory.enable_memory_arena_shrinkage": "gpu:0"}
"""An onnxruntime session keeps what it ever needed, so that taking turns would free nothing for the next one."""
_HEADER = """# {summary}.
# Written by `make configs` from bridge/contracts.py and configs/gpu/{card}.yaml; edit those.
"""


def render(contract: Contract, tuning: Tuning, card: str = DEFAULT_CARD, weights: str = "") -> str:
    """Return the text of one model's config for one card.

    Args:
        contract: the model's.
        tuning: how it runs on that card.
        card: its name.
        weights: what :func:`weights_of` says, so that the server's callers can ask which weights it has.
    """
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
        if contract.backend is Backend.PYTORCH:
            config.platform = "torch_aoti"  # the backend's other form of model is TorchScript
        if contract.decoupled:
            config.model_transaction_policy.decoupled = True
        _place(config, tuning)
    if weights:
        config.parameters[WEIGHTS].string_value = weights
    body: str = text_format.MessageToString(config, use_short_repeated_primitives=True)
    return _HEADER.format(summary=contract.summary, card=card) + body


def write_configs(
    repository: Path = REPOSITORY,
    card: str = DEFAULT_CARD,
    contracts: Mapping[str, Contract] | None = None,
) -> list[Path]:
    """Write the models' configs for ``card`` and return the files.

    Args:
        repository: holds a folder per model.
        card: a file's name in ``configs/gpu``.
        contracts: whose configs are written; without it every model's, and those of the finisher's and the learned
            scores' networks that are installed in the repository.

    Raises:
        ConfigError: see :func:`export.cards.find_card`.
    """
    tunings = find_card(card)
    chosen = {**CONTRACTS, **installed(repository)} if contracts is None else contracts
    return [_write(repository, card, c, tunings.tuning(c.name)) for c in chosen.values()]


def installed(repository: Path = REPOSITORY) -> Mapping[str, Contract]:
    """Return the contracts of what the repository holds beyond :data:`CONTRACTS`.

    They are the finisher's networks, if a checkpoint is installed, and those of the learned scores that are.
    """
    path = repository / FINISH / "1" / "layout.json"
    finisher = networks(Layout.model_validate_json(path.read_bytes())) if path.is_file() else {}
    learned = {name: c for name, c in LEARNED.items() if (repository / name / "1" / "model.onnx").is_file()}
    return {**finisher, **learned}


def weights_of(contract: Contract, repository: Path = REPOSITORY) -> str:
    """Return what tells a model's weights from others: of an installed network its report's hashes, or the registry's.

    Empty for a model that has none.
    """
    path = report_path(repository, contract.name)
    if path.is_file():
        told = json.loads(path.read_bytes())
        return f"{told['weights_sha256'][:16]}-{told['file_sha256'][:16]}"
    return "-".join(load_registry()[each].sha256[:16] for each in contract.artifacts)


def config_path(repository: Path, card: str, model: str) -> Path:
    """Return where Triton looks for the model's config for that card."""
    folder = repository / model
    return folder / "config.pbtxt" if card == DEFAULT_CARD else folder / "configs" / f"{card}.pbtxt"


def write_config(repository: Path, card: str, contract: Contract, tuning: Tuning) -> Path:
    """Write one model's config for a card and return the file.

    Args:
        repository: holds the model's folder, and of an installed network its report, which tells its weights.
        card: a file's name in ``configs/gpu``.
        contract: the model's.
        tuning: how it runs on that card.
    """
    path = config_path(repository, card, contract.name)
    files.write(path, render(contract, tuning, card, weights_of(contract, repository)).encode())
    return path


def _write(repository: Path, card: str, contract: Contract, tuning: Tuning) -> Path:
    path = write_config(repository, card, contract, tuning)
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
    if tuning.exclusive:
        config.instance_group[0].rate_limiter.resources.add(name=tuning.exclusive, count=1)
    if config.max_batch_size > 0:
        config.dynamic_batching.SetInParent()
        possible = (size for size in tuning.preferred_batch if size <= config.max_batch_size)
        config.dynamic_batching.preferred_batch_size.extend(possible)
        config.dynamic_batching.max_queue_delay_microseconds = tuning.max_queue_delay_us
    parameters: dict[str, int | str | None] = {
        PARAMETER: tuning.memo_mib,
        "jobs": tuning.jobs,
        "intra_op_thread_count": tuning.threads,
    }
    if tuning.exclusive and tuning.kind == "gpu" and config.backend == Backend.ONNXRUNTIME.value:
        parameters |= _GIVEN_BACK
    for name, value in parameters.items():
        if value:
            config.parameters[name].string_value = str(value)
