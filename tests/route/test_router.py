"""The router: who is asked, what is said, and what happens when drape fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from bridge.contracts import CONTRACTS, ROUTE, BodyPoint, DType, Tensor
from bridge.errors import BodyNotFitted, DrapeFailed, VfrError, WrongTensor
from bridge.route.policy import yaw
from bridge.route.router import Router
from bridge.triton.tensors import checked

Arrays = Mapping[str, np.ndarray]  # type: ignore[type-arg]  # of many types
TYPES = {DType.UINT8: np.uint8, DType.INT32: np.int32, DType.FP32: np.float32}
REPORTS = {
    "mesh_report": {"vertices": 4},
    "body_report": {"model": "anny"},
    "drape_report": {"converged": True},
}


def example(tensor: Tensor) -> np.ndarray:  # type: ignore[type-arg]
    """An array that fulfils a tensor: three of whatever differs."""
    if tensor.dtype is DType.BYTES:
        return np.array([json.dumps(REPORTS.get(tensor.name, {})).encode()], np.object_)
    return np.ones([3 if n < 0 else n for n in tensor.shape], TYPES[tensor.dtype])


def scripted(asked: list[str], **faults: VfrError) -> dict[str, Callable[..., Arrays]]:
    """Models that answer by their contracts, note that they were asked, and fail as told."""

    def model(name: str) -> Callable[..., Arrays]:
        def infer(**inputs: np.ndarray) -> Arrays:  # type: ignore[type-arg]
            assert inputs.keys() == {tensor.name for tensor in CONTRACTS[name].inputs}
            asked.append(name)
            if name in faults:
                raise faults[name]
            return {tensor.name: example(tensor) for tensor in CONTRACTS[name].outputs}

        return infer

    return {name: model(name) for name in ROUTE.calls}


def photos(turn: float = 0.0, seen: float = 1.0) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """A person who is turned by an angle [rad], and a garment."""
    arrays = {t.name: example(t) for t in ROUTE.inputs if t.name != "expert"}
    arrays["keypoints"] = np.full((33, 4), seen, np.float32)
    world = np.zeros((33, 3), np.float32)
    for point, x in ((BodyPoint.LEFT_SHOULDER, 0.17), (BodyPoint.LEFT_HIP, 0.1)):
        world[point] = (x * np.cos(turn), 0, x * np.sin(turn))
        world[point + 1] = -world[point]
    arrays["world"] = world
    return arrays


def routed(
    expert: bytes, models: Mapping[str, Callable[..., Arrays]], **wish: float
) -> tuple[Arrays, dict[str, object]]:
    """The outputs, checked against the contract, and the report."""
    outputs = checked(ROUTE, Router(models)(expert=np.array([expert], np.object_), **photos(**wish)))
    return outputs, json.loads(outputs["route_report"][0])


DRAPE = ["garment_mesh", "fit_body", "drape", "splat"]


@pytest.mark.parametrize(
    ("expert", "wish", "asked"),
    [
        (b"warp", {"turn": 1.0}, ["warp"]),
        (b"drape", {"turn": 0.0}, DRAPE),
        (b"auto", {"turn": 0.2}, ["warp"]),
        (b"auto", {"turn": 0.8}, DRAPE),
        (b"auto", {"turn": -0.8}, DRAPE),
        (b"auto", {"turn": 0.8, "seen": 0.2}, ["warp"]),
        (b"auto", {"turn": 0.8, "seen": np.nan}, ["warp"]),
        (b"auto", {"turn": np.nan}, ["warp"]),
    ],
)
def test_who_is_asked(expert: bytes, wish: dict[str, float], asked: list[str]) -> None:
    """By name, or by how the person stands, where that is known; only what is needed is computed."""
    calls: list[str] = []
    _, report = routed(expert, scripted(calls), **wish)
    assert calls == asked
    assert report["expert"] == ("warp" if asked == ["warp"] else "drape")
    assert str(report["why"]).endswith(".")


def test_what_drape_made_is_handed_on() -> None:
    """Its geometry and its models' reports."""
    outputs, report = routed(b"drape", scripted([]))
    assert len(outputs["draped"]) == 3
    assert (report["body"], report["drape"], report["mesh"]) == (
        {"model": "anny"},
        {"converged": True},
        {"vertices": 4},
    )


def test_warp_leaves_the_geometry_empty() -> None:
    """In the shapes and types of the contract."""
    outputs, report = routed(b"warp", scripted([]))
    assert all(outputs[t.name].size == 0 for t in ROUTE.outputs[3:] if -1 in t.shape)
    assert (report["mesh"], report["body"], report["drape"]) == (None, None, None)


@pytest.mark.parametrize("model", ["fit_body", "drape"])
def test_auto_falls_back_and_says_why(model: str) -> None:
    """The picture is warp's, and the report has the fault's own words."""
    calls: list[str] = []
    _, report = routed(b"auto", scripted(calls, **{model: BodyNotFitted("The arms are hidden.")}), turn=1.0)
    assert calls[-2:] == [model, "warp"]
    assert report["expert"] == "warp"
    assert "drape failed: The arms are hidden." in str(report["why"])


def test_who_asks_for_drape_by_name_is_told_that_it_failed() -> None:
    """No other picture in its place."""
    with pytest.raises(DrapeFailed, match="came apart"):
        routed(b"drape", scripted([], drape=DrapeFailed("It came apart.")))


def test_a_garment_that_does_not_come_to_rest_is_no_drape(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name it is an error; auto takes warp."""
    monkeypatch.setitem(REPORTS, "drape_report", {"converged": False})
    with pytest.raises(DrapeFailed, match="did not come to rest"):
        routed(b"drape", scripted([]))
    _, report = routed(b"auto", scripted([]), turn=1.0)
    assert report["expert"] == "warp"


@pytest.mark.parametrize("expert", [b"magic", b"", b"\xff"])
def test_an_unknown_expert_is_refused(expert: bytes) -> None:
    """With the list of those there are."""
    with pytest.raises(WrongTensor, match="auto, warp, drape"):
        routed(expert, scripted([]))


@pytest.mark.parametrize("turn", [-2.0, -0.5, 0.0, 0.7])
def test_yaw_is_the_turn(turn: float) -> None:
    """Of a trunk that was turned by a known angle."""
    assert yaw(photos(turn=turn)["world"]) == pytest.approx(turn, abs=1e-6)
