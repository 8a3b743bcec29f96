"""The clients: what they refuse, what they ask for, and what becomes of errors."""

from __future__ import annotations

import asyncio
import socket
import time

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from bridge.contracts import CONTRACTS, PERCEPTION, TRYON_BASIC
from bridge.errors import InternalError, NoPerson, ServerUnavailable, VfrError, WrongTensor
from bridge.triton.client import AsyncTritonClient, TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.ensembles import safe_outputs
from bridge.triton.local import LocalModels
from bridge.triton.ports import HOST
from bridge.triton.wire import translated
from tests.triton import tiny as tiny_models

X = np.arange(3, dtype=np.float32)
WRONG = [
    ({"y": X}, "echo has no input 'y'; its inputs are x, how."),
    ({}, "echo needs the input 'x' as FP32 [any]; it is missing."),
    ({"x": X.astype(np.float64)}, "echo needs the input 'x' as FP32 [any]; its numbers are float64."),
    ({"x": X[None]}, "echo needs the input 'x' as FP32 [any]; its shape is [1, 3]."),
    ({"x": X, "how": np.zeros(1)}, "echo needs the input 'how' as BYTES [1]; its numbers are float64."),
]


@pytest.mark.parametrize(("arrays", "sentence"), WRONG)
def test_wrong_tensors_are_refused_in_words(
    tiny: TritonClient, arrays: dict[str, np.ndarray], sentence: str
) -> None:
    """Before anything is sent, and in words that name the input, what it should be and what it is."""
    with pytest.raises(WrongTensor) as caught:
        tiny.infer("echo", arrays)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "dtype", "array"),
    [
        ("z", "FP32", X),
        ("x", "INT64", X.astype(np.int64)),
        ("x", "FP32", X[None]),
    ],
)
def test_the_server_refuses_them_from_any_client(
    tiny_server: EmbeddedTriton, name: str, dtype: str, array: np.ndarray
) -> None:
    """A client without our checks gets INVALID_ARGUMENT, which ours would translate to WrongTensor."""
    tensor = triton.InferInput(name, array.shape, dtype).set_data_from_numpy(array)
    with (
        triton.InferenceServerClient(tiny_server.url) as client,
        pytest.raises(InferenceServerException) as caught,
    ):
        client.infer("echo", [tensor])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert isinstance(translated(caught.value.status(), caught.value.message(), "here"), WrongTensor)


def test_unknown_models_and_outputs_are_refused_with_a_suggestion(tiny: TritonClient) -> None:
    """A slip of the pen gets the nearest name, a wrong output the list of the right ones."""
    with pytest.raises(WrongTensor, match="no model 'ecko'; was 'echo' meant"):
        tiny.infer("ecko", {})
    with pytest.raises(WrongTensor, match="echo has no output 'z'; its outputs are y"):
        tiny.infer("echo", {"x": X}, ["z"])


def test_one_output_of_an_ensemble_can_be_asked_for(tiny: TritonClient) -> None:
    """Even one whose graph Triton would drop too much of."""
    assert {name: a.tolist() for name, a in tiny.infer("chain", {"x": X}, ["y"]).items()} == {"y": [0, 4, 8]}


def test_triton_still_drops_too_much(tiny_server: EmbeddedTriton) -> None:
    """The fault behind ``safe_outputs`` and ``tryon_basic_stages``: when this fails, both can go."""
    tensor = triton.InferInput("x", [3], "FP32").set_data_from_numpy(X)
    only_y = [triton.InferRequestedOutput("y")]
    with (
        triton.InferenceServerClient(tiny_server.url) as client,
        pytest.raises(InferenceServerException) as caught,
    ):
        client.infer("chain", [tensor], outputs=only_y)
    assert "unexpected deadlock" in caught.value.message()


def test_what_is_safe_to_ask_for() -> None:
    """The public ensemble answers any choice of its outputs; of perception, all are asked for instead."""
    for wanted in ({"encoded"}, {"report"}, {"encoded", "report"}):
        assert safe_outputs(TRYON_BASIC, wanted) == wanted
    assert safe_outputs(PERCEPTION, {"labels"}) == {tensor.name for tensor in PERCEPTION.outputs}


