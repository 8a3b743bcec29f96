"""The pro tier from a shop's request to its picture: REST, jobs, the real Triton with every model, tiny weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from skimage.data import astronaut

from api.app import create_app
from api.settings import Settings
from benchmarks.inputs import drawn
from bridge.checkout import REPOSITORY
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import encode_image
from bridge.triton.embedded import EmbeddedTriton
from tests.api.jobs.shop import until
from tests.triton.finish.served import write_repository

pytestmark = pytest.mark.slow

FILES = {"person": encode_image(astronaut()), "garment": drawn("sweater")}
SMALL = {"long_side": 96, "steps": 40, "feather": 0}
"""The tiny weights know small pictures alone; 8 steps are executed."""


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A caller of the service on the whole repository with a checkpoint installed."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(REPOSITORY, folder / "models", ignore=shutil.ignore_patterns("finish"))
    write_repository(folder / "models")
    with (
        EmbeddedTriton(folder / "models", log=folder / "triton.log") as triton,
        TestClient(create_app(Settings(triton_url=triton.url, data=folder))) as caller,
    ):
        yield caller


def handed_in(rest: TestClient, **settings: object) -> str:
    """Hand a job in and return its path."""
    data = {"tier": "pro", "finisher": json.dumps({**SMALL, **settings})}
    reply = rest.post("/v1/jobs", files=FILES, data=data)
    assert reply.status_code == 202, reply.text
    return f"/v1/jobs/{reply.json()['id']}"


def test_a_finished_picture_comes_back(rest: TestClient) -> None:
    """Every stage is told; the report says what ran and by which weights; protected pixels are the photo's own."""
    assert rest.get("/readyz").json()["tiers"] == {"basic": "ready", "pro": "ready", "ultra": "ready"}
    path = handed_in(rest)
    done = until(lambda: row if (row := rest.get(path).json())["ended"] else None, 120)
    assert done["state"] == "done", done["problem"]
    finish = done["report"]["finish"]
    assert (finish["executed_steps"], finish["licence"]) == (8, "Apache-2.0")
    assert set(finish["controls"]) == {"pose", "depth", "normal", "segmentation", "edge"}
    assert done["report"]["scores"]["protected_identity"] == 1.0
    told = [line[6:] for line in rest.get(f"{path}/events").text.splitlines() if line.startswith("data: ")]
    assert "draft" in {json.loads(line)["stage"] for line in told}
    picture = decode_image(rest.get(done["image"]).content)
    assert picture.shape == astronaut().shape
    assert not np.array_equal(picture, astronaut())
    assert np.array_equal(picture[:100], astronaut()[:100])


def test_what_the_engine_refuses_is_the_jobs_problem(rest: TestClient) -> None:
    """A bucket that the checkpoint has not: the engine's sentence, typed."""
    path = handed_in(rest, long_side=1344)
    done = until(lambda: row if (row := rest.get(path).json())["ended"] else None, 120)
    assert (done["state"], done["problem"]["code"]) == ("failed", "bad_input")
    assert "1344" in done["problem"]["detail"]
