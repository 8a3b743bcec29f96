"""``POST /v1/tryon`` on a stand-in for Triton: what is asked of it, and how its answer is told."""

import asyncio
import base64
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.schemas import Report
from bridge.errors import NoPerson, ServerUnavailable
from bridge.imaging.decode import decode_image
from bridge.quality.report import Report as Written
from tests.api.scripted import REPORT, ScriptedTriton, app_on, photo
from tests.imaging.pictures import REFUSED

FILES = {"person": photo(), "garment": photo(180, 200)}


def test_the_answer_is_json_with_picture_and_report(rest: TestClient) -> None:
    """Without wishes of its own a caller gets everything in one JSON."""
    reply = rest.post("/v1/tryon", files=FILES)
    body = reply.json()
    assert reply.status_code == 200
    assert body["report"] == {**REPORT, "finish": None}
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["stages"] == {"warp": 0.25, "tryon_basic": 0.5}
    assert body["image"]["media_type"] == "image/png"
    assert (decode_image(base64.b64decode(body["image"]["base64"])) == decode_image(FILES["person"])).all()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/png", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp", "image/webp"),
        ("image/*", "image/png"),
        ("text/html, image/webp;q=0.9, image/png;q=0.3", "image/webp"),
        ("*/*", "application/json"),
        ("image/*;q=0.5, application/json", "application/json"),
        ("application/json;q=0, */*", "image/png"),
    ],
)
def test_accept_chooses_the_answer(rest: TestClient, accept: str, kind: str) -> None:
    """A picture on request, in the format that is preferred, with its report beside it."""
    reply = rest.post("/v1/tryon", files=FILES, headers={"Accept": accept})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == kind
    if kind != "application/json":
        assert decode_image(reply.content).shape == (200, 160, 3)
        assert json.loads(reply.headers["x-vfr-report"]) == {**REPORT, "finish": None}


def test_what_was_asked_reaches_the_model(rest: TestClient, scripted: ScriptedTriton) -> None:
    """Every field arrives as the tensor of its name."""
    wishes = {"category": "dress", "seed": "123456789012", "person_index": "1", "format": "webp"}
    wishes |= {"expert": "drape", "height": "1780", "fabric": "denim"}
    reply = rest.post("/v1/tryon", files={**FILES, "mask": photo(mode="1")}, data=wishes)
    assert reply.json()["image"]["media_type"] == "image/webp"
    (arrays,) = scripted.asked
    for name, sent in {
        **FILES,
        "mask": photo(mode="1"),
    }.items():  # encoded anew, so that nothing but pixels goes on
        assert (decode_image(arrays[name][0]) == decode_image(sent)).all()
    assert arrays["category"][0] == b"dress"
    assert (arrays["seed"], arrays["seed"].dtype) == (123456789012, np.int64)
    assert (arrays["person_index"], arrays["person_index"].dtype) == (1, np.int32)
    assert (arrays["height"], arrays["height"].dtype) == (1780, np.int32)
    assert [arrays[name][0] for name in ("expert", "fabric")] == [b"drape", b"denim"]


def test_left_out_fields_have_defaults(rest: TestClient, scripted: ScriptedTriton) -> None:
    """Two photos are enough; a browser's empty mask field is no mask."""
    assert rest.post("/v1/tryon", files={**FILES, "mask": ("", b"")}).status_code == 200
    (arrays,) = scripted.asked
    words = [arrays[name][0] for name in ("mask", "category", "format", "expert", "fabric")]
    assert words == [b"", b"auto", b"png", b"auto", b"auto"]
    assert [int(arrays[name][0]) for name in ("seed", "person_index", "height")] == [-1, -1, 0]


