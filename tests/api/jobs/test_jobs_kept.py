"""What the database and the store keep of a job: words, numbers, and the names of pictures."""

from __future__ import annotations

import json

import sqlalchemy as sa
import yaml

from api.jobs.queue import VERSION
from api.jobs.records import JOBS
from api.quality.policy import Pipeline
from tests.api.jobs.shop import Shop, until
from tests.api.jobs.stage import BAD

LONGEST = 20_000
"""Characters of any value that the engine keeps: a picture has more."""
ENGINES = {
    "workflow_input": ["inputs"],
    "workflow_output": ["output", "error"],
    "operation_outputs": ["output", "error"],
    "notifications": ["message"],
}
"""DBOS's tables, and their columns that hold values of ours."""


def longest_way(shop: Shop) -> str:
    """Bring a job through both attempts and Kling to its message; return its id."""
    height, act = shop.new()
    act.scores = [BAD, BAD]
    done = shop.ended(shop.accepted(height, consent="true"))
    assert done["provider"]["name"] == "kling"
    until(lambda: shop.world.messages(done["id"]))
    return str(done["id"])


def engines(shop: Shop, table: str) -> list[sa.RowMapping]:
    """Return the rows of a table of DBOS's."""
    return shop.database.run_here(lambda c: list(c.execute(sa.text(f"SELECT * FROM {table}")).mappings()))  # noqa: S608


def test_nothing_that_is_kept_can_run_or_be_looked_at(shop: Shop) -> None:
    """Every value is JSON, no pickle and no picture, under the version that is pinned."""
    longest_way(shop)
    for table, columns in ENGINES.items():
        values = [row[column] for row in engines(shop, table) for column in columns if row[column]]
        assert values, table
        for value in values:
            json.loads(value)
            assert len(value) < LONGEST
    steps, workflows = engines(shop, "operation_outputs"), engines(shop, "workflow_status")
    assert {row["serialization"] for row in [*steps, *workflows]} <= {"vfr_json", "portable_json"}
    assert {row["application_version"] for row in workflows} == {VERSION}


def test_a_job_keeps_what_it_ran_by(shop: Shop) -> None:
    """The settings as YAML, with the thresholds of the tenant's profile; and whether the person agreed."""
    agreed, silent = longest_way(shop), shop.ended(shop.accepted())["id"]
    rows = [shop.rows(JOBS, id=job)[0] for job in (agreed, silent)]
    assert [row.order["consent"] for row in rows] == [True, False]
    told = yaml.safe_load(rows[0].snapshot)
    assert told.pop("weights") == {"pose_detection": "1:a"}
    settings = Pipeline.model_validate(told)
    assert settings.profiles == {"tier-S": shop.room.pipeline.profile("tier-S")}
    assert settings.retry == shop.room.pipeline.retry
