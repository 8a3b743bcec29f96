"""Every failure as one kind of answer: problem details (RFC 9457)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.schemas import Problem
from bridge.errors import BY_CODE, VfrError

LOG = logging.getLogger("vfr.api")
RETRY_SECONDS = 5
"""What ``Retry-After`` says when the server is full or starting, and the error does not know better [s]."""

PROBLEM = "application/problem+json"
CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    413: "request_too_large",
}
"""The codes of HTTP's own problems."""
_WORDS = {
    400: "the request's body can't be read",
    401: "no key or token came along, or one that is not valid",
    403: "the key or the plan does not allow this",
    404: "there is nothing of that name, or it is somebody else's",
    406: "none of the media types in `Accept` can be answered",
    408: "the request's body came too slowly",
    409: "it does not fit what is going on",
    413: "a picture, or the request, is too large",
    415: "something is not a JPEG, PNG or WebP picture, or is animated",
    422: "a picture, or a field, can't be used; `detail` says why and what to do",
    429: "too many requests, or the quota is spent; `Retry-After` says when to come again",
    503: "a server or the database is starting, down or full",
}


def described(words: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return the problems of a route by status, for OpenAPI, in its own words."""
    return {
        status: {"model": Problem, "description": told, "content": {PROBLEM: {}}}
        for status, told in words.items()
    }


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """As :func:`described`, in the words that fit most routes."""
    return described({status: _WORDS[status] for status in statuses})


RESPONSES = responses(400, 401, 403, 406, 408, 413, 415, 422, 429, 503)
"""The problems of a route that takes pictures and answers with one."""
ABOUT_ONE = responses(401, 403, 404, 422, 429, 503)
"""The problems of a route that is about something that a caller has."""
HANDED_IN = responses(400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
"""The problems of a route that takes a job."""


class ClientGone(Exception):
    """The caller hung up; nobody reads the answer."""


def install(app: FastAPI) -> None:
    """Make the app answer every failure with a problem."""
    app.add_exception_handler(VfrError, _typed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _fault)


def explain(code: str) -> str:
    """Return what an error of this code means, in one sentence: the first line of its class's docstring."""
    return (BY_CODE[code].__doc__ or code).partition("\n")[0].replace("``", "")


def _answer(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    retry_after: float | None = None,
    more: Mapping[str, str] | None = None,
) -> JSONResponse:
    request.scope["state"]["code"] = code
    problem = Problem(
        type=f"/problems/{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=request.state.request_id,
    )
    headers = {
        **(more or {}),
        "X-Request-ID": problem.request_id,
    }  # a fault's answer is made outside of the middleware
    if retry_after is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = RETRY_SECONDS
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 asks for it with every 401
    return JSONResponse(problem.model_dump(), status, headers, media_type=PROBLEM)


async def _typed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VfrError)  # noqa: S101 - by registration
    title = explain(error.code)
    return _answer(request, error.http_status, error.code, title, str(error), error.retry_after)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - by registration
    title = "A field is missing or not of its type."
    return _answer(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, "bad_request", title, " ".join(_sentences(error))
    )


def _sentences(error: RequestValidationError) -> Iterator[str]:
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"][1:]) or "the request"
        words = "this is a text; please send it as a file" if "UploadFile" in fault["msg"] else fault["msg"]
        yield f"{where}: {words}."


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - by registration
    if isinstance(error.__cause__, VfrError):  # one of ours, on its way through code that knows it not
        return await _typed(request, error.__cause__)
    code = CODES.get(error.status_code, f"http_{error.status_code}")
    title = f"{HTTPStatus(error.status_code).phrase}."
    return _answer(request, error.status_code, code, title, error.detail, more=error.headers)


async def _gone(request: Request, _: Exception) -> JSONResponse:
    # 499 is nginx's word for it; it is seen only in the metrics.
    return _answer(request, 499, "client_gone", "The caller hung up.", "The request was given up.")


async def _fault(request: Request, error: Exception) -> JSONResponse:
    LOG.error("request %s failed", request.state.request_id, exc_info=error)
    detail = "Something is broken on our side. Please try again, and report the request_id if it stays."
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", explain("internal"), detail)
