"""Garment, face and ControlNets of their own: the engine against diffusers' pipelines of the same weights."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MultiControlNetModel, StableDiffusionXLControlNetImg2ImgPipeline
from PIL import Image

from bridge.errors import BadInput
from bridge.finish.job import Bytes, Face, Job
from bridge.finish.layout import Adapter, Net
from export.sdxl.parts import Parts
from tests.finish import tiny, tiny_adapters
from tests.finish.studio import (
    Studio,
    job,
    layout_of,
    picture,
    reference,
    reference_scheduler,
    runs_of,
    same,
    settings,
    stack,
    studio,
)

SIDE = (32, 32)


@cache
def dressed() -> Studio:
    """Return the studio with IP-Adapter Plus for the garment and FaceID-PlusV2 for the face."""
    base = tiny.base_pipeline(Path(tempfile.mkdtemp()))
    states = [tiny_adapters.plus(base.unet), tiny_adapters.face(base.unet)]
    base.unet._load_ip_adapter_weights(states, low_cpu_mem_usage=False)
    adapters = (Adapter(name="garment", kind="plus", tokens=5), Adapter(name="face", kind="face", tokens=4))
    layout = layout_of(adapters=adapters)
    parts = Parts(
        unet=base.unet, vae=base.vae, text_encoders=(base.text_encoder, base.text_encoder_2), tokenizers=(),
        scheduler=base.scheduler, union=base.controlnet, image_encoder=base.image_encoder,
    )  # fmt: skip
    return replace(studio(), layout=layout, runs=runs_of(parts, layout), base=base)


def face(seed: int) -> Face:
    """Return somebody's face."""
    embedding = np.random.default_rng(seed).normal(size=tiny_adapters.FACE_WIDTH).astype(np.float32)
    return Face(20 * embedding, picture(seed + 50, SIDE))


def seen(at: Studio, image: Bytes) -> torch.Tensor:
    """Return what diffusers hands to an adapter of a picture, the unconditional one first: [2, 1, patches, width]."""
    shown, nothing = at.base.encode_image(Image.fromarray(image), "cpu", 1, output_hidden_states=True)
    return torch.cat([nothing, shown])[:, None]


def with_adapters(at: Studio, asked: Job) -> Bytes:
    """Return diffusers' picture of a job with garment and face; what is missing is at scale 0."""
    garment = picture(0, SIDE) if asked.garment is None else asked.garment
    who = asked.face or face(0)
    how = asked.settings
    scales = [
        how.garment_adapter if asked.garment is not None else 0.0,
        how.face_adapter if asked.face else 0.0,
    ]
    at.base.set_ip_adapter_scale(scales)
    projection = at.base.unet.encoder_hid_proj.image_projection_layers[1]
    projection.clip_embeds, projection.shortcut = seen(at, who.crop), True
    identity = torch.nn.functional.normalize(torch.from_numpy(who.embedding)[None])
    embeds = [seen(at, garment), torch.stack([torch.zeros_like(identity), identity])]
    return reference(at, [asked], ip_adapter_image_embeds=embeds)[0]


@pytest.mark.parametrize("scheduler", ["checkpoint", "unipc"])
@pytest.mark.parametrize("shown", [("garment",), ("face",), ("garment", "face"), ()])
def test_garment_and_face_are_those_of_diffusers(scheduler: str, shown: tuple[str, ...]) -> None:
    """Each adapter alone, both, and none: absent ones are as if they weren't there."""
    at = dressed()
    asked = job(
        1, settings=settings(scheduler=scheduler),
        garment=picture(60, SIDE) if "garment" in shown else None, face=face(1) if "face" in shown else None,
    )  # fmt: skip
    assert same(at.finish(asked)[0].image, with_adapters(at, asked))


def test_three_people_in_three_garments_at_once() -> None:
    """Jobs of one batch with adapters of their own, and one without, come out as each does alone."""
    at = dressed()
    jobs = [job(n, garment=picture(60 + n, SIDE), face=face(n)) for n in range(2)] + [job(2)]
    for finished, asked in zip(at.finish(*jobs), jobs, strict=True):
        assert same(finished.image, at.finish(asked)[0].image)


def test_what_these_comparisons_see() -> None:
    """Another garment, another face, another crop and another scale show in the picture."""
    at, asked = dressed(), job(1, garment=picture(60, SIDE), face=face(1))
    others = [
        replace(asked, garment=picture(61, SIDE)),
        replace(asked, garment=None),
        replace(asked, face=Face(face(2).embedding, face(1).crop)),
        replace(asked, face=Face(face(1).embedding, face(2).crop)),
        replace(asked, settings=settings(garment_adapter=0.9)),
        replace(asked, settings=settings(face_adapter=0.75)),
    ]
    first, *rest = at.finish(asked, *others)
    assert not any(same(first.image, other.image) for other in rest)


@pytest.mark.parametrize("embedding", [np.ones(128, np.float32), np.full(512, np.nan, np.float32)])
def test_a_face_of_another_network_is_refused(embedding: np.ndarray) -> None:
    """The sentence says how many numbers are wanted."""
    with pytest.raises(BadInput, match="512 numbers"):
        dressed().finish(job(1, face=Face(embedding, picture(1))))


