"""A faithful fake of Kling's try-on service, for tests and for the chaos suite.

It keeps the documented contract (facts/kling.md): keys or signed tokens, envelopes, codes, the limit of
parallel tasks, callbacks, results at addresses of its own. ``POST /_control`` tells it how to misbehave,
``GET /_stats`` tells what was asked of it: above all how many tasks were created, and paid, for each job.

    python -m tests.api.providers.fake_kling --port 9000
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
import uvicorn
from fastapi import FastAPI, Request, Response
from PIL import Image
from pydantic import BaseModel, ConfigDict

from tests.api.providers.kling_rules import Refusal, answer, check_body, check_header, rendered

PATH = "/v1/images/kolors-virtual-try-on"


class Fault(BaseModel):
    """A code that is answered instead of doing what was asked."""

    model_config = ConfigDict(extra="forbid")

    code: int = 5000
    on: Literal["create", "query", "list", "any"] = "any"
    times: int = 1  # -1: for ever
    page: str = ""  # sent instead of an envelope, as a gateway does
    done: bool = False  # the task is created all the same


class Script(BaseModel):
    """How it behaves; every field may be set by ``POST /_control``, the others stay as they are."""

    model_config = ConfigDict(extra="forbid")

    delay: float = 0.2  # from a task's creation to its end [s]
    parallel: int = 3
    faults: list[Fault] = []
    lost: int = 0  # so many creates are done, and their answers break off after ``hang``
    late: int = 0  # so many creates are done, and answered, only after ``hang``
    hang: float = 0.0  # [s]
    missing: int = 0  # so many downloads of results fail
    broken: int = 0  # so many tasks fail
    risky: int = 0  # so many tasks fail by content rules
    empty: int = 0  # so many tasks succeed without a picture
    callbacks: Literal["once", "lost", "twice", "backwards"] = "once"
    shows_names: bool = True  # ``task_info`` holds our name: the newer documentation
    takes_names: bool = True  # a task may be asked for by our name: likewise
    unknown: Literal["failed", "1203"] = "failed"  # what an unknown id is answered


@dataclass
class FakeTask:
    """A task that was paid for."""

    id: str
    name: str  # external_task_id
    created: float
    delay: float
    person: Image.Image
    garment: Image.Image
    ending: Literal["succeed", "broken", "risky", "empty"]

    def status(self, now: float) -> str:
        if now < self.created + self.delay / 3:
            return "submitted"
        if now < self.created + self.delay:
            return "processing"
        return "failed" if self.ending in {"broken", "risky"} else "succeed"


REASONS = {"broken": "Internal error", "risky": "Failure to pass the risk control system"}


@dataclass
class FakeKling:
    """One account."""

    script: Script = field(default_factory=Script)
    tasks: dict[str, FakeTask] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)
    peak: int = 0
    called: list[dict[str, str]] = field(default_factory=list)  # callbacks that arrived
    bodies: list[dict[str, Any]] = field(default_factory=list)  # of creates, without their pictures
    errands: set[asyncio.Task[None]] = field(default_factory=set)

    def admit(self, request: Request, what: str) -> None:
        """Count a request, check its keys, and raise the fault that is due."""
        self.asked[what] += 1
        self.tokens.add(check_header(request.headers.get("authorization"), time.time()))
        if fault := self.due(what, done=False):
            raise Refusal(fault.code, fault.page or "on demand")

    def due(self, what: str, *, done: bool) -> Fault | None:
        """Take one of the faults that were ordered."""
        for fault in self.script.faults:
            if fault.times and fault.on in {what, "any"} and fault.done == done:
                fault.times -= 1
                return fault
        return None

    def took(self, what: Literal["lost", "late", "broken", "risky", "empty", "missing"]) -> bool:
        """Count one of the misfortunes down that were ordered."""
        left: int = getattr(self.script, what)
        setattr(self.script, what, max(0, left - 1))
        return left > 0

    def running(self) -> int:
        now = time.time()
        return sum(task.status(now) in {"submitted", "processing"} for task in self.tasks.values())

    def create(self, body: dict[str, Any], base: str) -> FakeTask:
        """Make, and charge, a task."""
        person, garment = check_body(body)
        if self.running() >= self.script.parallel:
            raise Refusal(1303, "parallel task over resource pack limit")
        ending = next((word for word in ("broken", "risky", "empty") if self.took(word)), "succeed")
        task = FakeTask(
            id=f"kling-{len(self.tasks) + 1:06}",
            name=body.get("external_task_id", ""),
            created=time.time(),
            delay=self.script.delay,
            person=person,
            garment=garment,
            ending=ending,
        )
        self.tasks[task.id] = task
        self.bodies.append({key: value for key, value in body.items() if not key.endswith("_image")})
        self.peak = max(self.peak, self.running())
        if body.get("callback_url"):
            errand = asyncio.create_task(self.call_back(task, body["callback_url"], base))
            self.errands.add(errand)
            errand.add_done_callback(self.errands.discard)
        return task

    def found(self, key: str) -> FakeTask | None:
        by_name = (task for task in self.tasks.values() if task.name == key)
        return self.tasks.get(key) or (next(by_name, None) if self.script.takes_names else None)

    def shown(self, task: FakeTask, base: str) -> dict[str, Any]:
        """Return a task as every answer shows it."""
        status = task.status(time.time())
        data: dict[str, Any] = {
            "task_id": task.id,
            "task_status": status,
            "task_status_msg": REASONS.get(task.ending, "") if status == "failed" else "",
            "created_at": int(task.created * 1000),
            "updated_at": int(time.time() * 1000),
        }
        if self.script.shows_names:
            data["task_info"] = {"external_task_id": task.name}
        if status in {"succeed", "failed"}:
            data["final_unit_deduction"] = "1" if status == "succeed" else "0"
        if status == "succeed":
            images = [{"index": 0, "url": f"{base}/results/{task.id}.png"}]
            data["task_result"] = {"images": [] if task.ending == "empty" else images}
        return data

    async def call_back(self, task: FakeTask, address: str, base: str) -> None:
        """Post the task's states to the address, as the script says."""
        await asyncio.sleep(max(0.0, task.created + task.delay - time.time()) + 0.01)
        end = self.shown(task, base)
        early = {**end, "task_status": "processing", "task_result": {"images": []}}
        sent = {"once": [early, end], "lost": [], "twice": [end, end], "backwards": [end, early]}
        async with httpx2.AsyncClient(timeout=5) as client:
            for body in sent[self.script.callbacks]:
                try:
                    reply = await client.post(address, json=body)
                except httpx2.TransportError:
                    continue
                self.called.append({"task": task.id, "status": str(reply.status_code)})

    def stats(self) -> dict[str, Any]:
        """Return what was asked of it."""
        creates = Counter(task.name for task in self.tasks.values())
        return {
            "creates": dict(creates),
            "tasks": len(self.tasks),
            "paid": sum(task.status(time.time()) == "succeed" for task in self.tasks.values()),
            "paid_twice": sum(number - 1 for number in creates.values()),
            "peak": self.peak,
            "asked": dict(self.asked),
            "tokens": len(self.tokens),
            "callbacks": self.called,
            "bodies": self.bodies,
        }


