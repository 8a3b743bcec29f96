"""Models that remember, on real servers: what is computed how often, and that nobody sees a difference."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs import drawn, request
from bridge.contracts import CONTRACTS, Backend, Expert
from bridge.errors import NoPerson
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels
from bridge.triton.memo import SECONDS
from bridge.triton.model import Array
from bridge.triton.ports import HOST, Ports
from export.cards import Tuning
from export.pbtxt import render
from tests.triton import echo_model, tiny
from tests.triton.echo_model import ECHO

PERSON_ALONE = {"pose", "face", "hand", "silhouette", "parse"}
KEPT_SECONDS = 3.0


def counts(server: EmbeddedTriton) -> dict[str, tuple[int, int]]:
    """Return each model's hits and misses, by Triton's Prometheus metrics."""
    with urllib.request.urlopen(f"http://{HOST}:{server.ports.metrics}/metrics") as page:
        told = re.findall(r'vfr_memo_(\w+)_total{model="(\w+)"} (\d+)', page.read().decode())
    found = {(what, model): int(number) for what, model, number in told}
    return {model: (found["hits", model], found["misses", model]) for _, model in found}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """The basic tier, with metrics, and nothing remembered yet."""
    log = tmp_path_factory.mktemp("shop") / "triton.log"
    with EmbeddedTriton(models=["tryon_basic"], ports=Ports(metrics=0), log=log) as server:
        yield server


@pytest.mark.slow
def test_one_person_in_many_garments_is_looked_at_once(shop: EmbeddedTriton, local: LocalModels) -> None:
    """Each garment is read once too; each picture and report is that of models without a memory, to the last byte."""
    tries = [("tee", Expert.DRAPE), ("tank", Expert.DRAPE), ("tee", Expert.WARP)]
    asked: list[dict[str, int]] = []
    with TritonClient(shop.url) as client:
        for garment, expert in tries:
            wish = replace(request(), garment=drawn(garment), expert=expert).arrays()
            served, alone = client.infer("tryon_basic", wish), local["tryon_basic"](**wish)
            for name in alone:
                np.testing.assert_array_equal(served[name], alone[name], err_msg=f"{garment} {name}")
            asked.append(network_requests(client))
    assert asked[0]["pose_landmark"] > 0
    assert asked[0] == asked[-1]
    found = counts(shop)
    assert {found[model] for model in PERSON_ALONE} == {(2, 1)}
    assert (found["fit_body"], found["garment"], found["garment_mesh"]) == ((1, 1), (1, 2), (0, 2))


def network_requests(client: TritonClient) -> dict[str, int]:
    """Return how often each network was asked, by Triton's own statistics."""
    return {
        name: said.requests
        for name, said in client.statistics().items()
        if CONTRACTS[name].backend is Backend.ONNXRUNTIME
    }


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """The tiny model that does what it is told, with a memory of a few seconds."""
    folder = tmp_path_factory.mktemp("echo")
    tiny.write_model(folder / "models", ECHO.name, render(ECHO, Tuning(memo_mib=64)))
    (folder / "models" / "echo" / "1" / "model.py").write_text(Path(echo_model.__file__).read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECONDS, str(KEPT_SECONDS))
        with EmbeddedTriton(folder / "models", ports=Ports(metrics=0), log=folder / "log") as server:
            yield server


@pytest.fixture
def client(echo: EmbeddedTriton) -> Iterator[TritonClient]:
    """Its client."""
    with TritonClient(echo.url, contracts=tiny.CONTRACTS) as client:
        yield client


def told(how: bytes, x: Array) -> dict[str, Array]:
    """Inputs that tell echo what to do."""
    return {"x": x.astype(np.float32), "how": np.array([how], np.object_)}


def test_equal_requests_that_come_together_are_computed_once(
    echo: EmbeddedTriton, client: TritonClient
) -> None:
    """Four callers wait for one who computes for two seconds."""
    hits, misses = counts(echo)["echo"]
    wish = told(b"sleep", np.arange(3))
    with ThreadPoolExecutor(4) as callers:
        for answer in callers.map(lambda _: client.infer("echo", wish), range(4)):
            assert answer["y"].tolist() == [0, 2, 4]
    assert counts(echo)["echo"] == (hits + 3, misses + 1)


def test_a_refusal_is_not_remembered(echo: EmbeddedTriton, client: TritonClient) -> None:
    """It is found out anew each time, in the same words."""
    hits, misses = counts(echo)["echo"]
    for _ in range(2):
        with pytest.raises(NoPerson, match="Nobody is in the photo"):
            client.infer("echo", told(b"refuse", np.arange(3)))
    assert counts(echo)["echo"] == (hits, misses + 2)


def test_an_idle_model_lets_go_of_what_it_keeps(echo: EmbeddedTriton, client: TritonClient) -> None:
    """When the time is over the process gives the memory back, though nobody asks it for anything."""
    size = 48  # [MiB]
    client.infer("echo", told(b"double", np.ones(size * 2**18)))
    holding, end = echo.memory().pss, time.monotonic() + KEPT_SECONDS + 5
    while echo.memory().pss > holding - 0.9 * size and time.monotonic() < end:
        time.sleep(0.1)
    assert end - 5 - KEPT_SECONDS < time.monotonic() < end
