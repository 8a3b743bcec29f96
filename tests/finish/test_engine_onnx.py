"""The whole way: the published checkpoint, exported by the command, run by onnxruntime under the engine."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import onnxruntime
import pytest

from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.finish.prompt import tokenizers
from bridge.finish.running import onnx_run
from tests.finish.studio import Studio, job, reference, same, settings, studio


@cache
def installed(repository: Path) -> Studio:
    """Return what is installed in a model repository, beside diffusers' pipelines of the same weights."""
    folder = repository / "finish" / "1"
    layout = Layout.model_validate_json((folder / "layout.json").read_text(encoding="utf-8"))
    runs = {
        name: onnx_run(onnxruntime.InferenceSession(repository / name / "1" / "model.onnx"), contract)
        for name, contract in contracts(layout).items()
    }
    return replace(studio(), layout=layout, runs=runs, words=tokenizers(folder, layout))


@pytest.mark.parametrize("scheduler", ["checkpoint", "dpmpp_2m_karras"])
def test_the_exported_checkpoint_is_that_of_diffusers(tiny_repository: Path, scheduler: str) -> None:
    """Three jobs at once, with several controls and the refiner: the pictures are diffusers'."""
    at, how = installed(tiny_repository), settings(scheduler=scheduler, refiner_denoise=0.14)
    jobs = [
        job(1, settings=how),
        job(2, settings=how, controls=("pose", "depth", "edge")),
        job(3, settings=how),
    ]
    for finished, asked in zip(at.finish(*jobs), jobs, strict=True):
        assert same(finished.image, reference(at, [asked])[0])
