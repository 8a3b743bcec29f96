"""A whole job through `vfr serve` and `vfr worker`, in processes of their own: what is seen of it, and what is not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from api.security import keys
from api.security.keys import Scope
from api.storage.database import Database
from tests.api.scripted import photo
from tests.api.telemetry.wire import Outside, WireTriton, outside, triton_on_the_wire

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRET = "seen-by-nobody-seen-by-nobody-seen"  # noqa: S105 - of this test alone
HOOK_SECRET = "whsec_c2Vlbi1ieS1ub2JvZHktc2Vlbi1ieS1ub2JvZHk="  # noqa: S105
HOOK_TOKEN = "hook-token-9f3a"  # noqa: S105
START_SECONDS = 60.0


@dataclass
class Scene:
    """What is left once it is over."""

    key: str
    job: dict[str, Any]
    link: str
    worker: str  # its metrics
    api: str
    health: dict[str, Any]  # the worker's
    logs: dict[str, list[dict[str, Any]]]
    raw: str
    outside: Outside
    triton: WireTriton


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One job, and a few knocks at wrong doors."""
    folder = tmp_path_factory.mktemp("scene")
    with ExitStack() as stack:
        triton, triton_url = stack.enter_context(triton_on_the_wire())
        around = stack.enter_context(outside())
        key, environment = _house(folder, triton_url, around)
        rest, operation = _free_port(), _free_port()
        serve = ["serve", "--role", "api", "--port", str(rest), "--triton-url", triton_url]
        work = ["worker", "--triton-url", triton_url, "--metrics-port", str(operation)]
        processes = [_start(folder, words, environment) for words in (serve, work)]
        for process in processes:
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        with httpx2.Client(base_url=f"http://127.0.0.1:{rest}", timeout=30) as caller:
            _await(caller, "/healthz")
            job, link = _whole_job(caller, key)
            _knock(caller, key, job["id"])
            api = caller.get("/metrics").text
        with httpx2.Client(base_url=f"http://127.0.0.1:{operation}", timeout=30) as operator:
            _until(lambda: around.hooks)
            health, worker = operator.get("/readyz").json(), operator.get("/metrics").text
            assert operator.get("/healthz").json() == {"status": "ok"}
        for process in processes:
            process.terminate()
            process.wait(30)
        raw = {name: (folder / f"{name}.log").read_text() for name in ("serve", "worker")}
        logs = {name: [_line(line) for line in text.splitlines()] for name, text in raw.items()}
        yield Scene(key, job, link, worker, api, health, logs, "".join(raw.values()), around, triton)


def _house(folder: Path, triton_url: str, around: Outside) -> tuple[str, dict[str, str]]:
    """Write the terms and issue a key; return it and the environment."""
    hook = {"url": f"{around.url}/hook?token={HOOK_TOKEN}", "secret_env": "SCENE_HOOK_SECRET"}
    lumen = {"id": "lumen", "plan": "payg", "webhooks": [hook], "hosts": ["127.0.0.1"]}
    terms = {"plans": {"payg": {"prices": {"basic": 0.02}}}, "tenants": [lumen]}
    (folder / "tenants.yaml").write_text(yaml.safe_dump(terms))
    database = Database(f"sqlite:///{folder / 'vfr.sqlite'}")
    database.create()
    pepper = keys.pepper_of(SECRET.encode())
    key = database.run_here(lambda c: keys.issue(c, pepper, "lumen", (Scope.FIT, Scope.READ), time.time()))
    database.close()
    return key, {
        **{name: value for name, value in os.environ.items() if not name.startswith(("VFR_", "OTEL_"))},
        "VFR_DATA": str(folder),
        "VFR_TENANTS": str(folder / "tenants.yaml"),
        "VFR_SECRET": SECRET,
        "VFR_ALLOW_PRIVATE_URLS": "true",
        "SCENE_HOOK_SECRET": HOOK_SECRET,
        "OTEL_EXPORTER_OTLP_ENDPOINT": around.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "NO_PROXY": "127.0.0.1",
    }


def _start(folder: Path, words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / f"{words[0]}.log").open("w") as log:
        return subprocess.Popen([sys.executable, "-m", "api.cli", *words], stderr=log, env=environment)


def _whole_job(caller: httpx2.Client, key: str) -> tuple[dict[str, Any], str]:
    """Hand a job in, wait for it, and fetch its picture."""
    headers = {"Authorization": f"Bearer {key}"}
    told = {"traceparent": PARENT, "Idempotency-Key": "order-1", "X-Request-ID": "order-1-a"}
    files = {"person": photo(), "garment": photo(180, 200)}
    handed_in = caller.post("/v1/jobs", files=files, headers=headers | told)
    assert handed_in.status_code == 202, handed_in.text
    url = handed_in.headers["location"]
    job = _until(
        lambda: found if (found := caller.get(url, headers=headers).json())["state"] == "done" else None
    )
    picture = caller.get(job["image"])
    assert picture.status_code == 200
    return job, job["image"]