def test_further_garment_photos_are_checked_and_named_as_unused(rest: TestClient) -> None:
    """The basic tier works from the front photo and says so; a broken second is refused all the same."""
    good = [("person", photo()), *[("garment", photo())] * 3]
    warnings = rest.post("/v1/tryon", files=good).json()["report"]["warnings"]
    assert [w for w in warnings if "not used" in w] == [
        f"Photo {number} of the garment was not used: the basic tier works from the front alone."
        for number in (2, 3)
    ]
    reply = rest.post("/v1/tryon", files=[*good[:2], ("garment", b"GIF89a")])
    assert (reply.status_code, reply.json()["code"]) == (415, "not_an_image")
    assert "Photo 2 of the garment" in reply.json()["detail"]


STATUS = {"not_an_image": 415, "animated_image": 415, "image_too_large": 413, "image_too_small": 422}


@pytest.mark.parametrize("which", ["person", "garment"])
@pytest.mark.parametrize("case", REFUSED)
def test_bad_pictures_are_refused_by_name(rest: TestClient, case: str, which: str) -> None:
    """Each bad picture has its status and code, and the sentence says which picture it was."""
    make, error, words = REFUSED[case]
    reply = rest.post("/v1/tryon", files={**FILES, which: ("photo.png", make())})
    body = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status_code, body["code"]) == (STATUS[error.code], error.code)
    assert body["detail"].startswith(f"The {which}'s photo can't be used.")
    assert words in body["detail"]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (photo(200, 160, mode="L"), "proportions"),
        (b"hello", "The mask can't be used"),
        (photo(mode="1"), None),
    ],
)
def test_masks(rest: TestClient, mask: bytes, words: str | None) -> None:
    """A mask of another photo is refused, and the sentence says that it was the mask."""
    reply = rest.post("/v1/tryon", files={**FILES, "mask": mask})
    assert reply.is_success == (words is None)
    assert words is None or words in reply.json()["detail"]


@pytest.mark.parametrize(
    ("files", "data", "words"),
    [
        ({"garment": photo()}, {"person": "me"}, "person: this is a text; please send it as a file"),
        (FILES, {"category": "hat"}, "'auto', 'upper', 'lower' or 'dress'"),
        (FILES, {"seed": "many"}, "seed: "),
        (FILES, {"seed": str(2**63)}, "seed: "),
        (FILES, {"person_index": "-2"}, "person_index: "),
        (FILES, {"format": "bmp"}, "'png', 'jpeg' or 'webp'"),
        ([("person", photo()), *[("garment", photo())] * 4], {}, "at most 3 items"),
    ],
)
def test_bad_fields_are_named(rest: TestClient, files: dict, data: dict, words: str) -> None:
    """A field that is missing or nonsense is a problem that names the field."""
    reply = rest.post("/v1/tryon", files=files, data=data)
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_request")
    assert words in reply.json()["detail"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"files": {"person": photo()}}, "garment: please send a photo"),
        ({"files": {"garment": photo()}}, "person: please send a photo"),
        ({"json": {"person": "x"}}, "person: please send a photo"),
    ],
)
def test_a_missing_photo_is_named(rest: TestClient, sent: dict, words: str) -> None:
    """Also where JSON came instead of a form."""
    reply = rest.post("/v1/tryon", **sent)
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_input")
    assert words in reply.json()["detail"]


def test_nothing_that_is_accepted_can_be_answered(rest: TestClient) -> None:
    """Who accepts only text is told what there is."""
    reply = rest.post("/v1/tryon", files=FILES, headers={"Accept": "text/html"})
    assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")
    assert "image/webp" in reply.json()["detail"]


def test_errors_of_the_models_keep_their_sentence(rest: TestClient, scripted: ScriptedTriton) -> None:
    """What a model says to the caller arrives unchanged, with the class's status and code."""
    scripted.act = raising(NoPerson("Nobody is seen in the photo. Please send one that shows a person."))
    reply = rest.post("/v1/tryon", files=FILES)
    assert reply.status_code == 422
    assert reply.json() == {
        "type": "/problems/no_person",
        "title": "Nobody was found in the person's photo, or not the one that person_index names.",
        "status": 422,
        "detail": "Nobody is seen in the photo. Please send one that shows a person.",
        "code": "no_person",
        "request_id": reply.headers["x-request-id"],
    }


