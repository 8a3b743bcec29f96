"""The finisher's shortcuts, each beside the exact path of the same job."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache

import pytest
import torch

from bridge.errors import BadInput
from bridge.finish.job import Bytes, Finished
from bridge.finish.settings import FinishSettings
from bridge.finish.shortcuts import DeepCache
from export.sdxl.modules.shallow import shallow_of
from export.sdxl.parts import Parts
from tests.finish.studio import Studio, difference, job, runs_of, settings, studio


@cache
def deep() -> Studio:
    """Return the studio's checkpoint, exported with a network for shallow steps."""
    at = studio()
    layout = at.layout.model_copy(update={"shallow": shallow_of(at.base.unet)})
    parts = Parts(
        unet=at.base.unet, vae=at.base.vae, text_encoders=(at.base.text_encoder, at.base.text_encoder_2),
        tokenizers=(at.base.tokenizer, at.base.tokenizer_2), scheduler=at.base.scheduler, union=at.base.controlnet,
        refiner=at.refiner.unet,
    )  # fmt: skip
    return replace(at, layout=layout, runs=runs_of(parts, layout))


def finished(at: Studio, how: FinishSettings, **more: object) -> Finished:
    """Return one job's result."""
    return at.finish(job(3, settings=how, **more))[0]


@cache
def exact() -> Bytes:
    """Return the picture without shortcuts: of the checkpoint without the shallow network, in 8 executed steps."""
    return finished(studio(), settings(steps=40)).image


def test_defaults_are_the_exact_path() -> None:
    """No tier takes a shortcut by default; naming each one's off value gives the same picture bit for bit."""
    how = settings(steps=40)
    assert (how.deep_every, how.guidance_end) == (1, 1.0)
    off = finished(deep(), how.model_copy(update={"deep_every": 1, "guidance_end": 1.0}))
    assert difference(off.image, exact()) == 0
    assert off.report["rows"] == {"denoise": 16}


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"guidance_end": 0.5}, {"denoise": 4 * 2 + 4}),
        ({"guidance": 1.0}, {"denoise": 8}),
        ({"deep_every": 2}, {"denoise": 8, "denoise_shallow": 8}),
        ({"deep_every": 3}, {"denoise": 6, "denoise_shallow": 10}),
        ({"deep_every": 2, "guidance_end": 0.5}, {"denoise": 4 + 2, "denoise_shallow": 4 + 2}),
        ({"deep_every": 3, "guidance_end": 0.5}, {"denoise": 4 + 1, "denoise_shallow": 4 + 3}),
        ({"refiner_denoise": 0.1}, {"denoise": 16, "refine": 8}),
        ({"refiner_denoise": 0.1, "deep_every": 10}, {"denoise": 2, "denoise_shallow": 14, "refine": 8}),
    ],
)
def test_rows_are_counted(changes: dict[str, object], rows: dict[str, int]) -> None:
    """The report says how many rows each denoiser ran: what the networks were really given, and another picture."""
    at, seen = deep(), dict[str, int]()

    def watched(name: str, role: str) -> object:
        def run(inputs: dict[str, torch.Tensor]) -> object:
            seen[role] = seen.get(role, 0) + inputs["latent"].shape[0]
            return at.runs[name](inputs)

        return run

    roles = {f"{role}_64x96": role for role in ("denoise", "denoise_shallow", "refine")}
    watching = replace(at, runs={**at.runs, **{name: watched(name, role) for name, role in roles.items()}})
    found = finished(watching, settings(steps=40, **changes))
    assert found.report["rows"] == rows == seen
    assert difference(found.image, exact()) > 0


def test_jobs_with_and_without_shortcuts_share_a_server() -> None:
    """Each job keeps features of its own: together they come out as each does alone."""
    hows = [{"deep_every": 2}, {"deep_every": 3, "guidance_end": 0.5}, {}]
    jobs = [job(n, settings=settings(steps=40, **how)) for n, how in enumerate(hows)]
    together = deep().finish(*jobs)
    for each, found in zip(jobs, together, strict=True):
        (alone,) = deep().finish(each)
        assert difference(found.image, alone.image) <= 1
        assert found.report["rows"] == alone.report["rows"]


def test_the_feature_is_that_of_the_last_whole_step() -> None:
    """Which network a step asks, with which feature; where guidance has ended, with the conditional row's."""
    asked: list[tuple[str, list[float]]] = []

    async def whole(**inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        asked.append(("whole", inputs["latent"].flatten().tolist()))
        return {"noise": inputs["latent"], "deep": 10 * inputs["latent"]}

    async def shallow(**inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        asked.append(("shallow", inputs["deep"].flatten().tolist()))
        assert list(inputs) == ["latent", "deep"]
        return {"noise": inputs["latent"]}

    async def main() -> None:
        cache = DeepCache(whole, shallow, ["latent", "deep"], 3)
        for step, rows in enumerate((2, 2, 1, 1, 1)):
            await cache(latent=torch.tensor([[step + 1.0], [step + 1.5]])[-rows:], text=torch.zeros(rows))

    asyncio.run(main())
    assert asked == [
        ("whole", [1.0, 1.5]), ("shallow", [10.0, 15.0]), ("shallow", [15.0]), ("whole", [4.5]), ("shallow", [45.0]),
    ]  # fmt: skip


def test_distilled_checkpoints_run_one_row_a_step() -> None:
    """LCM at guidance 1 in four steps: four rows."""
    how = settings(scheduler="lcm", guidance=1.0, steps=4, full_schedule=True)
    report = finished(studio(), how).report
    assert (report["executed_steps"], report["rows"]) == (4, {"denoise": 4})


def test_a_checkpoint_without_the_network_says_so() -> None:
    """deep_every without an export that has it is refused, with what to do; and so is a value out of bounds."""
    with pytest.raises(BadInput, match="export again with --shallow"):
        finished(studio(), settings(deep_every=2))
    for value in (0, 11, 1.5):
        with pytest.raises(ValueError, match="deep_every"):
            FinishSettings.model_validate({**settings().model_dump(), "deep_every": value})
