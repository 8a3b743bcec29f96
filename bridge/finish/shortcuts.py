"""Ways to finish faster without changing the picture much; each is a setting, and each is off by default.

* ``guidance_end`` leaves classifier-free guidance out at the end: one row of a step instead of two.
* ``deep_every`` runs the whole denoiser every n-th step only (DeepCache; Ma et al. 2023, arXiv:2312.00858). It needs
  ``python -m export sdxl --shallow``. The refiner has no such network and runs whole.
* ``guidance`` 1 and ``scheduler`` ``lcm`` are for checkpoints that were distilled to a few steps: merge the LoRA with
  ``python -m export sdxl --lora FILE:1`` (latent-consistency/lcm-lora-sdxl: ``lcm``, 4 to 8 executed steps;
  ByteDance/SDXL-Lightning: ``euler``, whose schedule ``trailing`` its checkpoint's scheduler_config.json must say, as
  many executed steps as it was distilled to). ``full_schedule`` makes ``steps`` the executed ones.
* A denoiser of eight bits is an export's matter: ``python -m export quantize``.

T-GATE (Liu et al. 2024, arXiv:2404.02747) is two things. The first, guidance that ends, is ``guidance_end``. The
second, cross-attention that is remembered, is not here: of SDXL at 1056 x 1408 it saves 0.76 of a row's 15 TFLOP, and
would move what 70 layers remember between the models at every step: 297 MB per row in half precision (10 layers of
5808 tokens by 640 channels, 60 of 1452 by 1280).
Tokens are not merged (ToMe; Bolya and Hoffman 2023, arXiv:2303.17604): SDXL's largest maps have no attention to save,
and who tried found it no faster (kohya-ss/sd-scripts, pull request 1146; ethansmith2000/ImprovedTokenMerge, issue 1).
What each saves: ``python -m benchmarks shortcuts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from bridge.finish.networks import Network, Tensors

KEPT = ("deep", "residuals")
"""What a whole step leaves to the shallow ones after it; without ControlNets, ``deep`` alone."""


@dataclass(frozen=True)
class Counted:
    """A network that counts the rows it is asked for, by ``name`` in ``rows``."""

    network: Network
    name: str
    rows: Counter[str]

    async def __call__(self, **inputs: torch.Tensor) -> Tensors:
        """Ask the network."""
        self.rows[self.name] += inputs["latent"].shape[0]
        return await self.network(**inputs)


@dataclass
class DeepCache:
    """A denoiser of which every n-th step is whole, the first one too; those between run its outermost blocks alone.

    It is of one picture's one pass, since it remembers that pass's last whole step.

    Args:
        whole: the denoiser, which also returns :data:`KEPT`.
        shallow: its outermost blocks, which read them.
        reads: the names of the shallow one's inputs.
        every: n.
    """

    whole: Network
    shallow: Network
    reads: Sequence[str]
    every: int
    _kept: Tensors = field(default_factory=dict)
    _step: int = 0

    async def __call__(self, **inputs: torch.Tensor) -> Tensors:
        """Return what a step predicts, as the whole denoiser does, or about so."""
        whole = self._step % self.every == 0
        self._step += 1
        if whole:
            found = await self.whole(**inputs)
            self._kept = {name: found[name] for name in KEPT if name in found}
            return found
        rows = inputs["latent"].shape[
            0
        ]  # fewer than were kept where guidance has ended: the last, as of all inputs
        kept = {name: tensor[-rows:] for name, tensor in self._kept.items()}
        given = {**inputs, **kept}
        return await self.shallow(**{name: given[name] for name in self.reads})
