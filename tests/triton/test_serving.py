"""The base of the Python models, inside a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from bridge.errors import InternalError, NoPerson, NotAnImage, ServerUnavailable, VfrError
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Array
from tests.triton.tiny import CONTRACTS, write_repository

X = np.arange(3, dtype=np.float32)


def told(how: bytes) -> dict[str, Array]:
    """Inputs that tell echo what to do."""
    return {"x": X, "how": np.array([how], np.object_)}


def test_a_model_gets_the_defaults_of_what_was_left_out(tiny: TritonClient) -> None:
    """``how`` wasn't sent, and the model did what its default says."""
    assert tiny.infer("echo", {"x": X})["y"].tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("how", "error", "sentence"),
    [
        (b"refuse", NoPerson, "Nobody is in the photo; send one of a person."),
        (b"ask", NotAnImage, ""),
        (
            b"crash",
            InternalError,
            "echo: something went wrong inside the server; the details are in its log.",
        ),
        (b"owe", InternalError, "echo: something went wrong inside the server; the details are in its log."),
        (
            b"widen",
            InternalError,
            "echo: something went wrong inside the server; the details are in its log.",
        ),
    ],
)
@pytest.mark.parametrize("model", ["echo", "chain"])
def test_every_failure_becomes_its_class_again(
    tiny: TritonClient, model: str, how: bytes, error: type[VfrError], sentence: str
) -> None:
    """From a model, from one that it called, and through an ensemble, in the same words."""
    with pytest.raises(error) as caught:
        tiny.infer(model, told(how))
    assert type(caught.value) is error
    assert str(caught.value).startswith(sentence)
    assert str(caught.value)


def test_a_crash_is_told_to_the_log_only(tiny: TritonClient, tiny_server: EmbeddedTriton) -> None:
    """The caller learns nothing of the server's inside; the log holds the traceback."""
    with pytest.raises(InternalError) as caught:
        tiny.infer("echo", told(b"crash"))
    assert "secret" not in str(caught.value)
    log = tiny_server.log.read_text()
    assert "Traceback" in log
    assert "a secret of the server's" in log


@pytest.mark.parametrize(
    ("how", "status"),
    [(b"refuse", "StatusCode.INVALID_ARGUMENT"), (b"crash", "StatusCode.INTERNAL")],
)
def test_a_foreign_client_sees_code_sentence_and_status(
    tiny_server: EmbeddedTriton, how: bytes, status: str
) -> None:
    """Whoever has nothing but the KServe v2 protocol gets ``code: sentence`` and a true gRPC status."""
    how_input = triton.InferInput("how", [1], "BYTES").set_data_from_numpy(np.array([how], np.object_))
    x_input = triton.InferInput("x", [3], "FP32").set_data_from_numpy(X)
    with (
        triton.InferenceServerClient(tiny_server.url) as client,
        pytest.raises(InferenceServerException) as caught,
    ):
        client.infer("echo", [x_input, how_input])
    assert caught.value.status() == status
    assert caught.value.message().split(": ")[0] in {"no_person", "internal"}


def test_a_model_that_dies_takes_nobody_along(tmp_path: Path) -> None:
    """Its callers are told at once, the other models go on, and the server knows that it isn't healthy."""
    with EmbeddedTriton(write_repository(tmp_path)) as server:
        with TritonClient(server.url, contracts=CONTRACTS) as client:
            assert server.healthy()
            for how in (b"die", b"double"):
                with pytest.raises(ServerUnavailable, match="must be started again"):
                    client.infer("echo", told(how))
            assert client.infer("lookup", {"index": np.array([[1]])})["value"] == [[20]]
        assert not server.healthy()
    assert not server.healthy()