def _knock(caller: httpx2.Client, key: str, job: str) -> None:
    """Be refused in ways that hold secrets."""
    address = f"http://ann:hunter2@127.0.0.1/p.png?token={HOOK_TOKEN}"
    other = key[:-1] + ("1" if key.endswith("0") else "0")
    for headers in ({"Authorization": f"Bearer {key[:-1]}x"}, {"X-API-Key": other}):
        assert caller.get(f"/v1/jobs/{job}", headers=headers).status_code == 401
    by_url = {"person_url": address, "garment_url": address}
    assert caller.post("/v1/jobs", data=by_url, headers={"X-API-Key": key}).is_client_error
    assert caller.post(f"/webhooks/kling/{job}/{'ab' * 32}", json={}).is_client_error
    assert caller.get(f"/v1/results/{'bogus' * 12}").status_code == 404


def _await(caller: httpx2.Client, path: str) -> None:
    def answers() -> bool:
        try:
            return caller.get(path).is_success
        except httpx2.TransportError:
            return False

    _until(answers)


def _until(true: Any) -> Any:
    deadline = time.monotonic() + START_SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.1)
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _line(text: str) -> dict[str, Any]:
    """Read a line of the log; the few that are for people are no JSON."""
    return json.loads(text) if text.startswith("{") else {"event": text}


def test_no_secret_and_no_link_is_in_the_logs(scene: Scene) -> None:
    """Not the keys, right or wrong, no token of a link or a callback, no secret; and no picture."""
    token = scene.link.rpartition("/")[2]
    hidden = [scene.key, scene.key[:-1], token, token[:40], SECRET, HOOK_SECRET, HOOK_TOKEN]
    hidden += ["hunter2", "ab" * 32, "bogus" * 12, "iVBOR"]
    assert [word for word in hidden if word in scene.raw] == []
    assert "/v1/results/{token}" in scene.raw  # that somebody asked is told
    assert "Traceback" not in scene.raw


def test_each_end_of_a_job_is_one_line(scene: Scene) -> None:
    """With whose it was, how long each stage took, and the trace that it belongs to; at the worker alone."""
    (line,) = [line for lines in scene.logs.values() for line in lines if line["event"] == "the job is over"]
    assert line in scene.logs["worker"]
    assert (line["job"], line["tenant"], line["trace_id"]) == (scene.job["id"], "lumen", TRACE)
    assert (line["state"], line["reason"], line["attempts"]) == ("done", None, 1)
    assert {"queued", "render", "publish", "total"} <= line["seconds"].keys()


def test_each_request_is_one_line(scene: Scene) -> None:
    """With its id, its tenant and job, and the route instead of the path; probes are not told."""
    lines = [line for line in scene.logs["serve"] if line["event"] == "a request is answered"]
    (handed_in,) = [line for line in lines if line["request_id"] == "order-1-a"]
    assert (handed_in["method"], handed_in["route"], handed_in["status"]) == ("POST", "/v1/jobs", 202)
    assert (handed_in["tenant"], handed_in["job"]) == ("lumen", scene.job["id"])
    assert handed_in["trace_id"] == TRACE
    assert not {line["route"] for line in lines} & {"/healthz", "/readyz", "/metrics"}


def test_one_trace_holds_request_steps_and_triton(scene: Scene) -> None:
    """The caller's trace goes through the API and the worker, two processes, and on to Triton."""
    mine = [span for span in scene.outside.spans if span.trace_id.hex() == TRACE]
    names = {span.name: span for span in mine}
    request, begin = names["POST /v1/jobs"], names["step begin"]
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert {span.parent_span_id for name, span in names.items() if name.startswith("step ")} == {
        request.span_id
    }
    sent = {model: metadata.get("traceparent") for model, metadata in scene.triton.calls}
    assert sent == {
        "faces": f"00-{TRACE}-{request.span_id.hex()}-01",
        "tryon_basic": f"00-{TRACE}-{begin.span_id.hex()}-01",
    }


def test_spans_hold_no_secret(scene: Scene) -> None:
    """Names and attributes neither."""
    told = "\n".join(str(span) for span in scene.outside.spans)
    token = scene.link.rpartition("/")[2]
    assert [word for word in (scene.key, token, SECRET, HOOK_TOKEN, "hunter2") if word in told] == []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("worker", 'vfr_job_latency_seconds_count{stage="render"} 1.0'),
        ("worker", 'vfr_job_latency_seconds_count{stage="total"} 1.0'),
        ("worker", 'vfr_quality_count{metric="coverage"} 1.0'),
        ("worker", 'vfr_webhook_attempts_total{outcome="delivered"} 1.0'),
        ("worker", "vfr_workers 1.0"),
        ("api", "vfr_workers 1.0"),
        ("api", "vfr_jobs_queued 0.0"),
        ("api", 'vfr_request_seconds_count{route="/v1/jobs",status="202"} 1.0'),
    ],
)
def test_metrics_of_both_processes(scene: Scene, where: str, line: str) -> None:
    """A worker, which has no REST, is measured too; what the database says is the same at both."""
    assert line in getattr(scene, where).splitlines()


def test_a_worker_tells_its_health(scene: Scene) -> None:
    """On the same port."""
    assert scene.health["ready"]
    assert scene.health["parts"]["workers"] == "1 is alive"
    assert scene.health["models"] == {"tryon_basic": "ready"}
