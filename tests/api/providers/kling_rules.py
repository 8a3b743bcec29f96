"""What the fake Kling says: its documented codes, the check of its keys and of its pictures."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import jwt
from fastapi.responses import JSONResponse
from PIL import Image

HTTP = {
    0: 200,
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004), 401),
    **dict.fromkeys((1100, 1101, 1102, 1302, 1303, 1304), 429),
    1103: 403,
    **dict.fromkeys((1200, 1201, 1300, 1301), 400),
    1202: 404,
    1203: 404,
    5000: 500,
    5001: 503,
    5002: 504,
}
"""HTTP's status of each service code (facts/kling.md 1.7)."""

API_KEY = "fake-kling-api-key-0123456789abcdef"
ACCESS_KEY = "fake-kling-access-key"
SECRET_KEY = "fake-kling-secret-key-0123456789abcdef"  # noqa: S105 - of the fake
MOST_BYTES = 10 * 2**20
LEAST_SIDE = 300
MODELS = ("kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1-5")
FIELDS = {"model_name", "human_image", "cloth_image", "callback_url", "external_task_id"}
SIGNATURE_ONLY = {"verify_exp": False, "verify_nbf": False}


class Refusal(Exception):
    """A code instead of success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(code: int, message: str, data: Any = None) -> JSONResponse:
    """Return an envelope with the HTTP status of its code."""
    body = {"code": code, "message": message, "request_id": "request", "data": data}
    return JSONResponse(body if data is not None else {**body, "data": {}}, HTTP[code])


def check_header(header: str | None, now: float) -> str:
    """Return the token of a good ``Authorization``; the fake's clock judges its times."""
    if not header:
        raise Refusal(1001, "Authorization is empty")
    kind, _, token = header.partition(" ")
    if kind != "Bearer" or not token or token != token.strip():
        raise Refusal(1002, "Authorization is invalid")
    if token == API_KEY:
        return token
    try:
        claims = jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options=SIGNATURE_ONLY)
    except jwt.InvalidTokenError as error:
        raise Refusal(1002, "Authorization is invalid") from error
    if claims.get("iss") != ACCESS_KEY:
        raise Refusal(1000, "access key not found")
    if claims["nbf"] > now:
        raise Refusal(1003, "Authorization is not yet valid")
    if claims["exp"] <= now:
        raise Refusal(1004, "Authorization has expired")
    return token


def check_body(body: dict[str, Any]) -> tuple[Image.Image, Image.Image]:
    """Return the two pictures of a good request."""
    if unknown := set(body) - FIELDS:
        raise Refusal(1200, f"unknown fields: {sorted(unknown)}")
    if body.get("model_name", MODELS[0]) not in MODELS:
        raise Refusal(1203, "model not found")
    return picture(body.get("human_image")), picture(body.get("cloth_image"))


def picture(given: object) -> Image.Image:
    """Decode raw base64; a data URL is none."""
    try:
        data = base64.b64decode(str(given), validate=True)
        found = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        found.load()
    except (binascii.Error, OSError) as error:
        raise Refusal(1201, "image is not a JPEG or PNG picture in base64") from error
    if len(data) > MOST_BYTES or min(found.size) < LEAST_SIDE:
        raise Refusal(1201, "image size is invalid")
    return found.convert("RGB")


def rendered(person: Image.Image, garment: Image.Image) -> bytes:
    """Return the person with the garment laid on the middle of the picture, as a PNG."""
    result, size = person.copy(), (person.width // 2, person.height // 2)
    result.paste(garment.resize(size), (person.width // 4, person.height // 4))
    buffer = io.BytesIO()
    result.save(buffer, "png", compress_level=1)
    return buffer.getvalue()
