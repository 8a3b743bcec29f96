"""Jobs whose pictures are in a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.jobs.shop import World, opened, until
from tests.api.jobs.stage import BAD, Stage


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bucket on a local S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx2.put(f"{url}/fittings", trust_env=False).raise_for_status()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    yield "s3://fittings/vfr"
    server.stop()


def test_a_job_lives_on_s3_too(world: World, bucket: str, tmp_path: Path) -> None:
    """Handed in, made anew, rendered by Kling, linked, asked for again and erased: all with pictures in a bucket."""
    with opened(world, Stage(), f"sqlite:///{tmp_path / 'vfr.sqlite'}", blobs_url=bucket) as shop:
        height, act = shop.new()
        act.scores = [BAD, BAD]
        jobs = [shop.ended(shop.accepted(height, user="ann")) for _ in range(2)]
        assert [(job["provider"]["name"], job["cached"]) for job in jobs] == [
            ("kling", False),
            ("kling", True),
        ]
        assert all(shop.client.get(job["image"]).is_success for job in jobs)
        assert shop.post(path="/v1/tryon").status_code == 200
        path = f"/v1/erasures/{shop.ask('DELETE', '/v1/users/ann').json()['id']}"
        assert until(lambda: told if (told := shop.ask("GET", path).json())["done"] else None)["pictures"] > 0
        assert shop.client.get(jobs[0]["image"]).status_code == 404
        assert asyncio.run(shop.room.blobs.names("tenants/lumen/users/ann")) == []
    assert not list(tmp_path.glob("**/*.png"))
