"""The research photos: people in what they wear, dressed in it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.quality.policy import load_pipeline
from api.schemas import Report
from api.settings import Settings
from benchmarks.photos import read_pair
from benchmarks.tryon import Request
from bridge.triton.local import LocalModels


@pytest.mark.photos
@pytest.mark.parametrize("name", ["00055_00", "00057_00", "00069_00"])
def test_a_good_fitting_passes(photos: Path, local: LocalModels, name: str) -> None:
    """Every weight-free score that the photo allows reaches tier-S."""
    pair = read_pair(photos / "pairs" / name)
    answer = local["tryon_basic"](**Request(pair.person, pair.garment).arrays())
    report = Report.model_validate_json(answer["report"][0])
    verdict = load_pipeline(Settings().pipeline).judge(report, "tier-S")
    assert verdict.failures == ()
    assert verdict.passed
