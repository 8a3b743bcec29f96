"""Which steps are executed, and the words' tokens: as diffusers and transformers count them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bridge.errors import BadInput
from bridge.finish.prompt import tokenizer, tokenizers
from bridge.finish.schedule import begin, make, whole_steps
from bridge.finish.settings import load
from tests.finish import tiny
from tests.finish.studio import SCHEDULERS, studio


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize(("steps", "denoise"), [(38, 0.20), (40, 0.20), (38, 0.14), (16, 0.12), (10, 1.0)])
def test_the_executed_part_is_that_of_diffusers(scheduler: str, steps: int, denoise: float) -> None:
    """Its timesteps are those that diffusers' img2img takes, by its own method."""
    config = dict(studio().layout.scheduler)
    kind, changes = SCHEDULERS[scheduler]
    studio().base.scheduler = kind.from_config(config, **changes)
    studio().base.scheduler.set_timesteps(steps)
    wanted, executed = studio().base.get_timesteps(steps, denoise, "cpu")
    found = begin(make(scheduler, config), steps, denoise)
    assert torch.equal(found.timesteps, wanted)
    assert executed == int(steps * denoise)


def test_the_product_s_tiers_execute_what_they_are_sold_as() -> None:
    """38 and 40 steps at 0.20 execute 7 and 8, the refiner 5, a print 1."""
    pro, ultra = load(env={}).pro, load(env={}).ultra
    executed = [len(begin(make("euler", {}), s.steps, s.denoise).timesteps) for s in (pro, ultra)]
    assert executed == [7, 8]
    assert len(begin(make("euler", {}), ultra.steps, ultra.refiner_denoise).timesteps) == 5
    assert len(begin(make("euler", {}), pro.tile_steps, pro.tile_denoise).timesteps) == 1


@pytest.mark.parametrize("steps", [1, 7, 38, 40, 60])
@pytest.mark.parametrize("denoise", [0.07, 0.1, 0.14, 0.2, 0.24, 0.3, 0.7, 1.0])
def test_a_full_schedule_executes_every_step_asked_for(steps: int, denoise: float) -> None:
    """It is the shortest schedule that does; otherwise the schedule has as many steps as asked for."""
    whole = whole_steps(steps, denoise, full=True)
    assert int(whole * denoise) == steps
    assert whole == steps or int((whole - 1) * denoise) < steps
    assert whole_steps(steps, denoise, full=False) == steps


def test_what_has_no_schedule_is_refused() -> None:
    """Neither a schedule of which nothing is executed, nor more steps than a scheduler has."""
    with pytest.raises(BadInput, match="0 executed steps"):
        begin(make("euler", {}), 4, 0.2)
    with pytest.raises(BadInput, match="LCMScheduler"):
        begin(make("lcm", {}), 60, 0.2)


WORDS = ["", "a photo of a person", "Sharp  FABRIC, face & light!", "garment " * 100, "Ünïcödé 裙子 👗"]


def test_tokens_are_those_of_clip(tmp_path: Path) -> None:
    """Padded and cut as transformers does it, whatever the words; the second encoder pads with another token."""
    made = tiny.tokenizer(tmp_path / "tokenizer_1")
    other = tiny.tokenizer(tmp_path / "tokenizer_2")
    other.add_special_tokens({"pad_token": "a"})
    other.save_pretrained(tmp_path / "tokenizer_2")
    for theirs, mine in zip((made, other), tokenizers(tmp_path, studio().layout), strict=True):
        wanted = theirs(WORDS, padding="max_length", max_length=77, truncation=True).input_ids
        assert [found.ids for found in mine.encode_batch(WORDS)] == wanted
    assert tokenizer(tmp_path / "tokenizer_2", 77).encode("").ids[-1] == made.convert_tokens_to_ids("a")
