"""The finisher's settings: the product's numbers, the environment over them, requests within bounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import BadInput, ConfigError
from bridge.finish.settings import FILE, Finishing, load
from bridge.registry import Tier

FINISHING = load(env={})


def test_the_numbers_are_the_products() -> None:
    """Both tiers are what the product's specification says of them."""
    pro, ultra = FINISHING.pro, FINISHING.ultra
    assert (pro.denoise, pro.steps, pro.guidance, pro.long_side) == (0.20, 38, 6.2, 1344)
    assert pro.controls == {"pose": 0.55, "depth": 0.65, "normal": 0.45, "segmentation": 0.75, "edge": 0.35}
    assert (pro.garment_adapter, pro.face_adapter, pro.refiner_denoise) == (1.0, 0.85, 0.14)
    assert (pro.tile_denoise, pro.tile_steps, pro.full_schedule) == (0.12, 16, False)
    assert (ultra.steps, ultra.long_side, ultra.controls["segmentation"]) == (40, 1408, 0.78)
    assert (ultra.controls["pose"], ultra.denoise) == (pro.controls["pose"], pro.denoise)
    assert FINISHING.bounds["denoise"] == (0.10, 0.24)


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        ('{"denoise": 0.25}', "denoise must lie between 0.1 and 0.24"),
        ('{"denoise": 0.09}', "denoise must lie between"),
        ('{"denoise": NaN}', "finite"),
        ('{"steps": 61}', "steps must lie between 4 and 60"),
        ('{"steps": 20.5}', "steps"),
        ('{"guidance": 0.5}', "guidance"),
        ('{"controls": {"pose": 2.1}}', "controls.pose"),
        ('{"controls": "pose"}', "controls"),
        ('{"control_start": 0.5, "control_end": 0.5}', "control_start must be less"),
        ('{"scheduler": "magic"}', "scheduler"),
        ('{"prints": [[0, 0, 4, 40]]}', "prints"),
        ('{"prints": [[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]]}', "prints"),
        ('{"denoice": 0.2}', "denoice"),
        ('{"tier": "gold"}', "tier"),
        ("[]", "JSON object"),
        ("{", "JSON object"),
    ],
)
def test_what_is_out_of_bounds_is_refused(sent: str, word: str) -> None:
    """A request can ask for nothing that the product doesn't allow, and is told what it asked wrongly."""
    with pytest.raises(BadInput, match=word):
        FINISHING.read(sent)


def test_a_request_changes_what_it_names() -> None:
    """Everything else stays as the tier has it; nothing at all is the tier itself."""
    settings = FINISHING.read('{"tier": "ultra", "steps": 30, "controls": {"edge": 0, "tile": 0.5}}')
    controls = {**FINISHING.ultra.controls, "edge": 0.0, "tile": 0.5}
    assert settings == FINISHING.ultra.model_copy(update={"steps": 30, "controls": controls})
    assert FINISHING.read("") == FINISHING.pro
    assert FINISHING.settings(Tier.ULTRA) == FINISHING.ultra


def test_the_environment_holds_over_the_file() -> None:
    """A variable changes both tiers; one that says nothing possible is refused by name."""
    changed = load(env={"VFR_FINISHER_STEPS": "30", "VFR_FINISHER_CONTROLS__POSE": "0.6", "OTHER": "x"})
    assert (changed.pro.steps, changed.ultra.steps) == (30, 30)
    assert changed.ultra.controls == {**FINISHING.ultra.controls, "pose": 0.6}
    for name, value in {"STEPS": "many", "DENOISE": "0.9", "STEP": "3"}.items():
        with pytest.raises(ConfigError, match=name.lower()):
            load(env={f"VFR_FINISHER_{name}": value})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("denoise: [0.10, 0.24]", "denoise: [0.24, 0.10]"), "must not exceed"),
        (("denoise: [0.10, 0.24]", "denoice: [0.10, 0.24]"), "denoice"),
        (("denoise: 0.20", "denoise: 0.30"), "denoise must lie"),
        (("    steps: 38\n", ""), "steps"),
        (("finisher:", "finish:"), "finisher"),
    ],
)
def test_a_file_that_can_t_be_meant_is_refused(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    """The sentence names what is wrong in the file."""
    text = FILE.read_text(encoding="utf-8")
    assert change[0] in text
    file = tmp_path / "pipeline.yaml"
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=word):
        load(file, env={})


def test_the_api_can_read_them_without_torch() -> None:
    """Neither settings nor jobs nor policies import torch or diffusers."""
    program = (
        "import sys, bridge.finish.policies, bridge.finish.job, bridge.finish.layout; "
        "sys.exit(bool({'torch', 'diffusers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_clamped_changes_stay_within_bounds() -> None:
    """What is added goes as far as the bounds; a control that is left out stays so."""
    finishing: Finishing = FINISHING
    changed = finishing.clamped(
        finishing.pro,
        {"denoise": 0.5, "steps": -100, "controls.pose": 0.1, "controls.edge": -9, "controls.tile": 1},
    )
    assert (changed.denoise, changed.steps) == (0.24, 4)
    assert changed.controls == {**finishing.pro.controls, "pose": 0.65, "edge": 0.0}
