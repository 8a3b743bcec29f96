"""The only way to addresses that strangers name: photos by URL, webhooks, a provider's downloads.

A service that opens a stranger's address can be made to knock at doors inside of its own network (server-side
request forgery, OWASP API7:2023). So the name is resolved once, refused when *any* of its addresses is not
public, and the connection goes to an address that was checked: a name that is resolved twice may change in
between (DNS rebinding). TLS still asks for the name. Nothing follows redirects, heeds proxies of the environment
or unpacks what was compressed, and what is read is bounded in bytes and seconds.

The hook is httpcore2's ``network_backend``, which opens every connection. Kubernetes' egress rules remain the
second wall.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION

from api.security.networks import is_public
from bridge.errors import UrlRefused

CONNECT_SECONDS = 3.0
"""The longest wait for the name, and for each of connection and handshake [s]."""
TOTAL_SECONDS = 15.0
"""The longest wait for a whole answer [s], where the caller says nothing else."""
ANSWER_BYTES = 64 * 2**10
"""How much of the answer to a POST is kept [bytes]."""

_URL_CHARACTERS = 2048
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?|[0-9a-f:.]+", re.ASCII)
"""Names after IDNA, and addresses; underscores, ``%`` and other oddities name no public host."""
_TRIES = 3
"""How many of a name's addresses are tried."""
_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
    TimeoutError,  # of asyncio.timeout; OSError is no part of it: a full disk is no failure of the other side
)

_RESOLVERS = ThreadPoolExecutor(8, thread_name_prefix="resolve")
"""Threads of their own: a name whose server never answers must not keep the database waiting for a thread."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives all addresses of a name; raises OSError where there is none."""


@dataclass(frozen=True)
class Answer:
    """What the other side said to a POST."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)  # at most ANSWER_BYTES of it


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name by the system's resolver, in its order of preference."""
    question = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, question)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True)
