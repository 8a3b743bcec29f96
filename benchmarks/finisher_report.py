"""The finisher's results: what they look like, and how they reach the file one section at a time.

A lent card is lent for minutes. So each section is written as soon as it is there, one that fails costs the others
nothing, one for which no time is left says so, and a later run with ``--only`` adds to what an earlier one found.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from bridge.errors import VfrError

Say = Callable[[str], None]
Rows = list[dict[str, object]]


class Section(TypedDict):
    """What one section found."""

    seconds: float
    rows: Rows
    missing: str | None
    """Why it has no rows, or not all."""


class Missing(VfrError):
    """A section, or the rest of it, can't be had here; the sentence says why."""


@dataclass
class Lease:
    """The time that there is, and the file that grows meanwhile."""

    path: Path | None
    seconds: float
    facts: Mapping[str, object]
    """What holds for all sections: machine, card, versions, command."""
    say: Say
    sections: dict[str, Section] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Keep what an earlier run on the same card and commit found."""
        if self.path is None or not self.path.is_file():
            return
        before = json.loads(self.path.read_text(encoding="utf-8"))
        if all(before.get(name) == self.facts.get(name) for name in ("card", "commit", "tiny")):
            self.sections = before["sections"]

    @property
    def left(self) -> float:
        """Time until the lease ends [s]."""
        return self.seconds - (time.monotonic() - self.began)

    def section(self, name: str, work: Callable[[Rows], None], needs: float) -> None:
        """Do a section and write what it found.

        Args:
            name: of the section.
            work: appends to the rows it is given; what it appended before it failed stays.
            needs: about how long it takes [s]; where less is left it isn't begun.
        """
        if self.left < needs:
            self._store(name, Section(seconds=0.0, rows=[], missing=self._no_time(needs)))
            return
        self.say(f"{name}, {self.left:.0f} s left")
        began, rows, missing = time.monotonic(), Rows(), None
        try:
            work(rows)
        except Exception as error:  # whatever a driver or a compiler raises
            missing = f"{type(error).__name__}: {error}"[:500]
        self._store(name, Section(seconds=round(time.monotonic() - began, 1), rows=rows, missing=missing))

    def need(self, seconds: float) -> None:
        """Return if there is that much time left.

        Raises:
            Missing: there isn't.
        """
        if self.left < seconds:
            raise Missing(self._no_time(seconds))

    def report(self) -> dict[str, object]:
        """Return everything as it is written."""
        return {**self.facts, "sections": self.sections}

    def _store(self, name: str, section: Section) -> None:
        before = self.sections.get(name)
        if not (before and before["rows"] and not section["rows"]):
            self.sections[name] = section
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.report(), indent=2) + "\n", encoding="utf-8")

    def _no_time(self, needs: float) -> str:
        return f"{self.left:.0f} s were left and about {needs:.0f} s are needed; run it with --only"
