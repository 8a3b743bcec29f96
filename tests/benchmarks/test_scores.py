"""The learned scores' benchmark: networks of the true size, and numbers that come from running them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks import scores, scores_networks
from bridge.contracts import LEARNED
from bridge.registry import load_registry
from tests.scores import tiny


def test_the_networks_are_as_large_as_the_published_files() -> None:
    """By the registry's sizes; of CLIP the picture's tower, whose parameters its paper's code counts."""
    with torch.device("meta"):
        made = scores_networks.modules()
    counts = {name: sum(weight.numel() for weight in module.parameters()) for name, module in made.items()}
    registry = load_registry()
    assert 4 * counts["aesthetic"] == pytest.approx(registry["aesthetic_predictor"].size, rel=0.01)
    assert 4 * counts["face_embed"] == pytest.approx(registry["auraface"].size, rel=0.002)
    assert counts["clip_image"] == 303_179_776 + 1024 * 768
    assert counts["lpips"] == 2_469_696 + 64 + 192 + 384 + 256 + 256


def test_what_was_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network in the order of the contracts, the work at full size, the time of the files that were given."""
    monkeypatch.setattr(scores_networks, "write", tiny.write)
    monkeypatch.setattr(scores, "_apart", scores.timed)
    said: list[str] = []
    found = scores.run(2, 1, "python -m benchmarks scores", said.append)
    rows = {row["network"]: row for row in found["networks"]}
    assert set(rows) == set(LEARNED) == set(scores.ROWS)
    assert rows["clip_image"]["gflop"] == pytest.approx(
        3 * 162, rel=0.01
    )  # 80.7 GMAC a picture, and its heads
    assert rows["face_embed"]["gflop"] == pytest.approx(2 * 24.2, rel=0.01)  # 12.1 GMAC, InsightFace's table
    assert all(
        0 < row["fastest_ms"] <= row["median_ms"] for row in rows.values() if row["network"] != "aesthetic"
    )
    assert found["picture_ms"] == pytest.approx(sum(row["median_ms"] for row in rows.values()), abs=0.2)
    assert "clip_image: timing" in said
    console = Console(width=120, record=True)
    console.print(scores.table(found))
    assert "a picture" in console.export_text()
