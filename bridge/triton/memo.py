"""What a model keeps of its last answers, so that one person who tries ten garments on is looked at once.

**No model holds a person's photo, or anything made from one, longer than ``VFR_MEMO_SECONDS``** after it answered
(600 when unset; 0: nothing is kept). What is kept are answers, not photos; it lies in the memory of the model's
process, never on disk; and when its time is over it goes, whether requests come or not, however often it was used.
So what is still in here of a customer who was erased (``DELETE /v1/users/{id}``) is gone after that time too.

Which models keep answers, and how many MiB each, is said in ``configs/gpu``; ``make configs`` writes it into the
parameter ``memo_mib``. Triton's own response cache does not serve: it keeps only those outputs that its first caller
asked for, until others need the room, under 64 bits that tell nothing of the inputs' shapes and are no cryptographic
hash (``TritonCache::HashInputs`` in ``cache_manager.cc`` of its core): one could make up a photo that is taken for
somebody else's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bridge.contracts import AFTER, Contract
from bridge.errors import ConfigError
from bridge.triton.model import Array, Arrays

SECONDS = "VFR_MEMO_SECONDS"
"""The environment variable that says how long an answer is kept [s]."""

PARAMETER = "memo_mib"
"""The parameter of a ``config.pbtxt`` that says how much a model keeps [MiB]; without it the model keeps nothing."""

_DEFAULT_SECONDS = 600.0
_MOST_SECONDS = 86_400.0
_OVERHEAD = 512  # bytes of an answer beside its arrays' contents, about


@dataclass(frozen=True)
class _Answer:
    arrays: Arrays
    size: int  # [bytes]
    until: float  # [s], of time.monotonic


class Memo:
    """The last answers by their requests' digests; when they are too many, the least recently used goes first.

    A model's instance answers one request at a time, so that of equal requests that come together the first one is
    computed and the others find it. The lock is for the thread that lets go of what is old.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        """Make an empty one.

        Args:
            limit: how much may be kept [bytes].
            seconds: how long an answer may be kept, however often it is used [s].
        """
        self._limit = limit
        self._seconds = seconds
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()  # the least recently used first
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self.size = 0
        """How much is kept [bytes]."""

    def find(self, key: bytes) -> Arrays | None:
        """Return the answer to the request of that digest, None if it is not known."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is None or answer.until <= time.monotonic():
                return None
            self._answers.move_to_end(key)
            return answer.arrays

    def keep(self, key: bytes, arrays: Arrays) -> Arrays:
        """Keep an answer if there is room for it at all, and return it; nobody can write to its arrays."""
        frozen = {name: _frozen(array) for name, array in arrays.items()}
        size = _OVERHEAD + sum(_size(array) for array in frozen.values())
        with self._lock:
            self._forget(key)
            if size <= self._limit:
                while self.size + size > self._limit:
                    self._forget(next(iter(self._answers)))
                self._answers[key] = _Answer(frozen, size, time.monotonic() + self._seconds)
                self.size += size
                self._watch()
        return frozen

    def _forget(self, key: bytes) -> None:
        if answer := self._answers.pop(key, None):
            self.size -= answer.size

    def _watch(self) -> None:
        """See to it that somebody comes when the oldest answer's time is over."""
        if self._answers and self._timer is None:
            oldest = min(answer.until for answer in self._answers.values())
            self._timer = threading.Timer(max(0.0, oldest - time.monotonic()), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _sweep(self) -> None:
        with self._lock:
            now = time.monotonic()
            for key in [key for key, answer in self._answers.items() if answer.until <= now]:
                self._forget(key)
            self._timer = None
            self._watch()


def configured(model_config: str) -> Memo | None:
    """Return an empty memo as the model's configuration (Triton's JSON) and the environment say, None for none.

    Raises:
        ConfigError: ``VFR_MEMO_SECONDS`` is no number of seconds, or more than a day.
    """
    parameter = json.loads(model_config).get("parameters", {}).get(PARAMETER)
    limit = int(parameter["string_value"]) * 2**20 if parameter else 0
    seconds = _seconds()
    return Memo(limit, seconds) if limit and seconds else None


def digest(contract: Contract, arrays: Arrays) -> bytes:
    """Return 32 bytes that stand for all that a model looks at: names, shapes and contents of its inputs.

    AFTER is left out, because nobody looks at it, and in a try-on it names the garment's category. BLAKE2b
    (RFC 7693): nobody can make up a photo that is answered with what another one shows.
    """
    found = hashlib.blake2b(digest_size=32)
    for tensor in contract.inputs:
        if tensor != AFTER:
            array = arrays[tensor.name]
            found.update(repr((tensor.name, array.shape)).encode())
            for part in _contents(array):
                found.update(part)
    return found.digest()


def _contents(array: Array) -> Iterator[bytes | memoryview]:
    """Yield what is in an array; each string after its length, so that no two arrays read alike."""
    if array.dtype != np.object_:
        yield np.ascontiguousarray(array).data
        return
    for text in array.flat:
        yield len(text).to_bytes(8, "big")
        yield text


def _seconds() -> float:
    text = os.environ.get(SECONDS, str(_DEFAULT_SECONDS))
    with contextlib.suppress(ValueError):
        if 0 <= (seconds := float(text)) <= _MOST_SECONDS:
            return seconds
    raise ConfigError(f"{SECONDS} is {text!r}; set it to seconds, a day's at most, or to 0 to keep nothing")


def _frozen(array: Array) -> Array:
    """Return a copy, which holds on to no larger array that this one may be a view of."""
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


def _size(array: Array) -> int:
    if array.dtype == np.object_:
        return array.nbytes + sum(len(text) for text in array.flat)
    return array.nbytes
