"""The real repository on the embedded server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from bridge.contracts import CONTRACTS
from bridge.errors import NoPerson, NotAnImage, VfrError
from bridge.registry import load_registry
from bridge.triton.client import AsyncTritonClient, TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels
from bridge.triton.model import Array
from export.cards import CARDS, DEFAULT_CARD, read_card
from export.pbtxt import installed

MOST_MEMORY = 3000
"""What all processes together may hold, by the specification [MiB]; a page that several share counts once."""


def encoded(pixels: Array) -> Array:
    """Return an image as a BYTES tensor that holds a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return np.array([file.getvalue()], np.object_)


@pytest.fixture(scope="module")
def astronaut() -> Array:
    """A person's photo that comes with a wheel: Eileen Collins, by NASA."""
    data = pytest.importorskip("skimage.data")
    return encoded(data.astronaut())


def test_every_model_is_ready_within_the_memory(triton: EmbeddedTriton, client: TritonClient) -> None:
    """All contracts are served, by processes that live and stay small, also when they remember all that they may."""
    assert client.ready()
    assert {status.name for status in client.model_statuses() if status.ready} == {*CONTRACTS, *installed()}
    assert triton.healthy()
    card = read_card(CARDS / f"{DEFAULT_CARD}.yaml")
    remembered = sum(card.tuning(name).memo_mib for name in CONTRACTS)
    if not installed():  # what somebody installed comes on top
        assert triton.memory().pss + remembered < MOST_MEMORY


def test_the_server_tells_which_weights_it_has(triton: EmbeddedTriton) -> None:
    """Of every model that stands on any: its version, and the registry's hash of them."""

    async def ask() -> Mapping[str, str]:
        async with AsyncTritonClient(triton.url) as client:
            return await client.weights()

    registry = load_registry()
    known = {name: registry[c.artifacts[0]].sha256 for name, c in CONTRACTS.items() if c.artifacts}
    told = {name: value for name, value in asyncio.run(ask()).items() if name in CONTRACTS}
    assert told == {name: f"1:{sha256[:16]}" for name, sha256 in known.items()}


def test_the_server_computes_what_the_local_runner_computes(
    client: TritonClient, local: LocalModels, astronaut: Array
) -> None:
    """Bit for bit, in every tensor of perception: serving adds and loses nothing."""
    served = client.infer("perception", {"photo": astronaut})
    alone = local["perception"](photo=astronaut)
    assert served.keys() == alone.keys()
    for name, array in alone.items():
        np.testing.assert_array_equal(served[name], array, err_msg=name)


@pytest.mark.parametrize(
    ("photo", "error"),
    [
        (np.array([b"no picture at all"], np.object_), NotAnImage),
        (encoded(np.full((300, 200, 3), 127, np.uint8)), NoPerson),
    ],
)
@pytest.mark.parametrize(("model", "name"), [("perception", "photo"), ("tryon_basic", "person")])
def test_a_models_own_words_reach_the_caller_through_graphs(
    client: TritonClient, astronaut: Array, model: str, name: str, photo: Array, error: type[VfrError]
) -> None:
    """From a step of a graph, and from a step of a graph within a graph."""
    inputs = {name: photo} if model == "perception" else {name: photo, "garment": astronaut}
    with pytest.raises(error) as caught:
        client.infer(model, inputs)
    assert "ensemble" not in str(caught.value)
