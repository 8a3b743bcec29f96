"""Kling's answers as types. They are a stranger's: what is not needed is not read (facts 1.3, 1.4)."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from api.providers.base import State, Task

LONGEST_REASON = 200
_NOT_FOUND = "not found"
_RISK = "risk"
"""In the reason of a task that failed by content rules: "Failure to pass the risk control system"
(github.com/QuantumNous/new-api, issue 3148)."""
_STATES = {"succeed": State.DONE, "failed": State.FAILED}
"""All other words, ``submitted`` and ``processing`` among them, mean that it runs; the deadline ends it."""


def _number(given: object) -> float | None:
    """Read what is a number in some versions of the API, a text in others, and may be empty."""
    try:
        number = float(str(given))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


Number = Annotated[float | None, BeforeValidator(_number)]


class Image(BaseModel):
    """A result."""

    url: str


class Result(BaseModel):
    """All results; the try-on makes one."""

    images: list[Image] = []


class Info(BaseModel):
    """What we said of the task."""

    external_task_id: str | None = None


class Remote(BaseModel):
    """A task as Kling shows it."""

    task_id: Annotated[str, Field(min_length=1)]
    task_status: str = ""
    task_status_msg: str | None = None
    task_info: Info | None = None
    task_result: Result | None = None
    final_unit_deduction: Number = None

    def carries(self, job: str) -> bool:
        """Say whether it was created for the job."""
        return self.task_info is not None and self.task_info.external_task_id == job

    def answers(self, job: str) -> bool:
        """Say whether it is what was asked for by the job's name.

        An unknown name comes back as a failed task of that very id
        (huggingface.co/Kwai-Kolors/Kolors/discussions/36).
        """
        unnamed = self.task_info is None or not self.task_info.external_task_id
        unknown = self.task_id == job or _NOT_FOUND in (self.task_status_msg or "").lower()
        return self.carries(job) or (unnamed and not unknown)

    def task(self) -> Task:
        """Return it in the words of the seam."""
        state = _STATES.get(self.task_status, State.RUNNING)
        urls = tuple(image.url for image in self.task_result.images) if self.task_result else ()
        reason = " ".join((self.task_status_msg or "").split())[:LONGEST_REASON]
        if state is State.DONE and not urls:
            state, reason = State.FAILED, "Kling finished without a picture"
        failed = state is State.FAILED
        return Task(
            external_id=self.task_id,
            state=state,
            urls=urls if state is State.DONE else (),
            reason=reason if failed else "",
            refused=failed and _RISK in reason.lower(),
            units=self._units(state),
        )

    def _units(self, state: State) -> float:
        """Older versions do not say what was charged: then a picture is one unit, and anything else none."""
        if self.final_unit_deduction is not None:
            return self.final_unit_deduction
        return 1.0 if state is State.DONE else 0.0


Remotes = TypeAdapter(list[Remote])


class Answer(BaseModel):
    """The envelope; ``code`` decides, whatever HTTP says."""

    code: int = -1  # -1: none came
    message: str = ""
    request_id: str = ""
    data: Any = None

    @classmethod
    def read(cls, body: bytes) -> Answer:
        """Read an answer; one that is no JSON, as gateways give, has no code."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            return cls()
