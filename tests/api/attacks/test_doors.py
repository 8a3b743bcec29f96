"""Who gets in: every route, found by asking the app, so that none can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.settings import Settings
from tests.api.attacks.conftest import House
from tests.api.scripted import photo
from tests.api.security.signing import forged

OPEN = {
    "/": "the page holds no data",
    "/healthz": "a load balancer has no key",
    "/readyz": "a load balancer has no key",
    "/metrics": "Prometheus has no key; the gateway keeps others away",
    "/problems": "words for programmers",
    "/problems/{code}": "words for programmers",
    "/v1/results/{token}": "the link itself is the key",
    "/webhooks/kling": "a signature is the key",
    "/webhooks/kling/{job}/{token}": "the token is the key",
    "/openapi.json": "words for programmers",
    "/docs": "words for programmers",
    "/docs/oauth2-redirect": "words for programmers",
    "/redoc": "words for programmers",
}
"""The only routes that need no key, and why."""
SAFE = {"GET", "HEAD", "OPTIONS"}


def routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of the app, also of those that are not in its description."""
    for route in iter_route_contexts(create_app(Settings()).routes):
        yield from ((method, str(route.path)) for method in route.methods or ())


ALL = sorted(set(routes()))
LOCKED = [(method, path) for method, path in ALL if path not in OPEN]


@pytest.fixture(scope="module")
def mine(house: House) -> dict[str, str]:
    """What acme's user ann has, by the name of the parameter that it fills."""
    job = str(house.finished("ann", house.hand_in("ann")["id"])["id"])
    with house.caller("acme") as acme:
        erasure = acme.delete("/v1/users/somebody-else").json()["id"]
    return {"job": job, "erasure": erasure, "user": "ann"}


def filled(path: str, names: dict[str, str]) -> str:
    """Return a path with its parameters; a new kind of parameter fails here until it is thought about."""
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


def test_the_list_of_open_routes_is_no_longer_than_it_must_be() -> None:
    """Every entry is a route."""
    assert set(OPEN) == {path for _, path in ALL if path in OPEN}
    assert len(LOCKED) >= 10


@pytest.mark.parametrize(("method", "path"), LOCKED)
def test_nobody_gets_in_without_a_key(house: House, mine: dict[str, str], method: str, path: str) -> None:
    """401, and how to do better, by RFC 9110 and 9457."""
    with house.caller(None) as nobody:
        answer = nobody.request(method, filled(path, mine))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(("method", "path"), LOCKED)
def test_a_key_opens_only_what_it_is_for(house: House, mine: dict[str, str], method: str, path: str) -> None:
    """Who may only read changes nothing, who may only hand in reads nothing, and nobody but admins is one."""
    with house.caller("fitter" if method in SAFE else "reader") as caller:
        assert caller.request(method, filled(path, mine)).status_code == 403
    if path.startswith("/v1/artifacts"):
        with house.caller("acme") as caller:
            assert caller.request(method, path).status_code == 403


@pytest.mark.parametrize(("method", "path"), [pair for pair in LOCKED if "{" in pair[1]])
@pytest.mark.parametrize("thief", ["rival", "ben"])
def test_what_is_anothers_is_not_there(
    house: House, mine: dict[str, str], method: str, path: str, thief: str
) -> None:
    """Neither another tenant nor another user of the same one sees, cancels or erases what is ann's."""
    with house.caller(thief) as caller:
        answer = caller.request(method, filled(path, mine))
    if (thief, path) == ("rival", "/v1/users/{user}"):
        assert answer.status_code == 202  # rival may have a customer of that name too
    else:
        assert answer.status_code == (403 if path == "/v1/users/{user}" else 404)
        assert mine["job"] not in answer.json()["detail"]
    with house.caller("ann") as ann:
        assert ann.get(f"/v1/jobs/{mine['job']}").json()["state"] == "done"


def test_an_idempotency_key_of_anothers_finds_nothing(house: House) -> None:
    """The same key from another tenant, or another user, is another request."""
    jobs = set()
    for who in ("ann", "ben", "acme", "rival"):
        with house.caller(who) as caller:
            answer = caller.post("/v1/jobs", files=pictures(), headers={"Idempotency-Key": "same"})
            assert "idempotency-replayed" not in answer.headers
            jobs.add(answer.json()["id"])
    assert len(jobs) == 4


def test_a_user_can_not_speak_for_another(house: House) -> None:
    """Whoever signed in is that user, whatever the form says."""
    job = house.hand_in("ben", user="ann")["id"]
    with house.caller("ann") as ann:
        assert ann.get(f"/v1/jobs/{job}").status_code == 404


WRONG = {
    "empty": "",
    "no scheme": "vfr_live_" + "0" * 64,
    "basic": "Basic YWRtaW46YWRtaW4=",
    "unknown": "Bearer vfr_live_" + "0" * 64,
    "short": "Bearer vfr_live_",
    "injection": "Bearer vfr_live_' OR '1'='1",
    "percent": "Bearer %00%0d%0a",
    "long": "Bearer " + "a" * 8000,
    "no algorithm": "Bearer " + forged({"alg": "none", "kid": "k1"}, {"sub": "ann"}),
    "symmetric": "Bearer " + forged({"alg": "HS256", "kid": "k1"}, {"sub": "ann"}, b"x" * 32),
    "latin": "Bearer \xe9\xff",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_wrong_keys(house: House, name: str, header: str) -> None:
    """Whatever stands in for a key is answered 401 and never taken for nobody in particular."""
    with house.caller(None) as nobody:
        answer = nobody.get("/v1/usage", headers=[(header, WRONG[name].encode("latin-1"))])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("token", ["expired", "foreign", "other project"])
def test_tokens_that_are_not_googles_or_not_for_us(house: House, token: str) -> None:
    """Over its time, signed by somebody else, or for another project."""
    with house.caller(token) as caller:
        assert caller.get("/v1/usage").status_code == 401


def test_two_keys_at_once_are_none(house: House) -> None:
    """Nobody guesses which one counts."""
    with house.caller("acme") as caller:
        assert caller.get("/v1/usage", headers={"X-API-Key": house.keys["rival"]}).status_code == 401


@pytest.mark.parametrize("path", sorted({path for _, path in ALL}))
def test_methods_that_a_path_does_not_have(house: House, mine: dict[str, str], path: str) -> None:
    """405 with the methods that it has; never a fault, never an answer."""
    names = mine | {"token": "a" * 64, "code": "no_person"}
    allowed = {method for method, known in ALL if known == path}
    with house.caller("acme") as caller:
        for method in {"GET", "POST", "PUT", "DELETE", "TRACE", "BREW"} - allowed:
            answer = caller.request(method, filled(path, names))
            assert answer.status_code == 405, method
            assert set(answer.headers["allow"].split(", ")) <= allowed | {"HEAD"}


def pictures() -> dict[str, bytes]:
    """Return the files of a request that is fine."""
    return {"person": photo(), "garment": photo()}