def app_of(kling: FakeKling) -> FastAPI:
    """Return the service."""
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(Refusal, _refused)
    _add_creating(app, kling)
    _add_reading(app, kling)
    _add_control(app, kling)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    reply = answer(error.code, str(error))
    if str(error).startswith("<"):
        return Response(str(error), reply.status_code, media_type="text/html")
    return reply


def _add_creating(app: FastAPI, kling: FakeKling) -> None:
    @app.post(PATH)
    async def create(request: Request) -> Response:
        kling.admit(request, "create")
        body = json.loads(await request.body())
        if kling.took("late"):
            await asyncio.sleep(kling.script.hang)
        task = kling.create(body, str(request.base_url).rstrip("/"))
        if kling.took("lost"):
            await asyncio.sleep(kling.script.hang)
            return Response(b"{", headers={"Content-Length": "100"})  # uvicorn hangs up then
        if fault := kling.due("create", done=True):
            raise Refusal(fault.code, fault.page or "on demand")
        shown = kling.shown(task, "")
        fields = ("task_id", "task_status", "task_info", "created_at", "updated_at")
        return answer(0, "SUCCEED", {key: shown[key] for key in fields if key in shown})


def _add_reading(app: FastAPI, kling: FakeKling) -> None:
    @app.get(PATH + "/{key}")
    async def query(request: Request, key: str) -> Response:
        kling.admit(request, "query")
        if task := kling.found(key):
            return answer(0, "SUCCEED", kling.shown(task, str(request.base_url).rstrip("/")))
        if kling.script.unknown == "1203":
            return answer(1203, "resource not found")
        failed = {"task_id": key, "task_status": "failed", "task_status_msg": "task not found"}
        return answer(0, "SUCCEED", failed)

    @app.get(PATH)
    async def listed(request: Request, pageNum: int = 1, pageSize: int = 30) -> Response:  # noqa: N803 - Kling's
        kling.admit(request, "list")
        if not (1 <= pageNum <= 1000 and 1 <= pageSize <= 500):
            raise Refusal(1200, "page is out of range")
        newest = reversed(kling.tasks.values())
        page = itertools.islice(newest, (pageNum - 1) * pageSize, pageNum * pageSize)
        return answer(0, "SUCCEED", [kling.shown(task, str(request.base_url).rstrip("/")) for task in page])

    @app.get("/results/{name}")
    async def result(name: str) -> Response:
        kling.asked["result"] += 1
        if kling.took("missing"):
            return Response(status_code=503)
        task = kling.tasks.get(name.removesuffix(".png"))
        if task is None or task.status(time.time()) != "succeed":
            return Response(status_code=404)
        return Response(rendered(task.person, task.garment), media_type="image/png")


def _add_control(app: FastAPI, kling: FakeKling) -> None:
    @app.post("/_control")
    async def control(wish: dict[str, Any]) -> dict[str, Any]:
        kling.script = Script.model_validate(kling.script.model_dump() | wish)
        return kling.script.model_dump()

    @app.get("/_stats")
    async def stats() -> dict[str, Any]:
        return kling.stats()


def main() -> None:
    """Serve one until it is stopped; the first line on the standard output is its address."""
    parser = argparse.ArgumentParser(description="A fake of Kling's try-on service.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", parser.parse_args().port))
        listener.listen()  # whoever reads the address may call at once
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app_of(FakeKling()), log_level="critical", lifespan="off", ws="none")
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