class Guard:
    """Opens addresses of the public internet: ``https`` on port 443.

    Every method raises :class:`UrlRefused` for an address that may not be opened and for one that gives nothing
    of use; the sentence names the host alone, since the rest of an address may hold secrets.
    """

    allow_private: bool = False
    """Also ``http``, other ports and private networks: for tests and laptops only (``VFR_ALLOW_PRIVATE_URLS``)."""
    ports: frozenset[int] = frozenset({443})
    resolve: Resolve = resolve
    network: httpcore2.AsyncNetworkBackend = field(default_factory=httpcore2.AnyIOBackend)
    trust: ssl.SSLContext | None = None
    """Whose certificates are believed; None: the system's."""

    async def fetch(
        self,
        url: str,
        *,
        most_bytes: int,
        seconds: float = TOTAL_SECONDS,
        hosts: Collection[str] | None = None,
    ) -> bytes:
        """Return what a GET of this address gives.

        Args:
            url: ``https://host/path``.
            most_bytes: more is refused, at best before it is read.
            seconds: the longest wait for all of it [s].
            hosts: the only hosts that may be asked; ``.example.com`` stands for all below it. None: any.
        """
        async with self.stream(url, most_bytes=most_bytes, seconds=seconds, hosts=hosts) as chunks:
            return b"".join([chunk async for chunk in chunks])

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        most_bytes: int,
        seconds: float = TOTAL_SECONDS,
        hosts: Collection[str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As :meth:`fetch`, piece by piece; the time counts until the block is left."""
        target = self.check(url, hosts)
        async with self._asked("GET", target, seconds) as response:
            _demand_content(target.host, response)
            async with aclosing(_bounded(target.host, response, most_bytes)) as chunks:
                yield chunks

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = TOTAL_SECONDS,
        hosts: Collection[str] | None = None,
    ) -> Answer:
        """POST a body; any status is an answer, also a redirect, which is not followed.

        Args:
            url: ``https://host/path``.
            body: sent as it is.
            headers: sent beside ``Host`` and ``Content-Length``.
            seconds: the longest wait for all of it [s].
            hosts: as in :meth:`fetch`.
        """
        async with self._asked("POST", self.check(url, hosts), seconds, body, headers) as response:
            return Answer(response.status, _headers(response), await _beginning(response))

    def check(self, url: str, hosts: Collection[str] | None = None) -> httpx2.URL:
        """Look at an address without asking anybody: is it one that may be opened, its network aside?"""
        try:
            parsed = httpx2.URL(url if len(url) <= _URL_CHARACTERS else "")
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise UrlRefused("This is no address. Please write it as https://host/path.") from error
        host = parsed.raw_host.decode("ascii")
        if parsed.scheme != "https" and not (self.allow_private and parsed.scheme == "http"):
            raise UrlRefused("Only addresses that begin with https:// are opened. Please send such a one.")
        if parsed.userinfo or not _HOST.fullmatch(host) or len(host) > 253:
            raise UrlRefused("The address names no host, or a user. Please write it as https://host/path.")
        if not self.allow_private and (parsed.port or 443) not in self.ports:
            raise UrlRefused(f"Only port 443 of {host} is opened. Please leave the port out.")
        if hosts is not None and not _listed(host, hosts):
            raise UrlRefused(
                f"Nothing is fetched from {host}. Please upload the file, or have the host allowed."
            )
        return parsed

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of them checked; asked once per connection."""
        try:
            found = list(dict.fromkeys(await self.resolve(host, port)))
        except (OSError, UnicodeError):
            found = []
        if not found or not (self.allow_private or all(map(is_public, found))):
            # One sentence for both: a stranger must not learn which names exist inside.
            raise UrlRefused(f"{host} is no host of the public internet. Please check the address.")
        return found

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        url: httpx2.URL,
        seconds: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpcore2.Response]:
        # One connection per request and none kept: a strangers' server is seldom asked twice.
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self.trust or _system_trust(), network_backend=_Doorman(self), retries=0
        )
        timeouts = {"connect": CONNECT_SECONDS, "read": seconds, "write": seconds, "pool": seconds}
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = {
            "User-Agent": "neurose-vfr",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        try:
            async with (
                asyncio.timeout(seconds),
                pool,
                pool.stream(
                    method, target, headers=list(sent.items()), content=body, extensions={"timeout": timeouts}
                ) as response,
            ):
                yield response
        except _FAILURES as error:
            words = f"{url.host} could not be reached, or broke off. Please try again later."
            raise UrlRefused(words) from error


class _Doorman(httpcore2.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, and connect to what was checked."""
        async with asyncio.timeout(timeout):
            addresses = await self._guard.addresses(host, port)
        failed: Exception = httpcore2.ConnectError()
        for address in addresses[:_TRIES]:
            try:
                return await self._guard.network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:  # noqa: PERF203 - few
                failed = error
        raise failed


@cache
def _system_trust() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()  # reads hundreds of certificates: once is enough


def _listed(host: str, hosts: Collection[str]) -> bool:
    return any(host.endswith(entry) if entry.startswith(".") else host == entry for entry in hosts)


def _headers(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _demand_content(host: str, response: httpcore2.Response) -> None:
    """Refuse all answers but a plain one."""
    if 300 <= response.status < 400:
        raise UrlRefused(f"{host} sends elsewhere ({response.status}). Please send the final address.")
    if response.status != 200:
        raise UrlRefused(f"{host} answered {response.status} instead of the file. Please check the address.")
    if _headers(response).get("content-encoding", "identity").lower() != "identity":
        raise UrlRefused(f"{host} compresses what it sends. Please offer the file as it is.")


async def _bounded(host: str, response: httpcore2.Response, most_bytes: int) -> AsyncGenerator[bytes]:
    """Yield the content; its length is counted, whatever was said of it."""
    told = _headers(response).get("content-length", "")
    left = most_bytes - (int(told) if told.isdecimal() else 0)
    if left < 0:
        raise _too_large(host, most_bytes)
    left = most_bytes
    async with aclosing(response.aiter_stream()) as chunks:
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise _too_large(host, most_bytes)
            yield chunk


def _too_large(host: str, most_bytes: int) -> UrlRefused:
    size = f"{most_bytes / 2**20:.3g} MiB"
    return UrlRefused(f"{host} sends more than {size}. Please offer a smaller file.")


async def _beginning(response: httpcore2.Response) -> bytes:
    kept = b""
    async with aclosing(response.aiter_stream()) as chunks:
        async for chunk in chunks:
            kept += chunk[: ANSWER_BYTES - len(kept)]
            if len(kept) == ANSWER_BYTES:
                break
    return kept
