"""The learned scores from networks in a repository to a shop's report: tiny weights, the real servers and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from fastapi.testclient import TestClient
from skimage.data import astronaut

from api.app import create_app
from api.settings import Settings
from benchmarks.inputs import drawn
from bridge.checkout import REPOSITORY, has
from bridge.contracts import CONTRACTS, KNOWN, LEARNED, SCORE, TRYON_BASIC
from bridge.imaging.encode import encode_image
from bridge.quality.report import NETWORKS, WeightFree, not_measured
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels
from bridge.triton.model import Array
from bridge.triton.tensors import complete
from tests.scores import exported

WEIGHT_FREE = get_type_hints(WeightFree)
FILES = {"person": encode_image(astronaut()), "garment": drawn("sweater")}


@dataclass(frozen=True)
class Shop:
    """A repository with all four networks, and a server that was asked for the basic tier alone."""

    repository: Path
    server: EmbeddedTriton


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The server."""
    folder = tmp_path_factory.mktemp("judged")
    repository = folder / "models"
    repository.mkdir()
    networks = exported.repository(request.config.cache)
    for name in KNOWN:
        (repository / name).symlink_to((networks if name in LEARNED else REPOSITORY) / name)
    with EmbeddedTriton(repository, models=["tryon_basic", "faces"], log=folder / "triton.log") as server:
        yield Shop(repository, server)


def wish() -> dict[str, Array]:
    """A request for the basic tier."""
    return {name: np.array([content], np.object_) for name, content in FILES.items()}


def report_of(answer: Any) -> dict[str, Any]:
    """The report that came with a picture."""
    read: dict[str, Any] = json.loads(answer["report"][0])
    return read


def test_a_served_picture_has_all_scores(shop: Shop, client: TritonClient, local: LocalModels) -> None:
    """They are what the same networks say without a server; the other scores are those of the checkout's own models."""
    with TritonClient(shop.server.url) as shops:
        served = report_of(shops.infer("tryon_basic", wish()))
    without = report_of(client.infer("tryon_basic", wish()))
    seen = {**complete(TRYON_BASIC, wish()), **local["tryon_basic_stages"](**wish())}
    alone = report_of(LocalModels(shop.repository)["score"](**{t.name: seen[t.name] for t in SCORE.inputs}))
    assert [*LocalModels(shop.repository)] == [*KNOWN]
    assert served["not_measured"] == {}
    assert served["scores"].keys() == alone["scores"].keys() == {*without["scores"], *NETWORKS}
    assert served["scores"] == pytest.approx(alone["scores"], abs=2e-4)
    assert {name: served["scores"][name] for name in WEIGHT_FREE} == {
        name: without["scores"][name] for name in WEIGHT_FREE
    }
    assert 0.9 < served["scores"]["face_identity"] <= 1  # the sweater's collar reaches into the aligned face
    assert 0 < served["scores"]["lpips"] < 1
    assert -1 <= served["scores"]["clip_similarity"] < 1


def test_a_repository_without_networks_says_so(client: TritonClient) -> None:
    """The checkout's own: each score that is not there is told; somebody may have installed some."""
    installed = [name for name in LEARNED if has(REPOSITORY, name)]
    report = report_of(client.infer("tryon_basic", wish()))
    assert [*LocalModels()] == [*CONTRACTS, *installed]
    assert report["not_measured"] == not_measured(installed)
    assert report["scores"].keys() & report["not_measured"].keys() == set()


def test_a_shop_is_told_the_numbers(shop: Shop, tmp_path: Path) -> None:
    """In the answer, in the verdict by the thresholds, and in what Prometheus reads."""
    with TestClient(create_app(Settings(triton_url=shop.server.url, data=tmp_path))) as rest:
        answer = rest.post("/v1/tryon", files=FILES).json()
        told = rest.get("/metrics").text
        assert rest.get("/readyz").json()["models"]["clip_image"] == "ready"
    scores, quality = answer["report"]["scores"], answer["quality"]
    assert not NETWORKS.keys() & quality["not_measured"].keys()
    missed = {failure["metric"]: failure["value"] for failure in quality["failures"]}
    assert "aesthetic" in missed or scores["aesthetic"] >= 0.58
    assert missed.items() <= scores.items()
    for metric in NETWORKS:
        assert f'vfr_qc_score{{metric="{metric}"}} {scores[metric]}' in told
        assert f'vfr_quality_count{{metric="{metric}"}} 1.0' in told
