"""API keys: random, shown once, kept as keyed hashes.

A key has 256 random bits, so that a fast hash keeps it as safe as a slow one would (guessing is hopeless), and
nobody can keep the service busy with wrong keys. The hash is keyed (HMAC-SHA256 with a pepper that is not in the
database): who reads the table can't even check a guess.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa

from api.storage.database import METADATA, insert_new
from bridge.errors import Conflict, NotFound, Unauthenticated

MARK = "vfr_live_"
"""How every key begins; scanners for leaked secrets look for it."""

_KEY = re.compile(rf"{MARK}([0-9a-f]{{12}})[0-9a-f]{{52}}")
"""32 random bytes in hexadecimal; the first 6 are the key's name, which may be seen."""

MOST_ACTIVE = 2
"""Active keys of a tenant with the same scopes: the one in use, and the one that replaces it."""

USED_SECONDS = 60.0
"""How exactly the time of last use is kept [s]: not every request writes it."""

KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("prefix", sa.String(12), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("tenant", sa.String(32), nullable=False, index=True),
    sa.Column("scopes", sa.String(100), nullable=False),  # in order, with a space between, as in OAuth
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("expires", sa.Float(53)),
    sa.Column("revoked", sa.Float(53)),
    sa.Column("last_used", sa.Float(53)),
)


class Scope(str, Enum):
    """What a key may be used for."""

    FIT = "fit"  # hand in jobs, cancel them
    READ = "read"  # see jobs, results and usage
    ERASE = "erase"  # erase a user
    ADMIN = "admin"  # weights and files of the server; only for tenants that are admin


@dataclass(frozen=True)
class Key:
    """What is known of a key; never the key itself. Times are seconds since 1970.

    Attributes:
        prefix: its first 12 characters after the mark, by which people name it.
        tenant: whose it is.
        scopes: what it may be used for.
        created: when it was issued.
        expires: from when on it is refused; None: never.
        revoked: when it was revoked; None: it was not.
        last_used: when it was used last, to the minute; None: never.
    """

    prefix: str
    tenant: str
    scopes: frozenset[Scope]
    created: float
    expires: float | None
    revoked: float | None
    last_used: float | None

    def active(self, now: float) -> bool:
        """Return whether the key opens anything."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def pepper_of(secret: bytes) -> bytes:
    """Return the key of the keyed hash, made of the service's secret."""
    return hmac.digest(secret, b"api keys", "sha256")


def issue(
    connection: sa.Connection,
    pepper: bytes,
    tenant: str,
    scopes: Iterable[Scope],
    now: float,
    *,
    expires: float | None = None,
) -> str:
    """Make a key and return it: the only time that it is seen.

    Raises:
        Conflict: the tenant has two active keys with these scopes already.
    """
    words = _words(scopes)
    rivals = [
        key.prefix for key in keys_of(connection, tenant) if key.active(now) and _words(key.scopes) == words
    ]
    if len(rivals) >= MOST_ACTIVE:
        raise Conflict(
            f"{tenant} has {MOST_ACTIVE} active keys with these scopes already: {', '.join(rivals)}. "
            "Please revoke the one that is not in use."
        )
    while True:
        key = MARK + secrets.token_hex(32)
        prefix = key[len(MARK) :][:12]
        row = {"prefix": prefix, "digest": _digest(pepper, key), "tenant": tenant, "scopes": words}
        if insert_new(connection, KEYS, **row, created=now, expires=expires):
            return key


def find(connection: sa.Connection, pepper: bytes, key: str, now: float) -> Key:
    """Return what is known of a key that opens, and note that it was used.

    Raises:
        Unauthenticated: nobody has this key, or it is revoked or over.
    """
    form = _KEY.fullmatch(key)
    row = form and connection.execute(sa.select(KEYS).where(KEYS.c.prefix == form[1])).one_or_none()
    # An unknown key is hashed and compared too: the answer takes as long.
    right = hmac.compare_digest(_digest(pepper, key), row.digest if row else "0" * 64)
    if not row or not right:
        raise Unauthenticated("This API key is not known. Please check that it was copied as a whole.")
    known = _key(row)
    if not known.active(now):
        state = "revoked" if known.revoked is not None else "over its time"
        raise Unauthenticated(f"The API key {MARK}{known.prefix}… is {state}. Please use the current one.")
    if known.last_used is None or known.last_used < now - USED_SECONDS:
        connection.execute(KEYS.update().where(KEYS.c.prefix == known.prefix).values(last_used=now))
    return known


def revoke(connection: sa.Connection, prefix: str, now: float) -> None:
    """Close a key for ever; doing it again keeps the first time.

    Args:
        connection: within a transaction.
        prefix: its name, with or without the mark.
        now: seconds since 1970.

    Raises:
        NotFound: there is no such key.
    """
    name = prefix.removeprefix(MARK)[:12]
    closed = KEYS.update().where(KEYS.c.prefix == name).values(revoked=sa.func.coalesce(KEYS.c.revoked, now))
    if not connection.execute(closed).rowcount:
        raise NotFound(f"There is no key {prefix}; `vfr keys list` names them.")


def keys_of(connection: sa.Connection, tenant: str | None = None) -> list[Key]:
    """Return the keys of a tenant, or of all, the oldest first."""
    query = sa.select(KEYS).order_by(KEYS.c.tenant, KEYS.c.created)
    if tenant:
        query = query.where(KEYS.c.tenant == tenant)
    return [_key(row) for row in connection.execute(query)]


def _digest(pepper: bytes, key: str) -> str:
    return hmac.digest(pepper, key.encode(), "sha256").hex()


def _words(scopes: Iterable[Scope]) -> str:
    return " ".join(sorted(scope.value for scope in set(scopes)))


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    fields = row._asdict()
    del fields["digest"]
    return Key(**{**fields, "scopes": frozenset(map(Scope, fields["scopes"].split()))})
