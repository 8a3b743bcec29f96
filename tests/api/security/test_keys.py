"""API keys: shown once, kept as keyed hashes, rotated two at a time."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from api.cli import app
from api.console import OUT
from api.providers.callback import signature, signed_job
from api.security import keys
from api.security.keys import KEYS, Key, Scope, pepper_of
from api.storage.database import Database
from bridge.errors import Conflict, NotFound, Unauthenticated

PEPPER = pepper_of(b"secret")
NOW = 1_800_000_000.0
SCOPES = (Scope.FIT, Scope.READ)


def issued(database: Database, tenant: str = "lumen", expires: float | None = None) -> str:
    """Issue a key."""
    return database.run_here(lambda c: keys.issue(c, PEPPER, tenant, SCOPES, NOW, expires=expires))


def found(database: Database, key: str, now: float = NOW, pepper: bytes = PEPPER) -> Key:
    """Look a key up."""
    return database.run_here(lambda c: keys.find(c, pepper, key, now))


def test_a_key_opens_for_its_tenant_and_is_never_kept(database: Database) -> None:
    """It is 256 random bits, found again with its scopes; what is stored does not hold it."""
    key = issued(database)
    other = issued(database, "atelier")
    known = found(database, key)
    assert (known.tenant, known.scopes, known.created) == ("lumen", frozenset(SCOPES), NOW)
    assert len(bytes.fromhex(key.removeprefix("vfr_live_"))) == 32
    assert key[:21] != other[:21]
    stored = database.run_here(lambda c: str(c.execute(sa.select(KEYS)).all()))
    assert key[21:] not in stored


@pytest.mark.parametrize("change", ["cut", "grown", "last", "first", "case", "empty", "mark", "injected"])
def test_what_is_not_the_key_opens_nothing(sqlite: Database, change: str) -> None:
    """Not a part of it, not one with a digit changed, not another's secret behind its name."""
    key = issued(sqlite)
    swapped = "0" if key[-1] != "0" else "1"
    wrong = {
        "cut": key[:-1],
        "grown": key + "0",
        "last": key[:-1] + swapped,
        "first": key[:9] + ("0" if key[9] != "0" else "1") + key[10:],
        "case": "VFR" + key[3:],
        "empty": "",
        "mark": "vfr_live_",
        "injected": key[:21] + "' or '1'='1",
    }[change]
    with pytest.raises(Unauthenticated, match="is not known"):
        found(sqlite, wrong)


def test_the_table_alone_opens_nothing(sqlite: Database) -> None:
    """With another pepper, as somebody who stole the table would have, the right key does not fit."""
    key = issued(sqlite)
    with pytest.raises(Unauthenticated, match="is not known"):
        found(sqlite, key, pepper=pepper_of(b"guess"))


def test_a_key_ends_when_it_was_said(database: Database) -> None:
    """A moment before it opens, from then on it does not."""
    key = issued(database, expires=NOW + 10)
    assert found(database, key, NOW + 9.9).expires == NOW + 10
    with pytest.raises(Unauthenticated, match="over its time"):
        found(database, key, NOW + 10)


def test_keys_are_rotated_without_a_gap(database: Database) -> None:
    """Two are active while callers move; a third waits until one is revoked; others' keys don't count."""
    old, new = issued(database), issued(database)
    issued(database, "atelier")
    with pytest.raises(Conflict, match="has 2 active keys"):
        issued(database)
    database.run_here(lambda c: keys.revoke(c, old[:21], NOW + 1))
    database.run_here(lambda c: keys.revoke(c, old[:21], NOW + 5))
    with pytest.raises(Unauthenticated, match="is revoked"):
        found(database, old, NOW + 2)
    assert found(database, new, NOW + 2).tenant == "lumen"
    issued(database)
    listed = database.run_here(lambda c: keys.keys_of(c, "lumen"))
    assert sorted(key.revoked or 0 for key in listed) == [0, 0, NOW + 1]
    with pytest.raises(NotFound, match="vfr keys list"):
        database.run_here(lambda c: keys.revoke(c, "000000000000", NOW))


def test_last_use_is_kept_to_the_minute(database: Database) -> None:
    """The first use is written, the next ones only after a minute."""
    key = issued(database)
    seen = []
    for now in (NOW, NOW + 30, NOW + 61):
        found(database, key, now)
        seen.append(database.run_here(lambda c: keys.keys_of(c, "lumen")[0].last_used))
    assert seen == [NOW, NOW, NOW + 61]


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody at a command line, with an own folder of data and an own tenants' file."""
    file = tmp_path / "tenants.yaml"
    file.write_text("plans: {payg: {prices: {basic: 1}}}\ntenants: [{id: lumen, plan: payg}]\n")
    monkeypatch.setenv("VFR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VFR_TENANTS", str(file))
    monkeypatch.setattr(OUT, "width", 200)
    return tmp_path / "data"


def vfr_keys(*words: str) -> Result:
    """Run ``vfr keys …``."""
    return CliRunner().invoke(app, ["keys", *words])


def test_the_command_line_issues_lists_and_revokes(operator: Path) -> None:
    """The key alone goes to standard output, once; the list shows its name and state."""
    key = vfr_keys("issue", "lumen", "--days", "2").stdout.strip()
    database = Database(f"sqlite:///{operator / 'vfr.sqlite'}")
    secret = (operator / "secret").read_bytes()
    known = database.run_here(keys.keys_of)[0]
    assert found(database, key, known.created, pepper_of(secret)).tenant == "lumen"
    assert known.expires == pytest.approx(known.created + 2 * 86400)
    database.close()
    row = [known.prefix, "lumen", "active", "erase", "fit", "read"]
    assert vfr_keys("list").stdout.splitlines()[1].split()[:6] == row
    assert vfr_keys("revoke", known.prefix).exit_code == 0
    listed = vfr_keys("list", "lumen").stdout
    assert "revoked" in listed
    assert key[21:] not in listed


def test_a_relay_is_given_a_secret_of_its_own(operator: Path) -> None:
    """What it signs with is accepted, and is not the service's own."""
    given = vfr_keys("relay").stdout.strip().encode()
    key = (operator / "secret").read_bytes()
    body = b'{"task_id": "7", "task_info": {"external_task_id": "job"}}'
    assert signed_job(key, signature(given, "1800000000", body), "1800000000", body, NOW) == "job"
    assert given != key


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("issue", "nobody"), "has no tenant nobody; it has lumen."),
        (("issue", "lumen", "--scope", "admin"), "lumen is no admin; set admin: true"),
        (("revoke", "000000000000"), "There is no key 000000000000"),
    ],
)
def test_the_command_line_says_what_to_do(operator: Path, words: tuple[str, ...], sentence: str) -> None:
    """A mistake is one sentence and exit status 1."""
    done = vfr_keys(*words)
    assert done.exit_code == 1
    assert sentence in done.stderr
