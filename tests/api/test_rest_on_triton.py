"""REST on the real server: what a shop's backend would send, and what its customers send by mistake."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from skimage.data import astronaut

from api.app import create_app
from api.settings import Settings
from benchmarks.inputs import drawn
from bridge.contracts import TRYON_BASIC
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image
from bridge.triton.embedded import EmbeddedTriton
from tests.imaging.pictures import REFUSED

PERSON = astronaut()  # 512x512, the upper body (NASA, public domain)


@pytest.fixture(scope="module")
def rest(triton: EmbeddedTriton) -> Iterator[TestClient]:
    """A caller of the service on the embedded Triton."""
    with TestClient(create_app(Settings(triton_url=triton.url))) as caller:
        yield caller


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A request that works."""
    return {"person": encode_image(PERSON), "garment": drawn("sweater")}


def test_a_person_is_dressed(rest: TestClient, files: dict[str, bytes]) -> None:
    """The picture has the photo's size, differs where the garment lies, and the report tells all of it."""
    body = rest.post("/v1/tryon", files=files).json()
    result = decode_image(base64.b64decode(body["image"]["base64"]))
    assert result.shape == PERSON.shape
    changed = (result != PERSON).any(axis=2)
    assert 0.1 < changed.mean() < 0.8
    assert not changed[:100].any()
    report = body["report"]
    assert (report["category"], report["people"], report["person_index"]) == ("upper", 1, 0)
    assert report["scores"]["protected_identity"] == 1
    assert report["sizes"]["photo"] == [512, 512]
    assert {step.model for step in TRYON_BASIC.steps} <= body["stages"].keys()
    assert body["stages"]["tryon_basic"] <= body["seconds"] * 1.05


def test_the_same_request_has_the_same_answer(rest: TestClient, files: dict[str, bytes]) -> None:
    """Bit for bit, and a seed of the caller's is told back."""
    first, second = (
        rest.post("/v1/tryon", files=files, data={"seed": "7"}, headers={"Accept": "image/png"})
        for _ in range(2)
    )
    assert first.content == second.content
    assert json.loads(first.headers["x-vfr-report"])["seed"] == 7


def test_a_mask_bounds_the_change(rest: TestClient, files: dict[str, bytes]) -> None:
    """Nothing outside the white of the mask is touched."""
    mask = np.zeros(PERSON.shape[:2], np.uint8)
    mask[200:, 60:260] = 255
    reply = rest.post(
        "/v1/tryon", files={**files, "mask": encode_image(mask)}, headers={"Accept": "image/png"}
    )
    changed = (decode_image(reply.content) != PERSON).any(axis=2)
    assert changed.any()
    assert not changed[mask == 0].any()


@pytest.mark.parametrize("form", list(Format))
def test_every_format_shows_the_same(rest: TestClient, files: dict[str, bytes], form: Format) -> None:
    """JPEG and WebP look as the PNG does."""
    png, other = (
        decode_image(rest.post("/v1/tryon", files=files, headers={"Accept": kind}).content).astype(int)
        for kind in ("image/png", form.media_type)
    )
    assert np.abs(png - other).mean() < 3


@pytest.mark.photos
def test_a_person_cut_off_at_the_neck_is_dressed(rest: TestClient, photos: Path) -> None:
    """As in many a catalogue: no face is needed."""
    photo = decode_image((photos / "pairs" / "00055_00" / "person.jpg").read_bytes())
    seen = rest.post(
        "/v1/parse", files={"photo": encode_image(photo)}, headers={"Accept": "application/json"}
    ).json()
    nose, shoulder = seen["coco17"][0]["y"], seen["coco17"][5]["y"]
    headless = np.ascontiguousarray(photo[round(nose + 0.7 * (shoulder - nose)) :])
    reply = rest.post("/v1/tryon", files={"person": encode_image(headless), "garment": drawn("tee")})
    assert reply.status_code == 200
    assert reply.json()["report"]["scores"]["coverage"] > 0.5


def couple() -> np.ndarray:
    """Return two people, the larger on the left."""
    canvas = np.full((512, 880, 3), 235, np.uint8)
    canvas[:, :512] = PERSON
    canvas[512 - 330 :, 550:] = np.asarray(Image.fromarray(PERSON).resize((330, 330)))
    return canvas


