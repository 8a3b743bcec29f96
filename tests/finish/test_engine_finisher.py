"""What a job goes through beside its steps: progress, cancelling, deadlines, faults, protected pixels, prints."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from bridge.errors import BadInput, DeadlineMissed, JobCancelled, NotFinite, OutOfMemory, VfrError
from bridge.finish.admission import Admission
from bridge.finish.finisher import Finisher
from bridge.finish.job import Cancelled, Face, Finished, Job, Progress, Watch
from bridge.finish.networks import Tensors
from bridge.finish.pixels import clip_pixels
from bridge.finish.running import Run
from tests.finish.studio import Studio, difference, job, picture, same, settings, studio


def run(at: Studio, asked: Job, watch: Watch, cancelled: Cancelled = lambda: False, **runs: Run) -> Finished:
    """Finish one job with some networks exchanged."""

    async def main() -> Finished:
        async with at.batcher(**runs) as batcher:
            finisher = Finisher(at.layout, batcher.networks, at.words, admission=Admission(1))
            return await finisher.run(asked, watch, cancelled)

    return asyncio.run(main())


def fails(at: Studio, asked: Job, kind: type[VfrError], word: str, **runs: Run) -> None:
    """Assert that a job ends with an error of a class whose sentence says a word."""
    with pytest.raises(kind, match=word):
        run(at, asked, lambda _: None, **runs)


def test_stages_steps_and_previews_are_told() -> None:
    """In order, with small pictures on the way, and the report says the same and can be sent as JSON."""
    at, told = studio(), list[Progress]()
    how = settings(
        preview_every=2, refiner_denoise=0.2, prints=((10, 20, 24, 24),), tile_steps=20, tile_denoise=0.1
    )
    report = run(at, job(1, settings=how), told.append).report
    stages = [(each.stage, each.step, each.steps) for each in told]
    assert stages == [
        ("encode", 0, 0), ("latent", 0, 0),
        ("denoise", 0, 0), *(("denoise", n, 4) for n in range(1, 5)),
        ("refine", 0, 0), *(("refine", n, 4) for n in range(1, 5)),
        ("decode", 0, 0),
        ("prints", 0, 0), *(("prints", n, 2) for n in range(1, 3)),
    ]  # fmt: skip
    previews = [(each.stage, each.step) for each in told if each.preview is not None]
    assert previews == [("denoise", 2), ("refine", 2)]
    assert next(each.preview for each in told if each.preview is not None).shape == (12, 8, 3)
    assert [each.seconds for each in told] == sorted(each.seconds for each in told)
    assert (report["executed_steps"], report["refiner_steps"], report["print_steps"]) == (4, 4, 2)
    assert set(report["seconds"]) == {"encode", "latent", "denoise", "refine", "decode", "prints"}
    json.dumps(report)


@pytest.mark.parametrize("stage", ["encode", "latent", "denoise", "refine", "decode", "prints"])
def test_cancelling_takes_effect_within_a_step(stage: str) -> None:
    """After the caller hung up, no more than the call that was under way is computed."""
    at, calls, hung = studio(), [], [False]

    def watch(progress: Progress) -> None:
        if progress.stage == stage and (progress.step == 1 or stage in {"encode", "latent", "decode"}):
            hung[0] = True
            calls.clear()

    def counted(name: str) -> Run:
        def call(inputs: Tensors) -> Tensors:
            calls.append(name)
            return at.runs[name](inputs)

        return call

    how = settings(refiner_denoise=0.2, prints=((10, 20, 24, 24),), tile_steps=20, tile_denoise=0.2)
    with pytest.raises(JobCancelled, match=f"stage {stage}|stage (latent|denoise|prints|refine|decode)"):
        run(at, job(1, settings=how), watch, lambda: hung[0], **{name: counted(name) for name in at.runs})
    assert len(calls) <= 1


def test_a_job_that_waits_can_be_cancelled_and_the_next_one_begins() -> None:
    """One that was cancelled before its turn computes nothing."""
    at = studio()

    async def main() -> list[object]:
        async with at.batcher() as batcher:
            finisher = Finisher(at.layout, batcher.networks, at.words, admission=Admission(1))
            asks = [finisher.run(job(n), cancelled=lambda n=n: n == 1) for n in range(3)]
            return list(await asyncio.gather(*asks, return_exceptions=True))

    kinds = [type(found) for found in asyncio.run(main())]
    assert kinds == [Finished, JobCancelled, Finished]


def test_a_deadline_ends_a_job() -> None:
    """One that passes on the way, and one that has passed already."""
    at, slow = studio(), list[str]()

    def denoise(inputs: Tensors) -> Tensors:
        slow.append("step")
        time.sleep(0.2)
        return at.runs["denoise_64x96"](inputs)

    soon = replace(job(1, controls=()), deadline=time.monotonic() + 0.35)
    fails(at, soon, DeadlineMissed, "denoise", denoise_64x96=denoise)
    assert len(slow) < 4
    fails(at, replace(soon, deadline=time.monotonic() - 1), DeadlineMissed, "before it could begin")


def test_the_nearest_deadline_begins_first() -> None:
    """With one place, jobs begin in the order of their deadlines."""
    at, order, now = studio(), list[int](), time.monotonic()

    async def main() -> None:
        async with at.batcher() as batcher:
            finisher = Finisher(at.layout, batcher.networks, at.words, admission=Admission(1))

            async def ask(seed: int, deadline: float) -> None:
                watch = lambda told: order.append(seed) if told.stage == "decode" else None  # noqa: E731
                await finisher.run(replace(job(seed), deadline=deadline), watch)

            await asyncio.gather(*(ask(n, now + due) for n, due in enumerate((90, 80, 40, 60))))

    asyncio.run(main())
    assert order == [0, 2, 3, 1]


def spoilt(name: str, output: str, value: float) -> Run:
    """Return a network of which one number comes out as something else."""

    def call(inputs: Tensors) -> Tensors:
        found = dict(studio().runs[name](inputs))
        found[output] = found[output].clone()
        found[output].view(-1)[7] = value
        return found

    return call


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_ends_a_job(value: float) -> None:
    """In the denoiser, the refiner and the decoder; the sentences say what may help."""
    at, asked = studio(), job(1, settings=settings(refiner_denoise=0.2))
    fails(at, asked, NotFinite, "denoiser", denoise_64x96=spoilt("denoise_64x96", "noise", value))
    fails(at, asked, NotFinite, "seed", refine_64x96=spoilt("refine_64x96", "noise", value))
    fails(at, asked, NotFinite, "VAE", vae_decode=spoilt("vae_decode", "image", value))


def test_one_job_s_fault_is_not_its_neighbours() -> None:
    """Of three jobs in one batch, one is spoilt; the others finish as they would alone."""
    at = studio()

    def denoise(inputs: Tensors) -> Tensors:
        noise = at.runs["denoise_64x96"](inputs)["noise"].clone()
        bad = inputs["latent"].isnan().any(dim=(1, 2, 3))
        noise[bad] = float("nan")
        return {"noise": noise}

    def encode(inputs: Tensors) -> Tensors:
        found = {name: tensor.clone() for name, tensor in at.runs["vae_encode"](inputs).items()}
        found["mean"][(inputs["image"] == -1).all(dim=(1, 2, 3))] = float("nan")
        return found

    jobs = [job(1), replace(job(2), prior=np.zeros((96, 64, 3), np.uint8)), job(3)]

    async def main() -> list[object]:
        async with at.batcher(denoise_64x96=denoise, vae_encode=encode) as batcher:
            finisher = Finisher(at.layout, batcher.networks, at.words, admission=Admission(3))
            return list(await asyncio.gather(*map(finisher.run, jobs), return_exceptions=True))

    found = asyncio.run(main())
    assert isinstance(found[1], NotFinite)
    for n in (0, 2):
        assert same(found[n].image, at.finish(jobs[n])[0].image)


def test_without_memory_a_job_fails_and_the_next_is_served() -> None:
    """The error is typed and says what to do."""

    def none(_: Tensors) -> Tensors:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    at = studio()
    fails(at, job(1), OutOfMemory, "refine_64x96|denoise_64x96", denoise_64x96=none)
    run(at, job(1), lambda _: None)


def other(name: str) -> np.ndarray:
    """Return a picture of another size."""
    return picture(1, (32, 32))[..., 0] if name == "edit_mask" else picture(1, (32, 32))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"settings": settings(long_side=1344)}, "64x96, 96x64"),
        ({"settings": settings(steps=4)}, "0 executed steps"),
        ({"settings": settings(scheduler="lcm", steps=60)}, "LCMScheduler"),
        ({"photo": other("photo")}, "another: photo"),
        ({"edit_mask": other("edit_mask")}, "another: edit_mask"),
        ({"controls": {"pose": other("pose")}}, "another: pose"),
        ({"controls": {"posture": picture(1)}}, "no control posture"),
        (
            {
                "prior": picture(1, (4, 4)),
                "photo": picture(1, (4, 4)),
                "edit_mask": other("edit_mask")[:4, :4],
                "controls": {},
            },
            "8 x 8",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_t_be_finished_is_refused(change: dict[str, object], word: str) -> None:
    """Before anything is computed where that is possible, in a sentence that says what to change."""
    fails(studio(), replace(job(1), **change), BadInput, word)


def test_protected_pixels_are_the_photo_s() -> None:
    """Bit for bit, whatever the denoiser does, at a size that is no bucket's; the rest is finished."""
    at, size = studio(), (120, 200)
    mask = np.zeros((200, 120), np.uint8)
    mask[50:150, 20:100] = 255
    asked = replace(
        job(1, controls=()), prior=picture(1, size), photo=picture(2, size), edit_mask=mask,
        settings=settings(prints=((30, 60, 30, 30),)),
    )  # fmt: skip
    finished = at.finish(asked)[0].image
    assert (finished[mask == 0] == asked.photo[mask == 0]).all()
    inside = finished[70:130, 40:80]
    assert difference(inside, asked.prior[70:130, 40:80]) > 20


