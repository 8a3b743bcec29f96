"""The finisher on a server against diffusers' pipelines: the engine's cases, all at the same time."""

from __future__ import annotations

from bridge.finish.job import Job
from bridge.triton.local import LocalModels
from tests.finish.studio import SCHEDULERS, difference, job, reference, settings, studio
from tests.finish.test_engine_parity import CASES, SEVERAL, WIDE
from tests.triton.finish.served import Served, arrays, mean_rows

SCALES = {"edge": 0.35, "tile": 0.9, "pose": 0.55}


def asked(name: str, controls: tuple[str, ...]) -> Job:
    """Return one of the engine's cases, within the bounds of what a request may ask for."""
    how = CASES[name].get("settings", settings())
    within = {"denoise": min(how.denoise, 0.24), "refiner_denoise": min(how.refiner_denoise, 0.25)}
    how = how.model_copy(update={"controls": SCALES, **within})
    return job(7, controls=controls, **{**CASES[name], "settings": how})


def test_pictures_are_those_of_diffusers(served: Served) -> None:
    """Every way of asking and every scheduler, thirty-odd jobs at once, whose rows share batches at any timestep."""
    jobs = [asked(name, controls) for name in CASES for controls in (("edge",), ("tile", "pose"))]
    jobs += [job(1, settings=settings(scheduler=name)) for name in SCHEDULERS]
    jobs += [job(2, bucket=WIDE, controls=SEVERAL, settings=settings(scheduler=name)) for name in SCHEDULERS]
    before = served.counts()
    answers = served.finish(*jobs)
    rows = mean_rows(before, served.counts(), "denoise_64x96")
    for each, answer in zip(jobs, answers, strict=True):
        assert difference(answer.image, reference(studio(), [each])[0]) <= 1, each.settings
    assert rows > 2


def test_three_jobs_are_a_batch_of_three(served: Served) -> None:
    """With refiner: diffusers' batch of three with a list of generators."""
    how = settings(scheduler="dpmpp_2m_karras", refiner_denoise=0.14)
    jobs = [job(seed, controls=SEVERAL[:2], settings=how) for seed in (3, 4, 5)]
    for answer, wanted in zip(served.finish(*jobs), reference(studio(), jobs), strict=True):
        assert difference(answer.image, wanted) <= 1


def test_without_a_server_it_is_the_same(served: Served) -> None:
    """The in-process runner gives the last part of the answer."""
    each = job(1)
    local = LocalModels(served.repository)["finish"](**arrays(each))
    assert difference(local["finished"], served.finish(each)[0].image) <= 1


def test_what_may_be_missing_may_be_missing(served: Served) -> None:
    """No controls, no face, no garment are tensors without elements; both transports make the same picture."""
    each = job(8, controls=())
    assert difference(served.finish(each)[0].image, studio().finish(each)[0].image) <= 1
