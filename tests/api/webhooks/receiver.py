"""A receiver of webhooks as a customer would write it: a server that verifies by the specification's library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook

ANSWERS = {
    "ok": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "400": b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
    "410": b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 307 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    "busy": b"HTTP/1.1 503 Busy\r\nRetry-After: 4000\r\nContent-Length: 0\r\n\r\n",
    "malformed": b"NOT HTTP AT ALL\r\n\r\n",
    "odd status": b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
    "bad retry": b"HTTP/1.1 429 Slow\r\nRetry-After: soon; \xff\r\nContent-Length: 0\r\n\r\n",
    "endless": b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + bytes(100_000),
    "lost": b"",
}
"""What is answered, by the words of a script."""


@dataclass
class Receiver:
    """Answers as its script says, word by word, the last one for ever; ``slow`` never answers."""

    secret: str
    script: list[str]
    url: str = ""
    paths: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # webhook-ids, as they came
    taken: dict[str, object] = field(default_factory=dict)  # by webhook-id: each once, whatever comes twice

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, verify it, act on it, and answer, or not."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.paths.append(first.split(" ")[1])
            self.attempts.append(headers["webhook-id"])
            self.taken[headers["webhook-id"]] = Webhook(self.secret).verify(body, headers)
            word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if word == "slow":
                await asyncio.sleep(30)
            writer.write(ANSWERS[word])
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def receiving(secret: str, *script: str) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver(secret, list(script))
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await receiver.serve(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=T0KEN"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
