"""The linear body: rotations, skinning and slopes against their slow, plain twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridge.body.linear import LinearBody
from bridge.body.rotation import exp, log, log_slope
from bridge.body.skeleton import BONES, PARENTS
from bridge.body.slopes import SHAPE, State, positions, positions_and_slopes
from bridge.contracts import BodyPart, BodyPoint


def random_state(body: LinearBody, count: int = 2, spread: float = 0.4) -> State:
    """Bodies in random poses, of random shapes."""
    random = torch.Generator().manual_seed(1)
    return State(
        exp(torch.randn(count, len(BONES), 3, generator=random) * spread),
        torch.randn(count, 3, generator=random),
        torch.randn(count, body.shape_count, generator=random),
    )


def test_log_undoes_exp() -> None:
    """For angles up to nearly half a turn, and for none."""
    vectors = torch.tensor([[0.0, 0, 0], [1e-8, 0, 0], [0.3, -0.2, 0.1], [2.0, 1.5, -1.0], [0, 0, 3.1]])
    torch.testing.assert_close(log(exp(vectors)), vectors, atol=2e-4, rtol=0)


@pytest.mark.parametrize("vector", [(0.0, 0, 0), (0.2, -0.5, 0.9), (0.0, 2.5, 0.3)])
def test_the_slope_of_log(vector: tuple[float, ...]) -> None:
    """Against central differences."""
    at, small = torch.tensor(vector).double(), 1e-5 * torch.eye(3).double()
    matrix = exp(at)
    differences = [(log(exp(d) @ matrix) - log(exp(-d) @ matrix)) / 2e-5 for d in small]
    torch.testing.assert_close(torch.stack(differences, -1), log_slope(at), atol=1e-6, rtol=1e-5)


def test_skinning_equals_its_plain_twin(body: LinearBody) -> None:
    """A vertex is the weighted mean of where each bone alone would carry it, computed bone by bone."""
    state = random_state(body, 1)
    heads = body.rest_heads(state.shape)[0].numpy().astype(np.float64)
    turns, places = (
        [state.rotations[0, 0].numpy().astype(np.float64)],
        [state.translation[0].numpy().astype(np.float64)],
    )
    for bone in range(1, len(BONES)):
        parent = PARENTS[bone]
        places.append(places[parent] + turns[parent] @ (heads[bone] - heads[parent]))
        turns.append(turns[parent] @ state.rotations[0, bone].numpy())
    world = state.world(body)
    fast = body.vertices(world, state.shape)[0].numpy()
    for vertex in range(0, len(fast), 997):
        rest = (body.template[vertex] + body.directions[vertex] @ state.shape[0]).numpy()
        carried = [places[b] + turns[b] @ (rest - heads[b]) for b in range(len(BONES))]
        np.testing.assert_allclose(fast[vertex], body.weights[vertex].numpy() @ np.array(carried), atol=2e-6)


def off_regressed(body: LinearBody) -> float:
    """How far the contracted landmarks are from where the regressed vertices are [m]."""
    state = random_state(body)
    vertices = body.vertices(state.world(body), state.shape)
    regressed = torch.einsum("kv,bvc->bkc", body.landmarks, vertices)
    return float((positions(body, body.landmark_points(), state) - regressed).abs().max())


def test_landmarks_need_no_vertices(body: LinearBody) -> None:
    """The contracted landmarks are where the regressed vertices are."""
    assert off_regressed(body) < 5e-6


def test_slopes_equal_differences(body: LinearBody) -> None:
    """All slopes of all landmarks, by every unknown."""
    state, points = random_state(body), body.landmark_points()
    _, slopes = positions_and_slopes(body, points, state)

    def moved(step: torch.Tensor) -> torch.Tensor:
        now = state.moved(step.expand(2, -1))
        return positions(body, points, now)

    steps = 1e-3 * torch.eye(SHAPE.start + body.shape_count)
    differences = torch.stack([(moved(step) - moved(-step)) / 2e-3 for step in steps], -1)
    torch.testing.assert_close(slopes, differences, atol=1e-3, rtol=0)


def test_the_mean_adult(body: LinearBody) -> None:
    """Upright, symmetric, of human size; left is left and the face looks forward."""
    assert 1.65 < float(body.height(torch.zeros(1, body.shape_count))) < 1.8
    landmarks = (body.landmarks @ body.template).numpy()
    left, right = landmarks[BodyPoint.LEFT_WRIST], landmarks[BodyPoint.RIGHT_WRIST]
    np.testing.assert_allclose(left, right * (-1, 1, 1), atol=2e-3)
    assert left[0] > 0.3
    assert landmarks[BodyPoint.NOSE, 2] > landmarks[BodyPoint.LEFT_EAR, 2] + 0.05
    assert set(np.unique(body.parts)) == set(BodyPart)


def test_triangles_face_outwards(body: LinearBody) -> None:
    """The volume that they enclose is a human's and positive."""
    a, b, c = (body.template[body.faces[:, corner].astype(np.int64)] for corner in range(3))
    volume = (a * torch.linalg.cross(b, c)).sum() / 6
    assert 0.045 < float(volume) < 0.1
