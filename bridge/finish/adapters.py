"""Pictures as prompts: the garment's and the face's tokens, and how much they count."""

from __future__ import annotations

import numpy as np
import torch

from bridge.errors import BadInput
from bridge.finish.job import Face, Job
from bridge.finish.layout import Adapter, Layout
from bridge.finish.networks import TORCH, Networks, Tensors
from bridge.finish.pixels import clip_pixels


async def adapt(layout: Layout, networks: Networks, job: Job, device: str) -> Tensors:
    """Return the adapters' inputs of the denoiser, two rows each; one that has nothing to show is at scale 0.

    Raises:
        BadInput: the face's embedding has another width than the checkpoint's.
    """
    if not layout.adapters:
        return {}
    inputs: dict[str, torch.Tensor] = {}
    scales = []
    for adapter in layout.adapters:
        shown = _shown(layout, adapter, job, device)
        scale = float(getattr(job.settings, f"{adapter.name}_adapter")) if shown else 0.0
        scales.append(scale)
        inputs[f"{adapter.name}_tokens"] = (
            await _tokens(networks, adapter, shown) if scale else _nothing(layout, adapter, device)
        )
    row = torch.tensor(scales, device=device)
    return {**inputs, "adapter_scales": row.expand(2, -1)}


_NETWORKS = {"plus": "image_encode", "face": "face_encode", "identity": "identity_encode"}


async def _tokens(networks: Networks, adapter: Adapter, shown: Tensors) -> torch.Tensor:
    """Return the tokens of nothing (zeros) and of what is shown, [2, tokens, width]."""
    rows = {name: torch.cat([torch.zeros_like(tensor), tensor]) for name, tensor in shown.items()}
    return (await networks[_NETWORKS[adapter.kind]](**rows))[f"{adapter.name}_tokens"]


def _nothing(layout: Layout, adapter: Adapter, device: str) -> torch.Tensor:
    return torch.zeros(2, adapter.tokens, layout.text_width, dtype=TORCH[layout.half], device=device)


def _shown(layout: Layout, adapter: Adapter, job: Job, device: str) -> Tensors:
    """Return the encoder's inputs, one row; empty: the job has no such picture."""
    if adapter.kind == "plus":
        return {} if job.garment is None else {"pixels": clip_pixels(job.garment, layout.image_side, device)}
    if job.face is None:
        return {}
    embedding = {"embedding": _embedding(layout, job.face, device)}
    if adapter.kind == "identity":
        return embedding
    return {**embedding, "pixels": clip_pixels(job.face.crop, layout.image_side, device)}


def _embedding(layout: Layout, face: Face, device: str) -> torch.Tensor:
    if face.embedding.shape != (layout.face_width,) or not np.isfinite(face.embedding).all():
        raise BadInput(
            f"A face's embedding must be {layout.face_width} numbers (ArcFace); please send it so."
        )
    return torch.from_numpy(face.embedding.astype(np.float32)).to(device)[None]