def test_a_server_that_is_down_is_said_so(rest: TestClient, scripted: ScriptedTriton) -> None:
    """503 with a time to come back."""
    scripted.act = raising(ServerUnavailable("Triton does not answer."))
    reply = rest.post("/v1/tryon", files=FILES)
    assert (reply.status_code, reply.json()["code"]) == (503, "server_unavailable")
    assert int(reply.headers["retry-after"]) > 0


def test_a_fault_of_ours_tells_nothing(scripted: ScriptedTriton) -> None:
    """An unforeseen exception is a problem with an id, and its text stays in the log."""
    scripted.act = raising(RuntimeError("secret of the machine"))
    with TestClient(app_on(scripted), raise_server_exceptions=False) as caller:
        reply = caller.post("/v1/tryon", files=FILES, headers={"X-Request-ID": "mine-1"})
        assert (reply.status_code, reply.json()["code"]) == (500, "internal")
        assert reply.json()["request_id"] == reply.headers["x-request-id"] == "mine-1"
        assert "secret" not in reply.text
        assert 'vfr_failures_total{code="internal",route="/v1/tryon"} 1.0' in caller.get("/metrics").text


def raising(error: Exception):  # noqa: ANN201 - a function that raises
    """Return an act that raises."""

    def act(_: object) -> None:
        raise error

    return act


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_while_it_is_read(
    scripted: ScriptedTriton, *, chunked: bool
) -> None:
    """With or without a Content-Length, more than the limit is a 413 and never reaches a model."""
    files = {"person": photo(), "garment": ("g.png", bytes(3 * 2**20))}
    with TestClient(app_on(scripted, max_upload_mb=1)) as caller:
        request = caller.build_request("POST", "/v1/tryon", files=files)
        if chunked:
            body = request.read()
            headers = {"content-type": request.headers["content-type"]}
            pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
            request = caller.build_request("POST", "/v1/tryon", content=pieces, headers=headers)
            assert "content-length" not in request.headers
        reply = caller.send(request)
    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")
    assert "1 MiB" in reply.json()["detail"]
    assert not scripted.asked


def test_a_full_room_is_said_so() -> None:
    """Beyond the limit nothing waits: the caller is told to come again, and the first is served."""
    triton = ScriptedTriton(delay=0.5)
    app = app_on(triton, max_in_flight=1)

    async def two() -> list[int]:
        from httpx2 import ASGITransport, AsyncClient

        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://room") as caller,
        ):
            replies = await asyncio.gather(*(caller.post("/v1/tryon", files=FILES) for _ in range(2)))
        return sorted(reply.status_code for reply in replies)

    assert asyncio.run(two()) == [200, 503]


def test_who_hangs_up_is_not_served_to_the_end() -> None:
    """A caller who leaves cancels the work at Triton."""
    triton = ScriptedTriton(delay=30)
    app = app_on(triton)
    sent: list[dict] = []
    messages = iter([{"type": "http.request", "body": FORM, "more_body": False}])

    async def receive() -> dict:
        try:
            return next(messages)
        except StopIteration:
            while not triton.asked:
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)

    async def leave() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.wait_for(app(SCOPE, receive, send), 5)

    asyncio.run(leave())
    assert triton.cancelled
    assert sent[0]["status"] == 499


FORM = (
    b"".join(
        b'--cut\r\nContent-Disposition: form-data; name="%s"; filename="x"\r\n\r\n%s\r\n'
        % (name.encode(), data)
        for name, data in FILES.items()
    )
    + b"--cut--\r\n"
)
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/v1/tryon",
    "raw_path": b"/v1/tryon",
    "query_string": b"",
    "headers": [(b"content-type", b"multipart/form-data; boundary=cut")],
    "http_version": "1.1",
    "scheme": "http",
    "server": ("room", 80),
}


def test_the_report_is_the_one_that_is_written() -> None:
    """The API's type of the report and the one that the score model writes name the same fields."""
    assert Report.model_fields.keys() - {"finish"} == Written.__annotations__.keys()
