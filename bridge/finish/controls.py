"""Controls: pictures that say where things are, to what the fused ControlNets read, once for all steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from bridge.errors import BadInput
from bridge.finish.job import Bytes
from bridge.finish.layout import UNION_KINDS, Bucket, Layout, bucket_name
from bridge.finish.networks import TORCH, Networks, Tensors
from bridge.finish.pixels import unit


@dataclass(frozen=True)
class Controls:
    """A denoiser's inputs while the controls hold and while they do not; ``start``, ``end``: shares of the steps."""

    held: Tensors
    left: Tensors
    start: float = 0.0
    end: float = 1.0

    def rows(self, begin: float, end: float) -> Tensors:
        """Return the inputs during a step from one share of the steps to another (diffusers' ``controlnet_keep``)."""
        return self.left if begin < self.start or end > self.end else self.held


@dataclass(frozen=True)
class Given:
    """One control: its index as ``control_embed`` counts, its scale, map [channels, h, w] and token [channels]."""

    index: int
    scale: float
    map: torch.Tensor
    token: torch.Tensor


def usable(layout: Layout, pictures: Mapping[str, Bytes], scales: Mapping[str, float]) -> Mapping[str, int]:
    """Return the controls that this checkpoint can use and the settings ask for, with their index.

    Raises:
        BadInput: a control that no checkpoint has.
    """
    nets = {net.name: layout.union_kinds + n for n, net in enumerate(layout.nets)}
    union = {name: n for n, name in enumerate(UNION_KINDS[: layout.union_kinds])}
    if unknown := pictures.keys() - nets.keys() - set(UNION_KINDS):
        raise BadInput(
            f"There is no control {', '.join(sorted(unknown))}; "
            f"there are {', '.join([*UNION_KINDS, *(nets.keys() - set(UNION_KINDS))])}."
        )
    known = {**nets, **union}
    return {name: known[name] for name in pictures if name in known and scales.get(name)}


async def embed(
    layout: Layout, networks: Networks, bucket: Bucket, pictures: Mapping[str, Bytes], scales: Mapping[str, float],
    device: str,
) -> Sequence[Given]:  # fmt: skip
    """Return the controls' maps and tokens, computed in one call.

    Args:
        layout: of the checkpoint.
        networks: by name.
        bucket: that the pictures, uint8 [h, w, 3], have the size of.
        pictures: by the control's name.
        scales: by the control's name; those without, or at 0, are left out.
        device: where the tensors lie.
    """
    indices = usable(layout, pictures, scales)
    if not indices:
        return ()
    found = await networks[f"control_embed_{bucket_name(bucket)}"](
        control=torch.cat([unit(pictures[name], device) for name in indices]),
        kind=torch.tensor(list(indices.values()), device=device)[:, None],
    )
    return [
        Given(index, scales[name], found["map"][n].float(), found["token"][n].float())
        for n, (name, index) in enumerate(indices.items())
    ]


def combine(
    layout: Layout, given: Sequence[Given], bucket: Bucket, device: str, start: float = 0.0, end: float = 1.0
) -> Controls:
    """Return what the denoiser reads of the controls, see :func:`bridge.finish.contracts.denoise`."""

    def rows(keep: float) -> Tensors:
        inputs = _union(layout, given, bucket, device, keep) | _nets(layout, given, bucket, device, keep)
        return {name: tensor.expand(2, *tensor.shape) for name, tensor in inputs.items()}

    always = (start, end) == (0.0, 1.0)
    held = rows(1.0)
    return Controls(held, held if always else rows(0.0), start, end)


def _union(
    layout: Layout, given: Sequence[Given], bucket: Bucket, device: str, keep: float
) -> dict[str, torch.Tensor]:
    """Several controls are scaled where they come in, a single one where the ControlNet goes out, as in diffusers."""
    slots, half = layout.union_kinds, TORCH[layout.half]
    if not slots:
        return {}
    mine = [one for one in given if one.index < slots]
    alone = len(mine) == 1
    maps = torch.zeros(layout.channels, *layout.latent_size(bucket), device=device)
    tokens = torch.zeros(slots, layout.channels, device=device)
    weights, present = torch.zeros(slots, device=device), torch.zeros(slots, device=device)
    for one in mine:
        scale = 1.0 if alone else keep * one.scale
        maps += scale * one.map
        tokens[one.index] = scale * one.token
        weights[one.index], present[one.index] = scale, 1
    gain = keep * mine[0].scale if alone else float(bool(mine))
    return {
        "union_map": maps.to(half), "union_tokens": tokens.to(half), "union_weights": weights,
        "union_present": present, "union_gain": torch.tensor([gain], device=device),
    }  # fmt: skip


def _nets(
    layout: Layout, given: Sequence[Given], bucket: Bucket, device: str, keep: float
) -> dict[str, torch.Tensor]:
    if not layout.nets:
        return {}
    half = TORCH[layout.half]
    nothing = torch.zeros(layout.channels, *layout.latent_size(bucket), device=device)
    found = {one.index - layout.union_kinds: one for one in given if one.index >= layout.union_kinds}
    inputs = {
        f"{net.name}_map": (found[n].map if n in found else nothing).to(half)
        for n, net in enumerate(layout.nets)
    }
    scales = [keep * found[n].scale if n in found else 0.0 for n in range(len(layout.nets))]
    return {**inputs, "net_scales": torch.tensor(scales, device=device)}
