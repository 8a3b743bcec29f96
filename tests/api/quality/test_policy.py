"""Verdict and the choice of the best attempt: what holds for every report, and the numbers that are sold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from api.quality.metrics import METRICS
from api.quality.policy import Pipeline, Threshold, Verdict, best, judge, load_pipeline
from api.schemas import Report
from api.settings import Settings
from bridge.errors import ConfigError
from bridge.quality.report import Scores

FILE = Settings().pipeline
PIPELINE = load_pipeline(FILE)
PROFILE = PIPELINE.profile("tier-S")

shares = st.floats(0, 1)
scores = st.dictionaries(
    st.sampled_from([*METRICS, "something_new"]), st.none() | st.just(float("nan")) | shares
)


def report(scores: dict[str, float | None], *, expert: str = "warp", seed: int = 7) -> Report:
    """A report with these scores."""
    return Report(
        scores=scores,
        warnings=[],
        category="upper",
        expert=expert,
        route={},
        seed=seed,
        people=1,
        person_index=0,
        sizes={},
        not_measured={"lpips": "needs weights"},
    )


GOOD = {metric: float(threshold.least == threshold.value) for metric, threshold in PROFILE.items()}
"""1 where a score must reach its threshold, 0 where it must stay below."""


def test_the_thresholds_are_the_products() -> None:
    """The five numbers of each profile are the ones that the product promises, in their directions."""
    order = ("clip_similarity", "lpips", "face_identity", "aesthetic", "leak_iou")
    words = ["at least", "at most", "at least", "at least", "at least"]
    for profile, numbers in {"tier-S": "0.28 0.32 0.75 0.58 0.9", "strict": "0.3 0.3 0.8 0.6 0.92"}.items():
        demands = [str(PIPELINE.profile(profile)[metric]) for metric in order]
        assert demands == [f"{word} {number}" for word, number in zip(words, numbers.split(), strict=True)]


def test_strict_is_nowhere_milder() -> None:
    """What passes strict passes tier-S."""
    for metric, threshold in PIPELINE.profile("strict").items():
        assert PROFILE[metric].admits(threshold.value)


def test_every_score_has_its_name() -> None:
    """Thresholds may be set for exactly what bridge.quality measures or says that it does not."""
    assert set(METRICS) == set(get_type_hints(Scores))


@settings(deadline=None)  # other work shares the cores
@given(scores)
def test_every_demand_is_met_missed_or_not_measured(found: dict[str, float | None]) -> None:
    """Whoever is not measured is told so and never passes; of the others those fail that miss the threshold."""
    verdict = judge(report(found), PROFILE)
    failed = {failure.metric for failure in verdict.failures}
    for metric, threshold in PROFILE.items():
        score = found.get(metric)
        unknown = score is None or math.isnan(score)
        assert (metric in verdict.not_measured) is unknown
        assert (metric in failed) is (threshold.required if unknown else not threshold.admits(score))
    assert verdict.passed is (not failed)


def test_nothing_measured_is_nothing_passed() -> None:
    """An empty report does not pass, and says of every score why it is missing."""
    verdict = judge(report({"hem_line": None}), PROFILE)
    assert not verdict.passed
    assert verdict.not_measured.keys() == PROFILE.keys()
    assert verdict.not_measured["lpips"] == "needs weights"
    assert verdict.not_measured["hem_line"] != verdict.not_measured["collar_line"]
    assert not judge(report({}), {"hem_line": PROFILE["hem_line"]}).passed


def test_a_picture_without_the_garment_does_not_pass() -> None:
    """That all else is as it was is no fitting: what can be measured of every garment must be known."""
    verdict = judge(report(dict.fromkeys(PROFILE) | {"protected_identity": 1.0}), PROFILE)
    assert {failure.metric for failure in verdict.failures} == {"leak_iou", "coverage"}
    assert all("is not known" in failure.sentence and failure.value is None for failure in verdict.failures)
    assert best([verdict, judge(report({**GOOD, "hem_line": 0.7}), PROFILE)]) == 1


@settings(deadline=None)
@given(st.sampled_from(sorted(PROFILE)), shares, shares)
def test_a_better_score_never_fails_where_a_worse_one_passed(
    metric: str, first: float, second: float
) -> None:
    """The verdict is monotone in every score, each in its own direction."""
    worse, better = sorted((first, second), reverse=PROFILE[metric].most is not None)
    if judge(report({**GOOD, metric: worse}), PROFILE).passed:
        assert judge(report({**GOOD, metric: better}), PROFILE).passed


@settings(deadline=None)
@given(st.sampled_from(sorted(PROFILE)), shares)
def test_a_failure_never_reads_like_a_pass(metric: str, score: float) -> None:
    """The sentence's rounded score misses the threshold as the exact one does."""
    for failure in judge(report({**GOOD, metric: score}), PROFILE).failures:
        shown = float(failure.sentence.split("scores ")[1].split(";")[0])
        assert not PROFILE[metric].admits(shown)
        assert str(PROFILE[metric]) in failure.sentence