@cache
def with_nets() -> tuple[Studio, StableDiffusionXLControlNetImg2ImgPipeline]:
    """Return SDXL with two ControlNets for one control each, and diffusers' pipeline of it."""
    base, nets = studio().base, [tiny.net(30), tiny.net(31)]
    layout = layout_of(union_kinds=0, nets=(Net(name="pose"), Net(name="lines")))
    parts = Parts(
        unet=base.unet, vae=base.vae, text_encoders=(base.text_encoder, base.text_encoder_2), tokenizers=(),
        scheduler=base.scheduler, nets={"pose": nets[0], "lines": nets[1]},
    )  # fmt: skip
    pipeline = StableDiffusionXLControlNetImg2ImgPipeline(
        vae=base.vae, text_encoder=base.text_encoder, text_encoder_2=base.text_encoder_2, unet=base.unet,
        tokenizer=base.tokenizer, tokenizer_2=base.tokenizer_2, controlnet=MultiControlNetModel(nets),
        scheduler=base.scheduler, add_watermarker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return replace(studio(), layout=layout, runs=runs_of(parts, layout)), pipeline


@pytest.mark.parametrize("window", [(0.0, 1.0), (0.25, 0.75)])
def test_controlnets_of_their_own_are_those_of_diffusers(window: tuple[float, float]) -> None:
    """Two separate ControlNets, one of a name that the union doesn't know."""
    at, pipeline = with_nets()
    how = settings(controls={"pose": 0.55, "lines": 0.8}, control_start=window[0], control_end=window[1])
    asked = job(5, controls=("pose", "lines"), settings=how)
    pipeline.scheduler = reference_scheduler(at, how)
    wanted = pipeline(
        asked.prompt, negative_prompt=None, image=stack([asked.prior]),
        control_image=[stack([each]) for each in asked.controls.values()], num_inference_steps=20, strength=0.2,
        guidance_scale=6.2, generator=torch.Generator().manual_seed(5), controlnet_conditioning_scale=[0.55, 0.8],
        control_guidance_start=window[0], control_guidance_end=window[1], output_type="np",
    ).images[0]  # fmt: skip
    assert same(at.finish(asked)[0].image, (wanted * 255).round().astype(np.uint8))


def test_one_of_two_controlnets_is_as_if_the_other_were_not_there() -> None:
    """A control that no job brings adds nothing, and one that only a union has is left out and told."""
    at, _ = with_nets()
    how = settings(controls={"pose": 0.55, "lines": 0.8, "depth": 0.6})
    left, right = at.finish(
        job(5, controls=("pose", "depth"), settings=how),
        job(5, controls=("pose",), settings=how),
    )
    assert same(left.image, right.image)
    assert left.report["controls_left_out"] == ["depth"]


@cache
def with_identity() -> tuple[Studio, StableDiffusionXLControlNetImg2ImgPipeline]:
    """Return InstantID: an adapter of the face's embedding, and a ControlNet that reads its tokens as its text."""
    base, net = tiny.base_pipeline(Path(tempfile.mkdtemp())), tiny.net(32)
    base.unet._load_ip_adapter_weights([tiny_adapters.identity(base.unet)], low_cpu_mem_usage=False)
    layout = layout_of(
        union_kinds=0, nets=(Net(name="landmarks", text="identity"),),
        adapters=(Adapter(name="identity", kind="identity", tokens=5),),
    )  # fmt: skip
    parts = Parts(
        unet=base.unet, vae=base.vae, text_encoders=(base.text_encoder, base.text_encoder_2), tokenizers=(),
        scheduler=base.scheduler, nets={"landmarks": net},
    )  # fmt: skip
    runs = runs_of(parts, layout)
    pipeline = StableDiffusionXLControlNetImg2ImgPipeline(
        vae=base.vae, text_encoder=base.text_encoder, text_encoder_2=base.text_encoder_2, unet=base.unet,
        tokenizer=base.tokenizer, tokenizer_2=base.tokenizer_2, controlnet=net, scheduler=base.scheduler,
        add_watermarker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return replace(studio(), layout=layout, runs=runs, base=base), pipeline


def test_identity_is_that_of_instantid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ControlNet reads the face's tokens where diffusers' pipeline would hand it the prompt."""
    at, pipeline = with_identity()
    how = settings(controls={"landmarks": 0.8})
    asked = job(6, controls=("landmarks",), settings=how, face=face(3))
    identity = torch.from_numpy(asked.face.embedding)[None, None, None]
    embeds = torch.cat([torch.zeros_like(identity), identity])
    with torch.no_grad():
        tokens = at.base.unet.encoder_hid_proj.image_projection_layers[0](embeds[:, 0])
    as_it_is = pipeline.controlnet.forward

    def forward(*args: object, **given: object) -> object:
        return as_it_is(*args, **{**given, "encoder_hidden_states": tokens})

    monkeypatch.setattr(pipeline.controlnet, "forward", forward)
    pipeline.scheduler = reference_scheduler(at, how)
    pipeline.set_ip_adapter_scale(how.identity_adapter)
    wanted = pipeline(
        asked.prompt, image=stack([asked.prior]), control_image=stack(asked.controls.values()), strength=0.2,
        num_inference_steps=20, guidance_scale=6.2, generator=torch.Generator().manual_seed(6),
        controlnet_conditioning_scale=0.8, ip_adapter_image_embeds=[embeds], output_type="np",
    ).images[0]  # fmt: skip
    assert same(at.finish(asked)[0].image, (wanted * 255).round().astype(np.uint8))


def test_without_a_face_there_is_no_identity() -> None:
    """Its ControlNet would read nothing, so that its control is left out, and told."""
    at, _ = with_identity()
    how = settings(controls={"landmarks": 0.8})
    left, right = at.finish(job(6, controls=("landmarks",), settings=how), job(6, controls=(), settings=how))
    assert left.report["controls_left_out"] == ["landmarks"]
    assert same(left.image, right.image)
