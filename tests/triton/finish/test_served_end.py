"""The end of a server, and a checkpoint that isn't there."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from bridge.errors import ArtifactMissing, ServerUnavailable
from bridge.finish.layout import bucket_name
from bridge.triton import processes
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Array
from tests.finish.studio import job, settings
from tests.triton.finish.served import SLOW, Served, arrays

NEEDED = ("finish", "text_encode", "vae_encode", "vae_decode", f"denoise_{bucket_name(SLOW)}")


@pytest.mark.slow
def test_a_server_that_is_left_has_lost_no_job(served: Served, tmp_path: Path) -> None:
    """Ten jobs run or wait when the ``with`` ends, as on SIGTERM: each gets its picture, a new one is refused."""
    each = job(1, bucket=SLOW, controls=(), settings=settings(long_side=max(SLOW)))
    began: list[int] = []
    pictures: list[Array] = []

    def finish() -> None:
        with TritonClient(server.url) as client:
            parts = client.stream("finish", arrays(each))
            began.append(len(next(parts).arrays))
            *_, last = parts
        pictures.append(last.arrays["finished"])

    (tmp_path / "models").mkdir()
    for name in NEEDED:
        (tmp_path / "models" / name).symlink_to(served.repository / name)
    with EmbeddedTriton(tmp_path / "models", models=["finish"], log=tmp_path / "log") as server:
        threads = [threading.Thread(target=finish) for _ in range(10)]
        for thread in threads:
            thread.start()
        while not began:
            time.sleep(0.01)
        time.sleep(0.3)  # until all have come
        assert not server.drain(0)
        with pytest.raises(ServerUnavailable, match="takes no new jobs"), TritonClient(server.url) as client:
            list(client.stream("finish", arrays(each)))
        assert not pictures
    for thread in threads:
        thread.join(10)
    assert [picture.shape for picture in pictures] == [each.prior.shape] * 10


def test_without_a_checkpoint_it_says_how_to_get_one(triton: EmbeddedTriton, client: TritonClient) -> None:
    """What to run, from where and under which licence; until then its process holds no torch."""
    with pytest.raises(ArtifactMissing, match=r"huggingface.co .*licence: .*python -m export sdxl --source"):
        list(client.stream("finish", arrays(job(1))))
    assert client.ready()
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in processes.members(triton.pid)}
    [pid] = [pid for pid, command in commands.items() if "/finish/1/model.py" in command]
    assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()