def test_a_verdict_travels_as_json() -> None:
    """A job's row keeps it and reads it back."""
    verdict = judge(report({**GOOD, "hem_line": 0.2}), PROFILE)
    assert Verdict.model_validate(json.loads(verdict.model_dump_json())) == verdict


def test_the_best_attempt() -> None:
    """A pass wins; else the smallest miss, measured in thresholds; of equals the last; elsewhere beats a failure."""
    near, far = (judge(report({**GOOD, "hem_line": score}), PROFILE) for score in (0.7, 0.1))
    passed = judge(report(dict(GOOD)), PROFILE)
    elsewhere = {"passed": False, "failures": [], "not_measured": {"all": "made elsewhere"}}
    assert best([far, near]) == best([near, far, far]) + 1 == 1
    assert best([near, passed, far]) == 1
    assert best([near, near]) == 1
    assert best([near.model_dump(mode="json"), elsewhere]) == 1
    assert best([passed, elsewhere]) == 0


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(PROFILE)), shares), min_size=1, max_size=4))
def test_no_attempt_beats_the_best(attempts: list[dict[str, float]]) -> None:
    """Whenever one passed, a passed one is taken."""
    verdicts = [judge(report(dict(found)), PROFILE) for found in attempts]
    assert verdicts[best(verdicts)].passed is any(verdict.passed for verdict in verdicts)


def test_a_snapshot_says_what_a_job_ran_by() -> None:
    """It reads back as settings that judge alike, and other numbers or weights give another text."""
    weights = {"pose_detection": "1:a"}
    text = PIPELINE.snapshot("strict", weights)
    told = yaml.safe_load(text)
    assert told.pop("weights") == weights
    again = Pipeline.model_validate(told)
    assert again.profiles == {"strict": PIPELINE.profile("strict")}
    assert again.snapshot("strict", weights) == text
    assert again.snapshot("strict", {"pose_detection": "1:b"}) != text
    milder = Pipeline(profiles={"strict": {"hem_line": Threshold(least=0.1)}}, retry=PIPELINE.retry)
    assert milder.snapshot("strict", weights) != text


RETRY = "retry: {basic: {}, pro: {}, ultra: {}}"
FAULTS = {
    f"profiles: {{a: {{hem_lin: {{least: 1}}}}}}\n{RETRY}": "did you mean 'hem_line'",
    f"profiles: {{a: {{hem_line: {{least: 1, most: 1}}}}}}\n{RETRY}": "hem_line: give either least or most",
    f"profiles: {{a: {{hem_line: {{}}}}}}\n{RETRY}": "hem_line: give either least or most",
    f"profiles: {{a: {{hem_line: {{least: .nan}}}}}}\n{RETRY}": "finite",
    f"profiles: {{a: {{}}}}\n{RETRY}": "profiles: a:",
    f"profiles: {{}}\n{RETRY}": "profiles:",
    "profiles: {a: {hem_line: {least: 1}}}\nretry: {basic: {}}": "the tier pro and of ultra",
    "profiles: {a: {hem_line: {least: 1}}}\nretry: {basic: {stps: 1}, pro: {}, ultra: {}}": "retry: basic: stps",
    "- 1": "dictionary",
    "a: [": "not YAML",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_in_the_file_is_named(tmp_path: Path, text: str) -> None:
    """Every slip is refused with the field and what is wrong with it."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=FAULTS[text]):
        load_pipeline(file)


def test_another_file_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VFR_PIPELINE names it, and a name that leads nowhere says so."""
    monkeypatch.setenv("VFR_PIPELINE", str(tmp_path / "mine.yaml"))
    with pytest.raises(ConfigError, match="VFR_PIPELINE must name"):
        load_pipeline(Settings().pipeline)


def test_an_unknown_profile_names_the_known_ones() -> None:
    """Whoever misspells a tenant's profile is told the choice."""
    with pytest.raises(ConfigError, match="choose one of tier-S, strict"):
        PIPELINE.judge(report({}), "tier-s")