def test_of_several_people_the_largest_is_dressed_and_said_so(
    rest: TestClient, files: dict[str, bytes]
) -> None:
    """A warning tells of the choice, and ``person_index`` makes another."""
    photo = couple()
    for index, (dressed, spared) in {"-1": ((0, 512), (550, 880)), "1": ((550, 880), (0, 512))}.items():
        body = rest.post(
            "/v1/tryon", files={**files, "person": encode_image(photo)}, data={"person_index": index}
        ).json()
        changed = (decode_image(base64.b64decode(body["image"]["base64"])) != photo).any(axis=(0, 2))
        assert changed[slice(*dressed)].any()
        assert not changed[slice(*spared)].any()
        assert body["report"]["people"] == 2
        assert any("2 people" in warning for warning in body["report"]["warnings"]) == (index == "-1")


def plain() -> bytes:
    """Return a wall."""
    return encode_image(np.full((300, 240, 3), 240, np.uint8))


WRONG: dict[str, tuple[dict[str, Callable[[], bytes]], dict[str, str], int, str]] = {
    "nobody in the photo": ({"person": plain}, {}, 422, "no_person"),
    "a garment where the person belongs": ({"person": lambda: drawn("tee")}, {}, 422, "no_person"),
    "a person who is not there": ({}, {"person_index": "3"}, 422, "no_person"),
    "nothing in the garment's photo": ({"garment": plain}, {}, 422, "no_garment"),
    "a body whose hips are not in the photo": (
        {"person": lambda: encode_image(PERSON[:330])},
        {"expert": "drape"},
        422,
        "body_not_fitted",
    ),
    "a sweater claimed to be trousers": ({}, {"category": "lower"}, 422, "category_mismatch"),
    "trousers claimed to be a top": (
        {"garment": lambda: drawn("trousers")},
        {"category": "upper"},
        422,
        "category_mismatch",
    ),
    "legs that the photo does not show": (
        {"person": lambda: encode_image(PERSON[:330]), "garment": lambda: drawn("trousers")},
        {},
        422,
        "body_out_of_frame",
    ),
    "a mask of another photo": ({"mask": plain}, {}, 422, "bad_image"),
    **{
        f"person: {name}": ({"person": make}, {}, error.http_status, error.code)
        for name, (make, error, _) in REFUSED.items()
        if name in {"empty", "text", "truncated jpeg", "25.5 megapixels", "animated webp", "too small"}
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_told_in_words(rest: TestClient, files: dict[str, bytes], case: str) -> None:
    """Each mistake has its status and code, and a sentence without a word of the machinery."""
    pictures, data, status, code = WRONG[case]
    reply = rest.post(
        "/v1/tryon", files={**files, **{name: make() for name, make in pictures.items()}}, data=data
    )
    body = reply.json()
    assert (reply.status_code, body["code"]) == (status, code), body["detail"]
    assert body["detail"].rstrip()[-1] in ".)"
    assert not any(
        word in body["detail"].lower() for word in ("ensemble", "tensor", "stub", "traceback", "triton")
    )


def test_parse_of_a_real_photo(rest: TestClient) -> None:
    """The nose is on the face, and hair is above it."""
    reply = rest.post(
        "/v1/parse", files={"photo": encode_image(PERSON)}, headers={"Accept": "application/json"}
    )
    body = reply.json()
    nose = next(point for point in body["coco17"] if point["name"] == "nose")
    masks = {
        name: decode_image(base64.b64decode(picture["base64"]))[..., 0]
        for name, picture in body["masks"].items()
    }
    assert masks["face"][int(nose["y"]), int(nose["x"])] == 255
    hair, _ = np.nonzero(masks["hair"])
    assert hair.min() < nose["y"] - 50
    assert {"hair", "face", "matte"} <= masks.keys()


def test_the_real_server_is_ready_and_counted(rest: TestClient) -> None:
    """Every model of the repository is named, and Triton's own times are in the metrics."""
    body = rest.get("/readyz").json()
    assert body["ready"]
    assert body["models"]["tryon_basic"] == "ready"
    assert 'vfr_stage_seconds_sum{model="warp"}' in rest.get("/metrics").text
