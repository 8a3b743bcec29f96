"""What a denoiser really reads: the rows of jobs, step by step, through the installed networks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bridge.finish.admission import Admission
from bridge.finish.batching import Batcher
from bridge.finish.contracts import contracts
from bridge.finish.finisher import Finisher
from bridge.finish.job import Bytes, Job
from bridge.finish.layout import UNION_KINDS, Bucket, Layout, bucket_name
from bridge.finish.networks import Tensors
from bridge.finish.prompt import tokenizers
from bridge.finish.running import Run, onnx_run
from bridge.finish.settings import load
from bridge.registry import Tier
from export.cards import role
from export.installation import VERSION
from export.sdxl.installed import layout_path

Rows = Mapping[str, npt.NDArray[np.generic]]
"""Inputs of the denoiser by name, ``[rows, *shape]``."""


def needed(layout: Layout, bucket: Bucket) -> list[str]:
    """Return the networks that a job in one bucket asks, without the refiner."""
    names = [name for name in contracts(layout) if role(name) not in {"refine", "denoise_shallow"}]
    return [name for name in names if role(name) == name or name.endswith(bucket_name(bucket))]


def observed(repository: Path, layout: Layout, bucket: Bucket, seed: int) -> list[Rows]:
    """Return what each step of one job gives the denoiser: drawn pictures, the controls and steps of tier Ω.

    Args:
        repository: Triton's, with networks as ONNX.
        layout: what is installed there.
        bucket: whose denoiser.
        seed: of the pictures and of the noise.
    """
    import onnxruntime

    known, seen, runs = contracts(layout), list[Rows](), dict[str, Run]()
    for name in needed(layout, bucket):
        path = repository / name / VERSION / "model.onnx"
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        runs[name] = onnx_run(session, known[name])
    name = f"denoise_{bucket_name(bucket)}"
    runs[name] = _recording(runs[name], seen)
    alone = layout.model_copy(update={"refiner": None, "buckets": (bucket,)})
    asyncio.run(_finish(repository, alone, runs, _job(alone, seed)))
    return seen


def _recording(run: Run, seen: list[Rows]) -> Run:
    def recorded(inputs: Tensors) -> Tensors:
        seen.append({name: tensor.cpu().numpy().copy() for name, tensor in inputs.items()})
        return run(inputs)

    return recorded


async def _finish(repository: Path, layout: Layout, runs: Mapping[str, Run], job: Job) -> None:
    words = tokenizers(layout_path(repository).parent, layout)
    async with Batcher(runs, contracts(layout)) as batcher:
        await Finisher(layout, batcher.networks, words, admission=Admission(1)).run(job)


def _job(layout: Layout, seed: int) -> Job:
    """Return a job whose pictures are drawn, in the layout's one bucket, with every control that it knows."""
    (width, height), random = layout.buckets[0], np.random.default_rng(seed)
    settings = load().settings(Tier.ULTRA).model_copy(update={"long_side": max(width, height)})
    kinds = [*UNION_KINDS[: layout.union_kinds], *(net.name for net in layout.nets if net.text is None)]
    used = [kind for kind in dict.fromkeys(kinds) if settings.controls.get(kind)]
    prior, *controls = (_soft(random, width, height) for _ in range(1 + len(used)))
    return Job(
        prior=prior, photo=prior, edit_mask=np.full((height, width), 255, np.uint8), settings=settings, seed=seed,
        prompt="a photo of a person", controls=dict(zip(used, controls, strict=True)),
    )  # fmt: skip


def _soft(random: np.random.Generator, width: int, height: int) -> Bytes:
    """Return a picture of soft colours, uint8 [height, width, 3]."""
    coarse = random.integers(0, 256, (6, 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
