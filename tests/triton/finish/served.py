"""The tiny checkpoint in a model repository, and the finisher as a server's caller meets it."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from bridge.checkout import REPOSITORY
from bridge.contracts import ANY, CONTRACTS, FINISH, Backend, Contract
from bridge.finish.contracts import contracts, denoise
from bridge.finish.job import Finished, Job
from bridge.finish.layout import Layout
from bridge.triton.client import AsyncTritonClient, ModelStatistics
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Array, Arrays
from export.pbtxt import CARDS, read_card, render
from export.sdxl.examples import examples
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from tests.finish.studio import Studio, studio
from tests.finish.tiny import BUCKETS
from tests.triton.finish import double_model
from tests.triton.tiny import write_model

NAN, BREAKS, SLOW, ABSENT = (96, 128), (96, 160), (96, 192), (96, 224)
"""Buckets whose denoiser computes no numbers, fails, is slow, or isn't there."""

UNUSED = "refine_96x64"
"""No test refines a wide picture, and writing a network takes seconds."""

DOUBLES = (NAN, BREAKS, SLOW)


@dataclass(frozen=True)
class Served:
    """A server with an installed checkpoint; it finishes jobs as ``tests.finish.studio.Studio`` does."""

    server: EmbeddedTriton
    repository: Path
    layout: Layout

    def client(self) -> AsyncTritonClient:
        """Return a client for one event loop."""
        return AsyncTritonClient(self.server.url, contracts=CONTRACTS | dict(contracts(self.layout)))

    def finish(self, *jobs: Job) -> list[Finished]:
        """Finish jobs, all at the same time."""

        async def run() -> list[Finished]:
            async with self.client() as client:
                return list(await asyncio.gather(*(finished(client, job) for job in jobs)))

        return asyncio.run(run())

    def counts(self) -> Mapping[str, ModelStatistics]:
        """Return what each model has done so far."""

        async def ask() -> Mapping[str, ModelStatistics]:
            async with self.client() as client:
                await asyncio.sleep(0.1)  # Triton counts after it has answered
                return await client.statistics()

        return asyncio.run(ask())


async def finished(client: AsyncTritonClient, job: Job) -> Finished:
    """Finish one job."""
    *_, last = [part async for part in client.stream("finish", arrays(job))]
    return Finished(last.arrays["finished"], json.loads(last.arrays["finish_report"][0]))


def arrays(job: Job) -> Arrays:
    """Return a job as the model's inputs."""
    settings = job.settings.model_dump(mode="json")
    none = np.zeros((0, 0, 3), np.uint8)
    return {
        "prior": job.prior,
        "photo": job.photo,
        "edit_mask": job.edit_mask,
        "controls": np.stack([*job.controls.values()])
        if job.controls
        else np.zeros((0, *job.prior.shape), np.uint8),
        "control_kinds": np.array([name.encode() for name in job.controls], np.object_),
        "garment_image": none if job.garment is None else job.garment,
        "face_embedding": np.zeros((0, 512), np.float32) if job.face is None else job.face.embedding[None],
        "face_crop": none if job.face is None else job.face.crop,
        "prompt": text(job.prompt),
        "negative_prompt": text(job.negative_prompt),
        "settings": text(json.dumps(settings)),
        "seed": np.array([job.seed]),
    }


def text(value: str) -> Array:
    """Return a text as a tensor."""
    return np.array([value.encode()], np.object_)


def mean_rows(
    before: Mapping[str, ModelStatistics], after: Mapping[str, ModelStatistics], network: str
) -> float:
    """Return how many rows of a network ran together on average, and log it; a call has two, without guidance one."""
    now, then = after[network], before[network]
    calls, batches = now.requests - then.requests, now.executions - then.executions
    logging.getLogger(__name__).info(
        "%s: %.1f rows a batch in %d batches", network, 2 * calls / batches, batches
    )
    return 2 * calls / batches


def write_repository(folder: Path) -> Layout:
    """Put the studio's checkpoint into a model repository, with buckets whose denoisers are doubles.

    The networks are written by torch's older exporter, which takes a quarter of the time of the one that
    ``export.sdxl`` uses.
    """
    at = studio()
    layout = Layout.model_validate(at.layout.model_dump() | {"buckets": (*BUCKETS, *DOUBLES, ABSENT)})
    modules = networks(parts_of(at), at.layout)
    for name, contract in contracts(at.layout).items():
        if name == UNUSED:
            continue
        _write_config(folder, contract)
        write_onnx(modules[name], contract, at.layout, folder / name / "1" / "model.onnx")
    for bucket in DOUBLES:
        contract = replace(denoise(layout, bucket), backend=Backend.PYTHON)
        _write_config(folder, contract)
        shutil.copy(double_model.__file__, folder / contract.name / "1" / "model.py")
    _write_finish(folder, layout)
    return layout


def parts_of(at: Studio) -> Parts:
    """Return the checkpoint's parts."""
    return Parts(
        unet=at.base.unet, vae=at.base.vae, text_encoders=(at.base.text_encoder, at.base.text_encoder_2),
        tokenizers=(at.base.tokenizer, at.base.tokenizer_2), scheduler=at.base.scheduler, union=at.base.controlnet,
        refiner=at.refiner.unet,
    )  # fmt: skip


def write_onnx(module: torch.nn.Module, contract: Contract, layout: Layout, path: Path) -> None:
    """Write a network with any number of rows, and of whatever else its contract leaves open."""
    tensors = (*contract.inputs, *contract.outputs)
    axes = {
        t.name: {0: "rows"} | {i: f"{t.name}_{i}" for i, n in enumerate(t.shape, 1) if n == ANY}
        for t in tensors
    }
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and traces constants
        torch.onnx.export(
            module, tuple(examples(contract, layout, rows=2).values()), str(path), dynamo=False, opset_version=18,
            input_names=[t.name for t in contract.inputs], output_names=[t.name for t in contract.outputs],
            dynamic_axes=axes, do_constant_folding=False,
        )  # fmt: skip


def _write_finish(repository: Path, layout: Layout) -> None:
    _write_config(repository, FINISH)
    folder = repository / "finish" / "1"
    shutil.copy(REPOSITORY / "finish" / "1" / "model.py", folder)
    (folder / "layout.json").write_text(layout.model_dump_json())
    for number, tokenizer in enumerate((studio().base.tokenizer, studio().base.tokenizer_2), 1):
        tokenizer.save_pretrained(folder / f"tokenizer_{number}")


def _write_config(repository: Path, contract: Contract) -> None:
    write_model(
        repository, contract.name, render(contract, read_card(CARDS / "cpu.yaml").tuning(contract.name))
    )
