"""The named ways to fail: what each rule changes, and that none leaves the product's bounds."""

from __future__ import annotations

import pytest

from api.quality.metrics import METRICS
from bridge.finish.policies import RULES, changed, suggested
from bridge.finish.settings import load

FINISHING = load(env={})


def test_the_product_s_failures_have_rules() -> None:
    """Those four, each explained, each hung on scores that exist."""
    assert set(RULES) == {"face_drift", "print_smear", "hem_melt", "light_mismatch"}
    for rule in RULES.values():
        assert rule.looks
        assert rule.why
        assert set(rule.scores) <= set(METRICS)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_changes_what_it_says_and_stays_within_bounds(name: str) -> None:
    """Applied once it moves each of its numbers in its direction; ten times it stops at the bounds."""
    pro = FINISHING.pro
    once = changed(FINISHING, pro, [name])
    for path, change in RULES[name].changes.items():
        field, _, key = path.partition(".")
        before, after = ((s.model_dump()[field][key] if key else getattr(s, field)) for s in (pro, once))
        assert (after - before) * change > 0
    assert FINISHING.outside(changed(FINISHING, pro, [name] * 10)) is None


def test_missed_scores_suggest_rules() -> None:
    """Each score leads to its rule; scores that no rule knows lead to none."""
    assert suggested(["hem_line", "face_identity"]) == ("face_drift", "hem_melt")
    assert suggested(["lpips"]) == ("print_smear",)
    assert suggested(["old_garment_left"]) == ()
    assert changed(FINISHING, FINISHING.pro, ()) == FINISHING.pro
