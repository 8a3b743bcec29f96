"""A body fitted to what a photo shows of a person, in the manner of SMPLify (Bogo et al. 2016) and SMPLify-X.

Weighted squares of everything that is known (landmarks, their depths, what bodies look like, how far joints bend, the
silhouette) are made least by Levenberg-Marquardt (Moré 1978), with slopes that are written out. The stages free more
and more of the unknowns, so that each begins near its end: place and bearing; then the pose; then the shape; at last
the silhouette.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch

from bridge.body.evidence import Evidence, Term, bends, heights, joined, landmarks, leaning, poses, shapes
from bridge.body.linear import LinearBody
from bridge.body.silhouette import Silhouette, rim
from bridge.body.slopes import ROTATION, SHAPE, TRANSLATION, State
from bridge.body.start import start

_DAMPING, _EASED, _TIGHTENED = 1e-3, 0.2, 5.0
"""What the damping begins with, as a share of the diagonal, and what a good and a bad step make of it."""
_ENOUGH = 1e-3
"""A stage ends when no body's sum of squares falls by more than this share."""
_ROOT_STEPS, _POSE_STEPS, _SHAPE_STEPS, _RIM_STEPS = 8, 12, 10, 5
"""Most steps of a stage."""
_RIMS = 3
"""How often the rim is sought anew: which vertices it has depends on the pose."""
_WIDE, _NARROW = 12.0, 4.0
"""Beyond how many usual errors a landmark counts as an outlier: at first, and at the end."""

Problem = Callable[[State], Term]


def fit(body: LinearBody, evidence: Evidence, silhouettes: Sequence[Silhouette] = ()) -> State:
    """Fit bodies to what photos show of them; ``silhouettes`` has one for each photo, or none at all."""
    state = start(body, evidence)
    landmarks_only = _Landmarks(body, evidence, evidence.focal / -state.translation[:, 2])
    unknown = torch.zeros(SHAPE.start + body.shape_count, dtype=torch.bool)
    unknown[:3] = unknown[TRANSLATION] = True
    state = descend(partial(landmarks_only, math.inf), state, unknown, _ROOT_STEPS)
    unknown[ROTATION] = True
    state = descend(partial(landmarks_only, _WIDE), state, unknown, _POSE_STEPS)
    unknown[SHAPE] = True
    state = descend(partial(landmarks_only, _NARROW), state, unknown, _SHAPE_STEPS)
    for _ in range(_RIMS if silhouettes else 0):
        edge = rim(body, state, evidence, silhouettes, landmarks_only.scale)
        state = descend(partial(landmarks_only.and_rim, edge), state, unknown, _RIM_STEPS)
    return state


class _Landmarks:
    """The sum of squares without a silhouette, and with one."""

    def __init__(self, body: LinearBody, evidence: Evidence, scale: torch.Tensor) -> None:
        self._body, self._evidence, self._points = body, evidence, body.landmark_points()
        self.scale = scale  # pixels of a metre at each body, [B]

    def __call__(self, limit: float, state: State, *more: Term) -> Term:
        body, evidence = self._body, self._evidence
        places, depths, balance = landmarks(body, self._points, state, evidence, self.scale)
        habits = (poses(body, state), leaning(body, state), bends(body, state), shapes(body, state))
        return joined(
            [
                places.squashed(limit),
                depths.squashed(_NARROW),
                balance,
                *habits,
                heights(body, state, evidence),
                *more,
            ]
        )

    def and_rim(self, edge: Problem, state: State) -> Term:
        return self(_NARROW, state, edge(state).squashed(_NARROW))


def descend(problem: Problem, state: State, unknown: torch.Tensor, steps: int) -> State:
    """Take Levenberg-Marquardt steps; ``unknown`` (bool [3 J + 3 + S]) says what may change.

    A step that makes a body's sum of squares larger is not taken by that body.
    """
    term = problem(state)
    damping = torch.full((len(state.shape),), _DAMPING)
    for _ in range(steps):
        candidate = state.moved(_step(term, unknown, damping))
        tried = problem(candidate)
        before, after = (t.errors.square().sum(1) for t in (term, tried))
        better = after < before
        state = candidate.where(better, state)
        term = Term(
            torch.where(better[:, None], tried.errors, term.errors),
            torch.where(better[:, None, None], tried.slopes, term.slopes),
        )
        damping = damping * torch.where(better, _EASED, _TIGHTENED)
        if bool((better & (after < (1 - _ENOUGH) * before)).logical_not().all() and better.any()):
            break
    return state


def _step(term: Term, unknown: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
    slopes = term.slopes[..., unknown]
    normal = slopes.mT @ slopes
    diagonal = normal.diagonal(dim1=1, dim2=2)
    damped = normal + torch.diag_embed(damping[:, None] * diagonal + 1e-6)
    step = torch.zeros(len(slopes), len(unknown))
    step[:, unknown] = -torch.linalg.solve(damped, slopes.mT @ term.errors[..., None])[..., 0]
    return step
