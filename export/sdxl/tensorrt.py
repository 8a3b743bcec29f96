"""TensorRT plans of the installed networks: which commands build them, on which card, under which key.

A plan is compiled for one kind of card and one version of TensorRT, so it is built where it runs: inside NVIDIA's
container, from the ONNX that export installed. The graphs are strongly typed: their own types say in what each layer
computes (TensorRT 11 has no other way; 10 is told by ``--stronglyTyped``, which 11 overlooks).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.contracts import ANY, Backend, Contract, Tensor
from bridge.errors import ArtifactMissing, ConfigError, ConversionFailed
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.registry import artifacts_folder, sha256_of
from export import files
from export.cards import Card, Rows, find_card, role
from export.installation import VERSION
from export.pbtxt import write_config
from export.sdxl.installed import layout_path

OLDEST = (10, 0)
"""TensorRT's first version with strongly typed graphs throughout."""

_TRTEXEC = "/usr/src/tensorrt/bin/trtexec"  # where NVIDIA's containers have it
_BANNER = re.compile(r"TensorRT v(\d+?)(\d{1,2})(\d\d)\b")


@dataclass(frozen=True)
class Machine:
    """What a plan is bound to: the card's SM version (``8.9``) and TensorRT's (``10.13.3``)."""

    sm: str
    tensorrt: str


@dataclass(frozen=True)
class Plan:
    """One plan to be built: from which file, to which, with which shapes."""

    contract: Contract
    onnx: Path
    path: Path
    shapes: Mapping[str, tuple[tuple[int, ...], ...]]  # by input: least, best and largest
    workspace_mib: int

    def command(self, trtexec: str = "trtexec") -> list[str]:
        """Return the command line that builds it."""
        shapes = [
            f"--{kind}Shapes=" + ",".join(f"{name}:{_text(sizes[at])}" for name, sizes in self.shapes.items())
            for at, kind in enumerate(("min", "opt", "max"))
        ]
        return [
            trtexec,
            f"--onnx={self.onnx}",
            f"--saveEngine={self.path}",
            "--stronglyTyped",
            *shapes,
            f"--memPoolSize=workspace:{self.workspace_mib}M",
            f"--timingCacheFile={self.path.parent / 'timing.cache'}",
            "--skipInference",
        ]


def plans(repository: Path, layout: Layout, card: Card, machine: Machine) -> list[Plan]:
    """Return the plan of every installed network.

    Args:
        repository: where the networks are installed.
        layout: what they are.
        card: how many rows the denoisers are built for, and how much memory building may take.
        machine: what builds and runs them.

    Raises:
        ArtifactMissing: a network is not installed as ONNX.
    """
    return [_plan(repository, contract, layout, card, machine) for contract in contracts(layout).values()]


def _plan(repository: Path, contract: Contract, layout: Layout, card: Card, machine: Machine) -> Plan:
    onnx = repository / contract.name / VERSION / "model.onnx"
    if not onnx.is_file():
        raise ArtifactMissing(f"{onnx} is missing; run `python -m export sdxl … --target tensorrt` first")
    key = plan_key(contract.name, weights_sha256(onnx), machine, layout)
    return Plan(
        contract,
        onnx,
        artifacts_folder() / "plans" / f"{key}.plan",
        {tensor.name: _shapes(tensor, layout, _rows(contract, layout, card)) for tensor in contract.inputs},
        card.finisher.workspace_mib,
    )


def plan_key(model: str, weights: str, machine: Machine, layout: Layout) -> str:
    """Return what a plan is known by: another card, version, file of weights or set of buckets is another plan."""
    buckets = "-".join(f"{width}x{height}" for width, height in sorted(layout.buckets))
    sized = "" if re.search(r"_\d+x\d+$", model) else f".{buckets}"
    return f"{model}{sized}.{weights[:16]}.sm{machine.sm.replace('.', '')}.trt{machine.tensorrt}"


def weights_sha256(onnx: Path) -> str:
    """Return the sha256 of a graph and of the weights beside it."""
    beside = onnx.with_name(f"{onnx.name}.data")
    return sha256_of(beside) if beside.is_file() else sha256_of(onnx)


def _rows(contract: Contract, layout: Layout, card: Card) -> Rows:
    """Return the profile of a network's rows: the card's for denoisers, else any number up to the contract's."""
    if role(contract.name) in {"denoise", "denoise_shallow", "refine"}:
        bucket = next(each for each in layout.buckets if contract.name.endswith(f"_{each[0]}x{each[1]}"))
        rows = card.finisher.rows_of(bucket)
        return rows.model_copy(update={"max": min(rows.max, contract.max_batch)})
    return Rows(min=1, opt=1, max=contract.max_batch)


