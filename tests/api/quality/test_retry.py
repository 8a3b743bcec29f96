"""What another attempt changes, and the finisher's settings that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.quality.metrics import METRICS
from api.quality.policy import load_pipeline
from api.quality.retry import SEEDS, finish_settings, retry_changes
from api.schemas import Report
from api.settings import Settings
from bridge.contracts import Expert
from bridge.errors import BadInput
from bridge.finish.policies import RULES
from bridge.finish.settings import FinishSettings
from bridge.registry import Tier

PIPELINE = load_pipeline(Settings().pipeline)


@dataclass(frozen=True)
class Ordered:
    """An order as far as a retry looks at it."""

    tier: Tier = Tier.BASIC
    expert: Expert = Expert.AUTO
    finisher: Mapping[str, object] = field(default_factory=dict)


def report(*, expert: str = "warp", seed: int = 7) -> Report:
    """A report of a picture by this expert, with this seed."""
    return Report(
        scores={}, warnings=[], category="upper", expert=expert, route={}, seed=seed, people=1, person_index=0,
        sizes={}, not_measured={},
    )  # fmt: skip


def finisher(order: Ordered, **changes: object) -> FinishSettings:
    """The settings of an attempt with these changes."""
    found = finish_settings(PIPELINE, order, changes)
    assert found
    return found


@settings(deadline=None)  # other work shares the cores
@given(st.integers(-1, 2**63 - 1), st.integers(0, 50))
def test_each_attempt_has_a_seed_of_its_own(seed: int, number: int) -> None:
    """The same attempt gets the same new seed again, and the next one another."""
    made = report(seed=seed)
    first, again, later = (
        retry_changes(PIPELINE, Ordered(), made, (), n)["seed"] for n in (number, number, number + 1)
    )
    assert first == again != later
    assert first != seed
    assert 0 <= first < SEEDS


PRO = {"steps": 5, "garment_adapter": 0.05, "denoise": -0.02}


@pytest.mark.parametrize(
    ("order", "expert", "missed", "number", "changes"),
    [
        (Ordered(), "warp", ["hem_line"], 0, {"expert": "drape"}),
        (Ordered(), "drape", [], 0, {"expert": "warp"}),
        (Ordered(expert=Expert.WARP), "warp", [], 0, {}),
        (Ordered(Tier.PRO), "warp", [], 0, PRO),
        (Ordered(Tier.PRO), "warp", ["hem_line", "collar_line"], 0, PRO | {"rules": ["hem_melt"]}),
        (Ordered(Tier.PRO), "warp", ["protected_identity"], 0, PRO),
        (
            Ordered(Tier.ULTRA), "warp", ["garment_print", "face_identity"], 1,
            {"steps": 10, "garment_adapter": 0.1, "denoise": -0.04, "rules": ["face_drift", "print_smear"]},
        ),
    ],
)  # fmt: skip
def test_a_retry_changes_what_its_tier_knows(
    order: Ordered, expert: str, missed: list[str], number: int, changes: object
) -> None:
    """The basic tier takes the other expert unless the caller chose; the painted ones take numbers and rules."""
    found = retry_changes(PIPELINE, order, report(expert=expert), missed, number)
    del found["seed"]
    assert found == changes
    assert json.loads(json.dumps(found)) == changes


def test_the_first_attempt_is_what_was_ordered() -> None:
    """A tier's own numbers, with the caller's over them; the basic tier has none."""
    assert finish_settings(PIPELINE, Ordered(), {}) is None
    found = finisher(Ordered(Tier.ULTRA, finisher={"steps": 12, "controls": {"pose": 0.2}}))
    assert (found.steps, found.long_side, found.controls["pose"], found.controls["edge"]) == (
        12,
        1408,
        0.2,
        0.35,
    )
    with pytest.raises(BadInput, match="steps must lie between 4 and 60"):
        finisher(Ordered(Tier.PRO, finisher={"steps": 61}))


def test_a_rule_is_applied_after_the_numbers() -> None:
    """A retry of a melted hem: the product's numbers of a retry, then those of the rule."""
    found = finisher(Ordered(Tier.PRO), seed=1, **PRO, rules=["hem_melt"])
    rule = RULES["hem_melt"].changes
    assert found.steps == 43
    assert found.garment_adapter == pytest.approx(1.05)
    assert found.denoise == pytest.approx(0.20 - 0.02 + rule["denoise"])
    assert found.controls["edge"] == pytest.approx(0.35 + rule["controls.edge"])


@settings(deadline=None)
@given(
    st.sampled_from([Tier.PRO, Tier.ULTRA]),
    st.lists(st.sampled_from(sorted(METRICS)), max_size=6),
    st.integers(0, 20),
    st.fixed_dictionaries({}, optional={"steps": st.integers(4, 60), "denoise": st.floats(0.10, 0.24)}),
)
def test_no_retry_leaves_the_bounds(
    tier: Tier, missed: list[str], number: int, asked: dict[str, object]
) -> None:
    """However many attempts and rules come together; and the same changes give the same settings."""
    order = Ordered(tier, finisher=asked)
    changes = json.loads(json.dumps(retry_changes(PIPELINE, order, report(), missed, number)))
    found = finish_settings(PIPELINE, order, changes)
    assert found
    assert PIPELINE.finisher
    assert PIPELINE.finisher.outside(found) is None
    assert PIPELINE.finisher.read(json.dumps({"tier": tier.value, **found.model_dump(mode="json")})) == found
    assert finish_settings(PIPELINE, order, changes) == found