def test_a_print_is_finished_alone() -> None:
    """Within its window the picture changes, by the control `tile`; nowhere else."""
    at = studio()
    plain, printed = at.finish(job(1), job(1, settings=settings(prints=((20, 30, 20, 30),), tile_steps=20)))
    changed = (plain.image != printed.image).any(axis=2)
    assert changed[36:54, 26:34].mean() > 0.9
    outside = changed.copy()
    outside[25:65, 15:45] = False
    assert not outside.any()
    beyond = at.finish(job(1, settings=settings(prints=((500, 30, 20, 30),))))[0]
    assert same(beyond.image, plain.image)


def test_controls_that_are_not_used_are_told() -> None:
    """One at scale 0 and one that the settings don't name are left out, and the picture is as without them."""
    at = studio()
    how = settings(controls={"pose": 0.55, "depth": 0.0})
    left, right = at.finish(job(1, controls=("pose", "depth", "tile"), settings=how), job(1, settings=how))
    assert (left.report["controls"], left.report["controls_left_out"]) == (["pose"], ["depth", "tile"])
    assert same(left.image, right.image)


def test_pictures_for_clip_are_not_cut() -> None:
    """A tall picture is padded to a square with white; a square one is only scaled."""
    tall = np.zeros((64, 32, 3), np.uint8)
    pixels = clip_pixels(tall, 32)
    assert pixels.shape == (1, 3, 32, 32)
    assert (pixels[..., :4] > 1.9).all()
    assert (pixels[..., 14:18] < -1.4).all()


def test_a_face_without_adapter_changes_nothing() -> None:
    """A checkpoint without adapters ignores garment and face."""
    at, face = studio(), Face(np.ones(512, np.float32), picture(1))
    left, right = at.finish(replace(job(1), face=face, garment=picture(2)), job(1))
    assert same(left.image, right.image)
