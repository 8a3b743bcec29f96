"""``vfr webhooks``, as whoever runs the service meets it."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.storage.database import Database
from api.webhooks.delivery import Outcome, enqueue, is_disabled, record
from api.webhooks.events import Failed, JobFailed

HOOK = "https://hooks.example/fitting"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database of a service in a folder of its own."""
    monkeypatch.setenv("VFR_DATA", str(tmp_path))
    opened = Database(f"sqlite:///{tmp_path / 'vfr.sqlite'}")
    opened.create()
    return opened


def vfr_webhooks(*words: str) -> Result:
    """Run ``vfr webhooks …``."""
    return CliRunner().invoke(app, ["webhooks", *words])


def sent(database: Database, tenant: str, job: str, outcome: Outcome) -> None:
    """Try to deliver a message of a job's end."""
    failed = Failed(job=job, url="/", code="no_person", detail="Nobody.")
    event = JobFailed(timestamp=datetime.now(timezone.utc), data=failed)
    message = database.run_here(lambda c: enqueue(c, tenant, job, HOOK, event, 1.0))
    assert message
    database.run_here(lambda c: record(c, message.id, 1, outcome, None, 2.0))


def test_a_secret_is_made_for_an_endpoint() -> None:
    """By itself on standard output, as the specification writes it, and each another one."""
    made = [vfr_webhooks("secret").stdout for _ in range(2)]
    assert made[0] != made[1]
    assert len(base64.b64decode(made[0].removeprefix("whsec_"))) == 32


def test_an_endpoint_that_wanted_no_more_is_enabled_again(database: Database) -> None:
    """It is listed with what did not arrive; enabling names it exactly, and another tenant's stays as it is."""
    sent(database, "lumen", "a", Outcome("delivered", 204))
    for tenant in ("lumen", "atelier"):
        sent(database, tenant, "b", Outcome("disabled", 410, why="Gone."))
    listed = vfr_webhooks("list").stdout.splitlines()[1:]
    assert [line.split() for line in listed] == [[t, HOOK, "disabled", "1"] for t in ("atelier", "lumen")]
    assert vfr_webhooks("enable", "lumen", HOOK).exit_code == 0
    assert [database.run_here(lambda c, t=t: is_disabled(c, t, HOOK)) for t in ("lumen", "atelier")] == [
        False,
        True,
    ]
    again = vfr_webhooks("enable", "lumen", HOOK)
    assert again.exit_code == 1
    assert f"No endpoint {HOOK} of lumen is disabled; `vfr webhooks list` names them." in again.stderr