def test_a_server_that_is_not_up_is_said_to_be_unreachable() -> None:
    """At once, by both clients, with the address."""
    with socket.create_server((HOST, 0)) as unused:
        url = f"{HOST}:{unused.getsockname()[1]}"
    with TritonClient(url, contracts=tiny_models.CONTRACTS) as client:
        assert not client.ready()
        for call in (client.model_statuses, client.statistics, lambda: client.infer("echo", {"x": X})):
            with pytest.raises(ServerUnavailable, match=f"{url} can't be reached"):
                call()

    async def ask() -> None:
        async with AsyncTritonClient(url, contracts=tiny_models.CONTRACTS) as client:
            assert not await client.ready()
            with pytest.raises(ServerUnavailable, match=f"{url} can't be reached"):
                await client.infer("echo", {"x": X})

    asyncio.run(ask())


def test_a_slow_answer_is_given_up(tiny: TritonClient) -> None:
    """After the timeout the caller is told so; the next request is answered."""
    sleep = {"x": X, "how": np.array([b"sleep"], np.object_)}
    with pytest.raises(ServerUnavailable, match="did not answer in time"):
        tiny.infer("echo", sleep, timeout=0.2)
    assert tiny.infer("echo", {"x": X})["y"].tolist() == [0, 2, 4]


def test_models_report_their_state_and_their_work(tiny: TritonClient) -> None:
    """Every model is listed as ready; a request more is a request more in the statistics, with its time."""
    assert tiny.ready()
    assert {status.name for status in tiny.model_statuses() if status.ready} >= {"echo", "lookup", "chain"}
    before = tiny.statistics()["lookup"]
    tiny.infer("lookup", {"index": np.array([[2]])})
    end = time.monotonic() + 5
    while (after := tiny.statistics()["lookup"]) == before and time.monotonic() < end:
        time.sleep(0.01)  # Triton counts after it has answered
    assert (after.requests, after.executions) == (before.requests + 1, before.executions + 1)
    assert after.computed > before.computed
    assert after.total - before.total > after.queued - before.queued


def test_the_asynchronous_client_does_the_same(tiny_server: EmbeddedTriton) -> None:
    """Readiness, states, statistics, answers and errors are those of the blocking client."""

    async def ask() -> None:
        async with AsyncTritonClient(tiny_server.url, contracts=tiny_models.CONTRACTS) as client:
            assert await client.ready()
            assert all(status.ready for status in await client.model_statuses())
            assert (await client.infer("echo", {"x": X}))["y"].tolist() == [0, 2, 4]
            assert (await client.statistics())["echo"].requests > 0
            with pytest.raises(NoPerson):
                await client.infer("echo", {"x": X, "how": np.array([b"refuse"], np.object_)})

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("INVALID_ARGUMENT", "in ensemble 'a', in ensemble 'b', no_person: Nobody is there: look.", NoPerson),
        ("UNAVAILABLE", "failed to connect to all addresses", ServerUnavailable),
        ("UNAVAILABLE", "Server is stopping, scheduler for model has stopped", ServerUnavailable),
        ("NOT_FOUND", "Request for unknown model: 'x' is not found", ServerUnavailable),
        ("RESOURCE_EXHAUSTED", "Exceeds maximum queue size", ServerUnavailable),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", ServerUnavailable),
        ("INTERNAL", "Stub process 'echo_0_0' is not healthy.", ServerUnavailable),
        ("INTERNAL", "error: /srv/secret.py line 3", InternalError),
    ],
)
def test_every_message_of_tritons_has_a_meaning(status: str, message: str, kind: type[VfrError]) -> None:
    """Ours are recognised behind any prefix; the rest is sorted by sign and status, and keeps no secrets."""
    error = translated(f"StatusCode.{status}", message, "here")
    assert type(error) is kind
    assert "secret" not in str(error)
    if kind is NoPerson:
        assert str(error) == "Nobody is there: look."


def test_the_local_runner_refuses_the_same(local: LocalModels) -> None:
    """In process the checks are the same; defaults are filled in there too."""
    with pytest.raises(WrongTensor, match="decode needs the input 'photo' as BYTES"):
        local["decode"]()
    image = np.zeros((4, 4, 3), np.uint8)
    assert local["encode"](result=image)["encoded"][0][1:4] == b"PNG"
    assert set(local) == set(CONTRACTS)
