"""Downloads over HTTP that go on where they broke off."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from bridge.errors import ArtifactCorrupt, ArtifactMissing

Progress: TypeAlias = Callable[[int, int], None]
"""Is told the bytes that are here and the bytes that there will be."""

WAITS = (1.0, 4.0, 10.0)
"""Pauses before each further attempt, unless the caller knows better [s]."""

_TIMEOUT = 30  # [s] without a byte
_HOPELESS = range(400, 500)  # statuses that a further attempt can't change


def ignore(_done: int, _total: int) -> None:
    """Tell nobody."""


def download(
    url: str, part: Path, size: int, progress: Progress = ignore, waits: Sequence[float] | None = None
) -> None:
    """Bring a file to its full size; what ``part`` holds already is not sent again.

    Args:
        url: an https or http address.
        part: the file that grows; it stays when this fails, for the next time.
        size: the size that the file must get [bytes].
        progress: is called as the file grows.
        waits: pauses before each further attempt [s]; None: WAITS.

    Raises:
        ArtifactMissing: the address can't be reached, or has no such file.
        ArtifactCorrupt: more bytes came than ``size``.
    """
    if urlsplit(url).scheme not in {"https", "http"}:
        raise ArtifactMissing(f"{url} is no https address")
    for wait in (*(WAITS if waits is None else waits), None):
        try:
            _go_on(url, part, size, progress)
        except urllib.error.HTTPError as error:
            reason = f"the server answers {error.code} {error.reason}"
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
            elif error.code in _HOPELESS:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            return
        if wait is not None:
            time.sleep(wait)
    raise ArtifactMissing(f"{url} could not be downloaded: {reason}")


def _go_on(url: str, part: Path, size: int, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    if done == size:
        return
    headers = {"User-Agent": "neurose-vfr", "Range": f"bytes={done}-"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - download() has checked the scheme
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - as above
        starts = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT and starts
        _append(response, part, done if resumed else 0, size, progress)


def _append(response: http.client.HTTPResponse, part: Path, done: int, size: int, progress: Progress) -> None:
    with part.open("ab" if done else "wb") as file:
        while block := response.read(1 << 16):
            done += len(block)
            if done > size:
                part.unlink()
                raise ArtifactCorrupt(f"{response.url} is longer than the {size} bytes of the registry")
            file.write(block)
            progress(done, size)
    if done < size:
        raise ConnectionError(f"the connection ended after {done} of {size} bytes")
