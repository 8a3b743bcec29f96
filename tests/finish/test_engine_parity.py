"""The engine, through one process that owns the networks, against diffusers' pipelines: same weights, inputs, seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline

from bridge.finish.networks import Tensors
from tests.finish import tiny
from tests.finish.studio import (
    SCHEDULERS,
    difference,
    job,
    picture,
    reference,
    reference_scheduler,
    same,
    settings,
    studio,
)

TALL, WIDE = tiny.BUCKETS
SEVERAL = ("pose", "depth", "normal", "segmentation")


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_picture_is_that_of_diffusers(scheduler: str) -> None:
    """Every scheduler gives diffusers' picture, guided by one control, and by several in the other bucket."""
    at, how = studio(), settings(scheduler=scheduler)
    for asked in (job(1, settings=how), job(2, bucket=WIDE, controls=SEVERAL, settings=how)):
        finished = at.finish(asked)[0].image
        assert same(finished, reference(at, [asked])[0])


@pytest.mark.parametrize("scheduler", ["euler_ancestral", "dpmpp_2m_karras"])
def test_three_jobs_at_once_are_a_batch_of_three(scheduler: str) -> None:
    """Three jobs are diffusers' batch of three with a list of generators, refiner included."""
    at, how = studio(), settings(scheduler=scheduler, refiner_denoise=0.14)
    shared = job(3, controls=SEVERAL[:2]).controls
    jobs = [replace(job(seed, settings=how), controls=shared) for seed in (3, 4, 5)]
    for finished, wanted in zip(at.finish(*jobs), reference(at, jobs), strict=True):
        assert same(finished.image, wanted)


def test_pictures_of_a_batch_do_not_look_at_each_other() -> None:
    """Controls that differ within a batch: each picture is the one that diffusers makes of it alone.

    In diffusers' batch they differ a little, since the attention of its ControlNet-Union runs over the batch
    (``nn.MultiheadAttention`` without ``batch_first``), so that a picture would depend on who else is served.
    """
    at = studio()
    jobs = [job(seed, controls=SEVERAL[:2]) for seed in (3, 4, 5)]
    for finished, one, batched in zip(at.finish(*jobs), jobs, reference(at, jobs), strict=True):
        assert same(finished.image, reference(at, [one])[0])
        assert difference(finished.image, batched) <= 1


CASES = {
    "refiner": {"settings": settings(refiner_denoise=0.3)},
    "no guidance": {"settings": settings(guidance=1.0)},
    "no negative prompt": {"negative_prompt": ""},
    "no negative prompt, with refiner": {"negative_prompt": "", "settings": settings(refiner_denoise=0.3)},
    "negative prompt": {"negative_prompt": "blurry face"},
    "a prompt that is too long": {"prompt": "a photo of sharp fabric " * 30},
    "a control for part of the steps": {"settings": settings(control_start=0.25, control_end=0.6)},
    "all steps": {"settings": settings(denoise=1.0, steps=8)},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("controls", [("edge",), ("tile", "pose")])
def test_every_way_of_asking_is_that_of_diffusers(name: str, controls: tuple[str, ...]) -> None:
    """What a request can change means what it means in diffusers."""
    at = studio()
    how = CASES[name].get("settings", settings())
    how = how.model_copy(update={"controls": {"edge": 0.35, "tile": 0.9, "pose": 0.55}})
    asked = job(7, controls=controls, **{**CASES[name], "settings": how})
    assert same(at.finish(asked)[0].image, reference(at, [asked])[0])


def test_without_controls_it_is_img2img() -> None:
    """A ControlNet that has nothing to read is as if it weren't there."""
    at, asked = studio(), job(8, controls=())
    plain = StableDiffusionXLImg2ImgPipeline(
        vae=at.base.vae, text_encoder=at.base.text_encoder, text_encoder_2=at.base.text_encoder_2, unet=at.base.unet,
        tokenizer=at.base.tokenizer, tokenizer_2=at.base.tokenizer_2, add_watermarker=False,
        scheduler=reference_scheduler(at, asked.settings),
    )  # fmt: skip
    plain.set_progress_bar_config(disable=True)
    wanted = plain(
        asked.prompt, image=torch.from_numpy(asked.prior.copy()).permute(2, 0, 1)[None].float() / 255,
        num_inference_steps=20, strength=0.2, guidance_scale=6.2, generator=torch.Generator().manual_seed(8),
        output_type="np",
    ).images[0]  # fmt: skip
    assert same(at.finish(asked)[0].image, (wanted * 255).round().astype(np.uint8))


def test_a_full_schedule_is_a_longer_one() -> None:
    """With `full_schedule` as many steps are executed as asked for, out of a schedule that diffusers would take."""
    at, asked = studio(), job(9, settings=settings(steps=7, full_schedule=True))
    finished = at.finish(asked)[0]
    longer = replace(asked, settings=settings(steps=35))
    assert (finished.report["executed_steps"], finished.report["steps"]) == (7, 35)
    assert same(finished.image, reference(at, [longer])[0])


def test_guidance_can_end_early() -> None:
    """The steps after its end have one row instead of two, and are those of diffusers where both rows are the same."""
    at, rows = studio(), list[int]()

    def denoise(inputs: Tensors) -> Tensors:
        rows.append(len(inputs["latent"]))
        return at.runs["denoise_64x96"](inputs)

    asked = job(9, settings=settings(steps=30, guidance_end=0.5))
    finished = replace(at, runs={**at.runs, "denoise_64x96": denoise}).finish(asked)[0]
    assert rows == [2, 2, 2, 1, 1, 1]
    texts = ["prompt_embeds", "add_text_embeds"]

    def both_conditional(
        _: object, step: int, __: object, given: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        return {name: given[name][-1:].expand_as(given[name]) for name in texts} if step == 2 else {}

    wanted = reference(
        at, [asked], callback_on_step_end=both_conditional, callback_on_step_end_tensor_inputs=texts
    )
    assert same(finished.image, wanted[0])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 11},
        {"prompt": "sharp fabric"},
        {"negative_prompt": "blurry"},
        {"settings": settings(controls={"pose": 0.75})},
        {"settings": settings(denoise=0.25)},
        {"settings": settings(guidance=7.0)},
        {"settings": settings(scheduler="ddim")},
        {"settings": settings(refiner_denoise=0.14)},
        {"controls": {"pose": picture(1)}},
        {"prior": picture(1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_these_comparisons_see(change: dict[str, object]) -> None:
    """Whatever a job says shows in its picture by more than the comparisons above let pass, so that they can fail."""
    at, asked = studio(), job(10)
    left, right = at.finish(asked, replace(asked, **change))
    assert not same(left.image, right.image)
