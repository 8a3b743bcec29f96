"""Servers and names that a guard meets: real sockets on this machine, and a resolver that lies as told."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpcore2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET"
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Host:
    """A server that counts who touches it."""

    port: int = 0
    touched: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def serving(reply: bytes | Script = OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    """Answer every request on a free port of this machine with these bytes, or by this script."""
    host = Host()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.touched += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            host.requests.append(head + body)
            if isinstance(reply, bytes):
                writer.write(reply)
                await writer.drain()
            else:
                await reply(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host


class Names:
    """A resolver: a table of names, each with one list of addresses per question; the last one stays."""

    def __init__(self, **table: Sequence[Sequence[str]]) -> None:
        self._table = {name.replace("_", "."): iter_last(answers) for name, answers in table.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer from the table, or read numbers as the system does: ``0x7f.1`` is 127.0.0.1."""
        self.asked.append(host)
        if host in self._table:
            return next(self._table[host])
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(address[0]) for *_, address in found]


def iter_last(answers: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Yield every answer once, and the last one for ever."""
    yield from answers
    while True:
        yield answers[-1]


class Wire(httpcore2.AsyncNetworkBackend):
    """A network that notes who is called, and connects to this machine only."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *rest: object) -> httpcore2.AsyncNetworkStream:
        """Note, and connect if it is this machine."""
        self.called.append(host)
        if not host.startswith("127."):
            raise httpcore2.ConnectError("nobody is there")
        return await self._real.connect_tcp(host, port)


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name; return what the server shows and what the caller trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(form)
        + key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(pem)
    return shown, ssl.create_default_context(cafile=str(pem))
