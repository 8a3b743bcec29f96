"""The benchmark of the shortcuts: what it reports of small networks is what the engine did."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console

from benchmarks import shortcuts


def test_psnr() -> None:
    """A difference of one in every value is 20 log10(255); equal pictures have none."""
    dark = np.zeros((4, 4, 3), np.uint8)
    assert shortcuts.psnr(dark, dark + np.uint8(1)) == pytest.approx(48.13, abs=0.01)
    assert shortcuts.psnr(dark, dark) is None


def test_every_switch_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact is exact, rows are those of the engine, and work is theirs at the real size."""
    cost = {"denoise": 15.0, "denoise_shallow": 0.6}
    monkeypatch.setattr(shortcuts, "_full_size", lambda _: cost)
    monkeypatch.setattr(shortcuts, "SWITCHES", shortcuts.SWITCHES[:3])
    said: list[str] = []
    found = shortcuts.run(1, "test", said.append, int8=False)
    exact, trimmed, deep = found["switches"]
    assert (exact["psnr_db"], exact["seconds_ratio"], exact["rows"]) == (None, 1.0, {"denoise": 16})
    assert (trimmed["rows"], trimmed["full_size_work"]) == ({"denoise": 12}, 0.75)
    assert deep["rows"] == {"denoise": 8, "denoise_shallow": 8}
    assert deep["full_size_work"] == pytest.approx((8 * 15.0 + 8 * 0.6) / (16 * 15.0), abs=1e-3)
    assert all(0 < row["psnr_db"] < 60 for row in (trimmed, deep))
    assert said[-1] == "turn 1 of 1: deep_every 2"
    json.dumps(found)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(shortcuts.table(found))
    assert "8 + 8" in shown.get()


@pytest.mark.slow
def test_int8_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quantized denoiser runs every row, near the exact one and not equal to it."""
    monkeypatch.setattr(shortcuts, "_full_size", lambda _: {"denoise": 1.0, "denoise_shallow": 1.0})
    monkeypatch.setattr(shortcuts, "SWITCHES", shortcuts.SWITCHES[:1])
    row = shortcuts.run(1, "test", lambda _: None)["switches"][-1]
    assert row["rows"] == {"denoise": 16}
    assert 0 < row["noise_error"] < 0.15
    assert 20 < row["psnr_db"] < 60
