"""Workflows that DBOS dropped in a process that lives on."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
from dbos._dbos import _get_dbos_instance

from tests.api.jobs.shop import World, opened, until
from tests.api.jobs.stage import Stage


def test_what_a_full_disk_dropped_is_taken_up_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a step nor the error can be written down: the same process goes on with the job, which ends once."""
    with opened(world, Stage(), f"sqlite:///{world.folder / 'dropped.sqlite'}", dead_seconds=2.0) as shop:
        store = _get_dbos_instance()._sys_db
        full = sa.exc.OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full"))
        written = {"step": store.record_operation_result, "end": store.update_workflow_outcome}
        failed: list[str] = []

        def fail(name: str, *arguments: object, **options: object) -> object:
            if "end" in failed:  # there is room again
                return written[name](*arguments, **options)
            failed.append(name)
            raise full

        monkeypatch.setattr(store, "record_operation_result", lambda *a, **o: fail("step", *a, **o))
        monkeypatch.setattr(store, "update_workflow_outcome", lambda *a, **o: fail("end", *a, **o))
        job = shop.ended(shop.accepted())
        assert failed[0] == "step"
        assert failed[-1] == "end"
        assert job["state"] == "done"
        assert len(until(lambda: shop.world.messages(job["id"]))) == 1
