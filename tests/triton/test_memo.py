"""What models keep of their last answers: by itself, then on a real server."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contracts import AFTER, INTAKE, POSE
from bridge.errors import ConfigError
from bridge.triton.memo import PARAMETER, SECONDS, Memo, configured, digest
from bridge.triton.model import Array, Arrays

MIB = 2**20


@dataclass
class Twin:
    """The same, slow and obvious: a list, the most recently used last, of which the end that has room is kept."""

    limit: int
    answers: list[tuple[bytes, Arrays]] = field(default_factory=list)

    def find(self, key: bytes) -> Arrays | None:
        """Move the answer to the end."""
        found = [answer for answer in self.answers if answer[0] == key]
        self.answers = [answer for answer in self.answers if answer[0] != key] + found
        return found[0][1] if found else None

    def keep(self, key: bytes, arrays: Arrays) -> None:
        """Put the answer at the end, and take from the front until all have room."""
        self.answers = [answer for answer in self.answers if answer[0] != key]
        if size_of(arrays) <= self.limit:
            self.answers.append((key, arrays))
        while sum(size_of(kept) for _, kept in self.answers) > self.limit:
            self.answers.pop(0)


def size_of(arrays: Arrays) -> int:
    """Return what an answer of one array of bytes counts as [bytes]."""
    return 512 + arrays["y"].size


def answer(size: int, value: int = 0) -> Arrays:
    """Return an answer of so many bytes."""
    return {"y": np.full(size, value, np.uint8)}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.integers(0, 3000)), max_size=60))
def test_it_remembers_what_its_twin_remembers(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever is asked for and kept, in whatever order and size; and never more than it may."""
    memo, twin = Memo(6000, 5), Twin(6000)
    for number, (asking, name, size) in enumerate(steps):
        key = bytes([name])
        if asking:
            found, expected = memo.find(key), twin.find(key)
            assert (found is None) == (expected is None)
            if found is not None and expected is not None:
                np.testing.assert_array_equal(found["y"], expected["y"])
        else:
            given = answer(size, number)
            memo.keep(key, given)
            twin.keep(key, given)
        assert memo.size == sum(size_of(kept) for _, kept in twin.answers) <= 6000


def test_nobody_can_change_what_is_kept() -> None:
    """Neither whoever gave it, through the array or one that it is a view of, nor whoever got it."""
    memo, large = Memo(MIB, 60), np.arange(8000)
    given: Arrays = {"y": large[:3], "text": np.array([b"a"], np.object_)}
    first = memo.keep(b"key", given)
    large[:] = -1
    given["text"][0] = b"b"
    for got in (first, memo.find(b"key")):
        assert got is not None
        assert (got["y"].tolist(), got["text"].tolist()) == ([0, 1, 2], [b"a"])
        assert got["y"].base is None  # else the 8000 numbers would be kept
        for array in got.values():
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_an_answer_goes_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is used all the time, and when the thread that lets go of it comes late."""
    memo = Memo(MIB, 60)

    def known_at(moment: float) -> bool:
        monkeypatch.setattr("bridge.triton.memo.time.monotonic", lambda: moment)
        return memo.find(b"key") is not None

    assert not known_at(1000.0)
    memo.keep(b"key", answer(1))
    assert [known_at(moment) for moment in (1001.0, 1059.9, 1060.0)] == [True, True, False]


def test_what_nobody_asks_for_any_more_goes_too() -> None:
    """Each in its time, and the last one leaves nothing: neither bytes nor a thread."""
    memo = Memo(MIB, 0.3)
    memo.keep(b"1", answer(1000))
    time.sleep(0.15)
    memo.keep(b"2", answer(2000))
    sizes = set()
    end = time.monotonic() + 5
    while memo.size and time.monotonic() < end:
        sizes.add(memo.size)
        time.sleep(0.005)
    assert sizes == {512 + 1000 + 512 + 2000, 512 + 2000}
    assert memo.size == 0


def pose(image: Array, index: int = -1, after: bytes = b"upper") -> Arrays:
    """Return the inputs of the model pose."""
    return {
        "image": image,
        "person_index": np.array([index], np.int32),
        "after": np.array([after], np.object_),
    }


def test_a_digest_stands_for_all_that_a_model_looks_at() -> None:
    """Pixels, shape, parameters; not for what it only waits for, nor for how the pixels lie in memory."""
    assert AFTER in POSE.inputs
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    known = digest(POSE, pose(image))
    assert known == digest(POSE, pose(np.asfortranarray(image), after=b"lower"))
    others = [pose(image + 1), pose(image.reshape(4, 2, 3)), pose(image, 0), pose(image[:0])]
    assert len({known, *(digest(POSE, other) for other in others)}) == 5


def test_strings_do_not_run_into_each_other() -> None:
    """``ab`` and ``c`` are not ``a`` and ``bc``."""

    def texts(*values: bytes) -> Arrays:
        names = (tensor.name for tensor in INTAKE.inputs)
        return {name: np.array([value], np.object_) for name, value in zip(names, values, strict=True)}

    assert digest(INTAKE, texts(b"ab", b"c", b"", b"")) != digest(INTAKE, texts(b"a", b"bc", b"", b""))


@pytest.mark.parametrize(
    ("mib", "seconds", "kept"),
    [("2", None, 2 * MIB), ("2", "30", 2 * MIB), ("2", "0", None), (None, "30", None)],
)
def test_config_and_environment_say_how_much(
    monkeypatch: pytest.MonkeyPatch, mib: str | None, seconds: str | None, kept: int | None
) -> None:
    """No size or no time: no memo at all."""
    monkeypatch.delenv(SECONDS, raising=False)
    if seconds is not None:
        monkeypatch.setenv(SECONDS, seconds)
    parameters = {} if mib is None else {PARAMETER: {"string_value": mib}}
    memo = configured(json.dumps({"parameters": parameters}))
    assert (memo is None) == (kept is None)
    if memo is not None and kept is not None:
        for size, fits in ((kept - 512, True), (kept - 511, False)):
            memo.keep(b"key", answer(size))
            assert (memo.find(b"key") is not None) == fits


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf", "1e6", ""])
def test_a_time_that_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    """The model does not start, and says why."""
    monkeypatch.setenv(SECONDS, seconds)
    with pytest.raises(ConfigError, match=f"{SECONDS} is '{seconds}'"):
        configured("{}")
