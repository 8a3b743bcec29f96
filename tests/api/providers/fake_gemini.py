"""A small fake of Gemini's generateContent: the key, the request's shape, refusals on demand, a count."""

from __future__ import annotations

import asyncio
import base64
import io
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image

from tests.api.providers.kling_rules import rendered

API_KEY = "fake-gemini-api-key"


@dataclass
class FakeGemini:
    """One account."""

    made: int = 0  # pictures that were paid for
    models: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # answered first, one each
    delay: float = 0.0  # [s]


def app_of(gemini: FakeGemini) -> FastAPI:
    """Return the service."""
    app = FastAPI(openapi_url=None)

    @app.post("/v1beta/models/{model}:generateContent")
    async def generate(request: Request, model: str) -> JSONResponse:
        if request.headers.get("x-goog-api-key") != API_KEY:
            detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            return JSONResponse(fault(400, "INVALID_ARGUMENT", detail), 400)
        body = await request.json()
        assert body["generationConfig"] == {"responseModalities": ["IMAGE"]}
        prompt, *pictures = body["contents"][0]["parts"]
        gemini.models.append(model)
        gemini.prompts.append(prompt["text"])
        if gemini.refusals:
            status, refusal = gemini.refusals.pop(0)
            return JSONResponse(refusal, status)
        gemini.made += 1
        await asyncio.sleep(gemini.delay)
        person, garment = [_decoded(part["inlineData"]) for part in pictures]
        data = base64.b64encode(rendered(person, garment)).decode()
        parts = [{"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": data}}]
        return JSONResponse({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})

    return app


def fault(code: int, status: str, *details: dict[str, str]) -> dict[str, Any]:
    """Return an error as google.rpc shows it."""
    return {"error": {"code": code, "message": "on demand", "status": status, "details": list(details)}}


def _decoded(inline: dict[str, str]) -> Image.Image:
    assert inline["mimeType"] == "image/jpeg"
    return Image.open(io.BytesIO(base64.b64decode(inline["data"], validate=True))).convert("RGB")
