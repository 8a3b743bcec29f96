"""The full-size networks: what they weigh and compute is what was published of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from export.sdxl.architectures import ARCHITECTURES


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_has_as_many_weights_as_the_published_one(name: str) -> None:
    """Made on the device meta, which holds shapes alone."""
    with torch.device("meta"):
        made = ARCHITECTURES[name].make()
    assert sum(weight.numel() for weight in made.parameters()) / 1e6 == pytest.approx(
        ARCHITECTURES[name].parameters, abs=1e-3
    )


def tera(run: Callable[[], object]) -> float:
    """Return what a computation costs [TFLOP], two for a multiplication with an addition."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() / 1e12


def forward(name: str, width: int, height: int) -> float:
    """Return what one row of a denoiser costs [TFLOP]."""
    text, ids = (1280, 5) if name == "refiner" else (2048, 6)
    with torch.device("meta"):
        network = ARCHITECTURES[name].make()
        size = height // 8, width // 8
        latent, time, words = torch.empty(1, 4, *size), torch.empty(1), torch.empty(1, 77, text)
        added = {"text_embeds": torch.empty(1, 1280), "time_ids": torch.empty(1, ids)}
        return tera(lambda: network(latent, time, words, added_cond_kwargs=added))


@pytest.mark.parametrize(
    ("name", "width", "height", "expected"),
    [
        ("unet", 1024, 1024, 6.761),
        pytest.param("unet", 1024, 1344, 9.166, marks=pytest.mark.slow),
        pytest.param("unet", 1056, 1408, 10.011, marks=pytest.mark.slow),
        pytest.param("refiner", 1024, 1344, 10.033, marks=pytest.mark.slow),
    ],
)
def test_a_forward_pass_costs_what_is_known(name: str, width: int, height: int, expected: float) -> None:
    """5.98 TFLOP without attention, as T-GATE's table (2404.02747) has it, 6.76 with it."""
    assert forward(name, width, height) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(("width", "height", "expected"), [(1024, 1024, 10.47), (1056, 1408, 15.17)])
def test_decoding_costs_what_is_known(width: int, height: int, expected: float) -> None:
    """The decoder is half again as dear as a step of the denoiser."""
    with torch.device("meta"):
        vae, latent = ARCHITECTURES["vae"].make(), torch.empty(1, 4, height // 8, width // 8)
        assert tera(lambda: vae.decode(latent)) == pytest.approx(expected, abs=1e-2)  # type: ignore[operator]