def _shapes(tensor: Tensor, layout: Layout, rows: Rows) -> tuple[tuple[int, ...], ...]:
    """Return an input's least, best and largest shape; the best picture is of the first bucket."""
    widths, heights = zip(*layout.buckets, strict=True)
    pictures = [(min(widths), min(heights)), layout.buckets[0], (max(widths), max(heights))]
    scale = 1 if tensor.name == "image" else layout.latent_scale
    made = []
    for count, (width, height) in zip((rows.min, rows.opt, rows.max), pictures, strict=True):
        sides = [height // scale, width // scale]
        made.append((count, *(sides.pop(0) if size == ANY else size for size in tensor.shape)))
    return tuple(made)


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)


# --- building --------------------------------------------------------------------------------------------


def build(repository: Path, card_name: str) -> list[Path]:
    """Build the plans that are not built yet, install all of them for a card, and return their files.

    Triton runs them when it is started with ``--model-config-name=<card>``; without it, it runs the ONNX as before.

    Raises:
        ConfigError: there is no such card, or this machine has another.
        ArtifactMissing: nothing is installed, or TensorRT is not here.
        ConversionFailed: TensorRT can't build a network; its last lines are in the message.
    """
    layout = read_layout(repository)
    card = find_card(card_name)
    trtexec = shutil.which("trtexec") or shutil.which(_TRTEXEC)
    if trtexec is None:
        raise ArtifactMissing(
            "trtexec is not on this machine; run this command inside NVIDIA's container (nvcr.io/nvidia/tensorrt, or "
            "tritonserver with TensorRT 10 or later), on the card that will run the plans"
        )
    machine = Machine(_sm(card, card_name), tensorrt_version(_said([trtexec, "--help"])))
    made = plans(repository, layout, card, machine)
    return [_install(repository, plan, card, card_name, trtexec) for plan in made]


def read_layout(repository: Path) -> Layout:
    """Return what is installed.

    Raises:
        ArtifactMissing: nothing is.
    """
    path = layout_path(repository)
    if not path.is_file():
        raise ArtifactMissing(
            f"{path} is missing: no checkpoint is installed; run `python -m export sdxl` first"
        )
    return Layout.model_validate_json(path.read_text(encoding="utf-8"))


def tensorrt_version(banner: str) -> str:
    """Return ``10.13.3`` from trtexec's first line, which ends in ``[TensorRT v101303]``.

    Raises:
        ConfigError: it is too old, or says no version.
    """
    found = _BANNER.search(banner)
    if found is None:
        raise ConfigError("trtexec does not say which version of TensorRT it is; use NVIDIA's container")
    numbers = tuple(int(number) for number in found.groups())
    version = ".".join(str(number) for number in numbers)
    if numbers[:2] < OLDEST:
        raise ConfigError(
            f"TensorRT {version} is too old; 10 or later is needed, as NVIDIA's current container has"
        )
    return version


def _sm(card: Card, name: str) -> str:
    """Return the card's SM version, once it is certain that this machine has such a card."""
    if card.device is None:
        raise ConfigError(f"configs/gpu/{name}.yaml describes no graphics card; choose another --card")
    said = _said(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]).split()
    if said and card.device.sm not in said:
        raise ConfigError(
            f"{name} has SM {card.device.sm}, this machine's card {said[0]}; choose its own --card"
        )
    return card.device.sm


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    except OSError:
        return ""
    return done.stdout


def _install(repository: Path, plan: Plan, card: Card, card_name: str, trtexec: str) -> Path:
    with files.locked(plan.path):
        if not plan.path.is_file():
            _build(plan, trtexec)
    installed = plan.onnx.with_name("model.plan")
    part = files.part_of(installed)
    shutil.copyfile(plan.path, part)
    part.replace(installed)
    contract = replace(plan.contract, backend=Backend.TENSORRT)
    write_config(repository, card_name, contract, card.tuning(contract.name))
    return installed


def _build(plan: Plan, trtexec: str) -> None:
    part = files.part_of(plan.path)
    done = subprocess.run(  # noqa: S603 - our own words
        replace(plan, path=part).command(trtexec), capture_output=True, text=True, check=False
    )
    if done.returncode or not part.is_file():
        last = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise ConversionFailed(f"TensorRT could not build {plan.contract.name}; it said last:\n{last}")
    part.replace(plan.path)
