"""Pictures and faces as prompts, beside diffusers' IP-Adapters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel

from export.sdxl.modules import networks
from tests.finish import tiny, tiny_adapters
from tests.finish.rows import (
    BOUND,
    NAME,
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

NAMES = ("garment", "face", "identity")
PIXELS = noise(1, 3, 32, 32)
FACE = 12.0 * noise(2, tiny_adapters.FACE_WIDTH)
"""An embedding as its model gives it: not of length 1."""


@cache
def dressed() -> UNet2DConditionModel:
    """A denoiser with all three adapters, as diffusers has it."""
    unet = tiny.unet()
    states = [make(unet) for make in (tiny_adapters.plus, tiny_adapters.face, tiny_adapters.identity)]
    unet._load_ip_adapter_weights(states, low_cpu_mem_usage=False)
    unet.encoder_hid_proj.image_projection_layers[1].shortcut = True  # what makes it FaceID-PlusV2
    return unet


@torch.no_grad()
def features(pixels: torch.Tensor) -> torch.Tensor:
    """Return what diffusers gives a resampler to read of pictures [rows, 3, side, side]."""
    return parts("sdxl").image_encoder(pixels, output_hidden_states=True).hidden_states[-2]


@torch.no_grad()
def tokens(pixels: torch.Tensor = PIXELS, face: torch.Tensor = FACE) -> dict[str, torch.Tensor]:
    """Return the tokens of a picture and a face by our networks."""
    known = modules("sdxl")
    return {
        "garment": known["image_encode"](pixels[None])[0][0],
        "face": known["face_encode"](face[None], pixels[None])[0][0],
        "identity": known["identity_encode"](face[None])[0][0],
    }


@torch.no_grad()
def with_adapters(at: Row, scales: tuple[float, float, float]) -> torch.Tensor:
    """Return what diffusers predicts of a row with the adapters at scales, reading PIXELS and FACE."""
    unet = dressed()
    pipeline = StableDiffusionXLPipeline(
        **dict.fromkeys(("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")),
        unet=unet, scheduler=tiny.scheduler(), add_watermarker=False,
    )  # fmt: skip
    pipeline.set_ip_adapter_scale(list(scales))
    seen = features(PIXELS[None])
    unet.encoder_hid_proj.image_projection_layers[1].clip_embeds = seen[:, None]
    embeds = [seen[:, None], torch.nn.functional.normalize(FACE, dim=0)[None, None], FACE[None, None, None]]
    given = {"text_embeds": at.pooled[None], "time_ids": at.time_ids[None], "image_embeds": embeds}
    return unet(at.latent[None], at.timestep, at.text[None], added_cond_kwargs=given, return_dict=False)[0]


@pytest.mark.parametrize(
    "scales", [(1.0, 1.0, 1.0), (0.6, 0.0, 0.0), (0.0, 0.7, 0.0), (0.0, 0.0, 0.8), (0.3, 1.2, 0.5)]
)
def test_adapters_at_scales(scales: tuple[float, float, float]) -> None:
    """From pixels and an embedding to the prediction: as diffusers with set_ip_adapter_scale."""
    at = replace(row(10), tokens=tokens(), scales=dict(zip(NAMES, scales, strict=True)))
    assert difference(ours(at), with_adapters(row(10), scales)) < BOUND


@pytest.mark.parametrize("name", NAMES)
def test_each_adapter_matters(name: str) -> None:
    """An adapter changes the prediction, and more of it changes it otherwise."""
    bare, some, more = (
        ours(row(10, tokens=tokens(), scales={name: scale} if scale else {})) for scale in (0.0, 0.5, 1.0)
    )
    assert min(difference(bare, some), difference(some, more)) > 100 * BOUND


def test_scale_0_is_not_there() -> None:
    """With every scale 0 the denoiser is the one without adapters, whatever the tokens are."""
    at = row(10, tokens=tokens())
    assert torch.equal(ours(at), ours(row(10)))
    assert difference(ours(at), theirs(row(10))) < BOUND


def test_rows_at_scales_of_their_own() -> None:
    """Rows at other scales, timesteps and controls share a batch: with one scale per batch they could not."""
    rows = [
        row(20, 800.0, tokens=tokens(), scales={"garment": 0.6, "face": 0.2}),
        row(30, 300.0),
        row(40, 50.0, tokens=tokens(noise(3, 3, 32, 32)), scales={"identity": 0.8}),
    ]
    mixed = ours(*rows)
    assert difference(mixed, torch.cat([ours(each) for each in rows])) < BOUND
    assert difference(mixed[:1], with_adapters(rows[0], (0.6, 0.2, 0.0))) < BOUND
    assert difference(mixed[1:2], theirs(rows[1])) < BOUND


def test_identity_as_instantid_has_it() -> None:
    """InstantID: the face's tokens for the denoiser's attention, and in the prompt's place for its net."""
    at = row(10, tokens=tokens(), scales={"identity": 0.8}, nets={"identity": (control(5), 0.8)})
    without_adapter = replace(at, scales={})
    assert difference(ours(without_adapter), theirs(without_adapter)) < BOUND
    assert difference(ours(at), ours(without_adapter)) > 100 * BOUND


@torch.no_grad()
def test_what_is_not_there_has_diffusers_unconditional_tokens() -> None:
    """Zeros for a picture and a face give the tokens of diffusers' unconditional rows, which are not zeros."""
    found = tokens(torch.zeros(3, 32, 32), torch.zeros(tiny_adapters.FACE_WIDTH))
    garment, face, identity = dressed().encoder_hid_proj.image_projection_layers
    seen, nobody = features(torch.zeros(1, 3, 32, 32)), torch.zeros(1, tiny_adapters.FACE_WIDTH)
    face.clip_embeds = seen[:, None]
    assert difference(found["garment"], garment(seen)[0]) < BOUND
    assert difference(found["face"], face(nobody)[0]) < BOUND
    assert difference(found["identity"], identity(nobody[:, None])[0]) < BOUND
    assert min(float(each.abs().max()) for each in found.values()) > 0.1


def test_the_given_denoiser_stays_as_it_is() -> None:
    """The networks share the weights of what they are made of, and leave it to be used by diffusers."""
    given, made = parts("sdxl").unet, modules("sdxl")[f"denoise_{NAME}"].unet
    assert given.encoder_hid_proj is not None
    assert "IPAdapterAttnProcessor2_0" in {type(each).__name__ for each in given.attn_processors.values()}
    ours_by_name = dict(made.named_parameters())
    named = [(name, weight) for name, weight in given.named_parameters() if "encoder_hid_proj" not in name]
    assert all(weight is ours_by_name[name] for name, weight in named)
    assert len(named) == len(ours_by_name)


def test_tokens_as_the_layout_says() -> None:
    """Every adapter's network gives as many tokens as the layout has, each as wide as the text."""
    found = tokens()
    expected = {each.name: (each.tokens, layout("sdxl").text_width) for each in layout("sdxl").adapters}
    assert {name: tuple(each.shape) for name, each in found.items()} == expected


def test_an_adapter_without_eyes() -> None:
    """An adapter that reads pictures can't do without an image encoder, and says so."""
    blind = replace(parts("sdxl"), image_encoder=None)
    with pytest.raises(ValueError, match="image encoder"):
        networks(blind, layout("sdxl"))
