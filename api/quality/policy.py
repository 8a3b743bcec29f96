"""The verdict on a picture, and which attempt is best; ``configs/pipeline.yaml`` has the numbers.

``VFR_PIPELINE`` names another file. Everything here is a function of its arguments, so that a recovered job decides
as it did the first time.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from api.quality.metrics import METRICS, known
from api.schemas import Report
from bridge.errors import ConfigError
from bridge.finish.settings import Finishing, overridden
from bridge.registry import Tier

NOTHING_HERE = "this picture has nothing to measure it on"
NOT_REPORTED = "the report does not hold it"


class Entry(BaseModel):
    """The base of all: unknown fields are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(Entry):
    """One of both: the score must reach ``least``, or must not exceed ``most``."""

    least: FiniteFloat | None = None
    most: FiniteFloat | None = None
    required: bool = False
    """Whether a picture of which the score is not known fails: what can be measured of every garment that is there."""

    @model_validator(mode="after")
    def _one(self) -> Threshold:
        if (self.least is None) == (self.most is None):
            raise ValueError("give either least or most")
        return self

    @property
    def value(self) -> float:
        """The number itself."""
        return self.least if self.least is not None else self.most or 0.0

    def admits(self, score: float) -> bool:
        """Return whether a score passes; what is not a number never does."""
        return score >= self.value if self.least is not None else score <= self.value

    def __str__(self) -> str:
        """Return the demand in words."""
        return f"at {'least' if self.least is not None else 'most'} {self.value:g}"


Profile = Annotated[Mapping[Annotated[str, AfterValidator(known)], Threshold], Field(min_length=1)]
"""Thresholds by the name of the score."""


class Retry(Entry):
    """What each further attempt of a tier adds to the one before."""

    other_expert: bool = False
    """Whether warp takes drape's place and the other way round."""

    steps: int = 0
    """Denoising steps."""

    garment_adapter: FiniteFloat = 0.0
    """Strength of the garment's adapter."""

    denoise: FiniteFloat = 0.0
    """Strength of the finisher's denoising."""


class Failure(Entry):
    """A score that missed its threshold, or one that had to be known and is not."""

    metric: str
    value: float | None
    threshold: float
    sentence: str


class Verdict(Entry):
    """What a profile says of a report."""

    passed: bool
    """Whether at least one score was measured and none missed its threshold."""

    failures: tuple[Failure, ...] = ()
    not_measured: dict[str, str]
    """Scores that the profile asks for and nobody knows, each with the reason."""


class Pipeline(Entry):
    """The whole file."""

    profiles: Annotated[dict[str, Profile], Field(min_length=1)]
    retry: dict[Tier, Retry]
    finisher: Finishing | None = None
    """Of the tiers that are sold, with the environment's values over the file's."""
    _snapshots: dict[tuple[str, frozenset[tuple[str, str]]], str] = PrivateAttr(
        default_factory=dict
    )  # what was asked for: every job asks

    @model_validator(mode="after")
    def _all_tiers(self) -> Pipeline:
        if missing := [tier.value for tier in Tier if tier not in self.retry]:
            raise ValueError(f"retry says nothing of the tier {' and of '.join(missing)}")
        return self

    def profile(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.profiles:
            raise ConfigError(f"There is no profile {name!r}; choose one of {', '.join(self.profiles)}.")
        return self.profiles[name]

    def judge(self, report: Report, profile: str) -> Verdict:
        """Hold a report against a profile, by its name; see :func:`judge`."""
        return judge(report, self.profile(profile))

    def snapshot(self, profile: str, weights: Mapping[str, str]) -> str:
        """Return what a job of a profile runs by, as YAML; equal settings and weights give equal text.

        Args:
            profile: its name.
            weights: what tells those of each model from others, by its name.
        """
        key = profile, frozenset(weights.items())
        if key not in self._snapshots:
            kept = self.model_copy(update={"profiles": {profile: self.profile(profile)}})
            told = {**kept.model_dump(mode="json", exclude_none=True), "weights": dict(weights)}
            self._snapshots[key] = yaml.safe_dump(told, sort_keys=True)
        return self._snapshots[key]


@cache
def load_pipeline(path: Path) -> Pipeline:
    """Return what the file says; it is read once.

    Raises:
        ConfigError: it can't be read, or says something that can't be done; the sentence names the field.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} can't be read ({error}); VFR_PIPELINE must name a file like configs/pipeline.yaml."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}. Please correct it there.") from error
    try:
        return Pipeline.model_validate(_with_environment(content))
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())
        raise ConfigError(f"{path.name}: {faults}. configs/pipeline.yaml explains every field.") from error


def judge(report: Report, profile: Profile) -> Verdict:
    """Hold a report against the thresholds.

    A score that is missing, null or not a number counts as not measured: it neither passes nor fails, unless it is
    required, which fails. A report of which nothing was measured does not pass.
    """
    failures, not_measured = [], {}
    for metric, threshold in profile.items():
        score = report.scores.get(metric)
        if score is None or not math.isfinite(score):
            not_measured[metric] = _why_not(report, metric)
            if threshold.required:
                failures.append(_unknown(metric, threshold, not_measured[metric]))
        elif not threshold.admits(score):
            failures.append(_failure(metric, score, threshold))
    measured = len(not_measured) < len(profile)
    return Verdict(passed=measured and not failures, failures=tuple(failures), not_measured=not_measured)


def best(verdicts: Iterable[Verdict | Mapping[str, object]]) -> int:
    """Return the index of the best attempt: one that passed, else the one that misses least; of equals the last.

    How much a verdict misses is the sum over its failures of the distance to the threshold, over the threshold; 1 for
    a score that is not known. A picture of which nothing was measured misses nothing: it was made
    elsewhere because ours failed.

    Raises:
        ValueError: there was no attempt.
    """
    known = [Verdict.model_validate(verdict) for verdict in verdicts]
    ranks = [(verdict.passed, -_shortfall(verdict.failures), index) for index, verdict in enumerate(known)]
    return max(ranks)[2]


def _with_environment(content: object) -> object:
    if isinstance(content, dict) and "finisher" in content:
        return {**content, "finisher": overridden(content["finisher"], os.environ)}
    return content


def _shortfall(failures: Sequence[Failure]) -> float:
    return sum(1.0 if f.value is None else abs(f.value - f.threshold) / _size(f.threshold) for f in failures)


def _size(threshold: float) -> float:
    return max(abs(threshold), 1e-6)


def _failure(metric: str, score: float, threshold: Threshold) -> Failure:
    shown = math.floor(score * 1000) / 1000 if threshold.least is not None else math.ceil(score * 1000) / 1000
    sentence = f"{METRICS[metric]} scores {shown:g}; {threshold} is asked for."
    return Failure(metric=metric, value=score, threshold=threshold.value, sentence=sentence)


def _unknown(metric: str, threshold: Threshold, why: str) -> Failure:
    sentence = f"{METRICS[metric]} is not known ({why}); {threshold} is asked for."
    return Failure(metric=metric, value=None, threshold=threshold.value, sentence=sentence)


def _why_not(report: Report, metric: str) -> str:
    return report.not_measured.get(metric, NOTHING_HERE if metric in report.scores else NOT_REPORTED)


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ": ".join(str(step) for step in place if step != "[key]")
    return (
        f"{where}: {message.removeprefix('Value error, ')}"
        if where
        else message.removeprefix("Value error, ")
    )
