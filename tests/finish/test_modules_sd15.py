"""Stable Diffusion 1.5, inpainting, with ControlNets of its own and IP-Adapter Plus: the low-memory finisher."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel

from bridge.finish.contracts import contracts
from tests.finish import tiny, tiny_adapters
from tests.finish.rows import (
    BOUND,
    Row,
    control,
    difference,
    layout,
    modules,
    noise,
    ours,
    parts,
    row,
    theirs,
)

BOTH = {"pose": (control(1), 0.9), "depth": (control(2), 0.5)}
PIXELS = noise(1, 3, 32, 32)


def at(seed: int, timestep: float = 500.0, **more: object) -> Row:
    """Return a row of noise."""
    return row(seed, timestep, text=tiny.WIDTH, **more)


@pytest.mark.parametrize("nets", [{}, {"pose": BOTH["pose"]}, {"depth": BOTH["depth"]}, BOTH])
def test_fused_is_separate(nets: dict[str, tuple[torch.Tensor, float]]) -> None:
    """Its ControlNets read the latent, its denoiser the mask and the masked picture too; fused they are the same."""
    given = at(10, 321.0, nets=nets)
    assert difference(ours(given, family="sd15"), theirs(given, family="sd15")) < BOUND


def test_mask_and_nets_matter() -> None:
    """What is masked and how it is controlled changes the prediction."""
    plain, other_mask = at(10), replace(at(10), masked=noise(99, *at(10).masked.shape))
    bare, masked, posed = (
        ours(each, family="sd15") for each in (plain, other_mask, replace(plain, nets=BOTH))
    )
    assert min(difference(bare, masked), difference(bare, posed)) > 100 * BOUND


def test_a_batch_of_all_sorts() -> None:
    """Rows at other timesteps and with other controls share a batch and don't notice."""
    rows = [at(20, 900.0, nets=BOTH), at(30, 10.0), at(40, 500.0, nets={"depth": (control(3), 1.1)})]
    assert difference(ours(*rows, family="sd15"), theirs(*rows, family="sd15")) < BOUND


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_garment(scale: float) -> None:
    """IP-Adapter Plus beside a control, from its pixels on: as diffusers."""
    (tokens,) = modules("sd15")["image_encode"](PIXELS[None])
    given = at(10, nets={"pose": BOTH["pose"]}, tokens={"garment": tokens[0]}, scales={"garment": scale})
    assert difference(ours(given, family="sd15"), theirs(given, family="sd15", unet=_Dressed(scale))) < BOUND


class _Dressed:
    """diffusers' denoiser with the adapter at a scale, which reads PIXELS."""

    def __init__(self, scale: float) -> None:
        self.unet: UNet2DConditionModel = tiny.sd15_unet()
        self.unet._load_ip_adapter_weights([tiny_adapters.plus(self.unet)], low_cpu_mem_usage=False)
        for processor in self.unet.attn_processors.values():
            if hasattr(processor, "to_k_ip"):
                processor.scale = [scale]

    def __call__(self, *given: object, added_cond_kwargs: None, **more: object) -> tuple[torch.Tensor]:
        seen = parts("sd15").image_encoder(PIXELS[None], output_hidden_states=True).hidden_states[-2]
        return self.unet(*given, added_cond_kwargs={"image_embeds": [seen[:, None]]}, **more)


@torch.no_grad()
def test_text() -> None:
    """A prompt is the one encoder's last hidden states, normalised, as in StableDiffusionPipeline.encode_prompt."""
    ids = torch.randint(0, 256, (3, 77), generator=torch.Generator().manual_seed(0))
    (text,) = modules("sd15")["text_encode"](ids)
    assert difference(text, parts("sd15").text_encoders[0](ids)[0]) < BOUND


def test_its_contracts() -> None:
    """It has one encoder, no pooled text, no sizes and no refiner."""
    known = contracts(layout("sd15"))
    assert set(known) == set(modules("sd15"))
    denoise = next(contract for name, contract in known.items() if name.startswith("denoise"))
    assert [tensor.name for tensor in denoise.inputs] == [
        "latent", "timestep", "text", "masked", "pose_map", "depth_map", "net_scales", "garment_tokens",
        "adapter_scales",
    ]  # fmt: skip
