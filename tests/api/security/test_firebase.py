"""Firebase ID tokens: what Google signed for our projects and now, and nothing else."""

import asyncio
import hmac
from collections.abc import Callable

import pytest

from api.security.firebase import PAUSE_SECONDS, STALE_SECONDS, KeyRing, SignedIn, fetch_from, verify
from bridge.errors import ServerUnavailable, Unauthenticated
from tests.api.security.signing import NOW, PROJECT, Google, claims, forged

PROJECTS = {PROJECT, "atelier-app"}


@pytest.fixture(scope="module")
def google() -> Google:
    """One key for all tests that do not rotate it."""
    return Google()


def ring_of(google: Google) -> KeyRing:
    """Return a ring that asks without a network."""

    async def fetch() -> tuple[dict[str, str], float]:
        google.asked += 1
        if google.broken:
            raise OSError("no route to Google")
        await asyncio.sleep(0)
        return {name: google.certificate(name) for name in google.keys}, google.max_age

    return KeyRing(fetch)


def told(google: Google, token: str, now: float = NOW) -> SignedIn:
    """Verify a token with a new ring."""
    return asyncio.run(verify(token, PROJECTS, ring_of(google), now))


def test_a_good_token_says_who_has_signed_in(google: Google) -> None:
    """The tenant's project, and the user."""
    assert told(google, google.token()) == SignedIn(PROJECT, "Ann_1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aud": "another-project"}, "another project"),
        ({"aud": "atelier-app"}, "another project"),  # the issuer still says the first one
        ({"aud": [PROJECT, "evil"]}, "no ID token"),
        ({"iss": "https://securetoken.google.com/"}, "another project"),
        ({"iss": f"https://evil.example/{PROJECT}"}, "another project"),
        ({"iss": None}, "no ID token"),
        ({"sub": ""}, "no ID token"),
        ({"sub": None}, "no ID token"),
        ({"sub": "../../other"}, "no ID token"),
        ({"sub": "a" * 129}, "no ID token"),
        ({"exp": NOW - 60}, "over its time"),
        ({"exp": None}, "no ID token"),
        ({"exp": "9999999999"}, "no ID token"),
        ({"exp": float("inf")}, "no ID token"),
        ({"iat": NOW + 61}, "from the future"),
        ({"auth_time": NOW + 61}, "from the future"),
        ({"auth_time": None}, "no ID token"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    google: Google, changes: dict[str, object], words: str
) -> None:
    """Although Google signed it."""
    with pytest.raises(Unauthenticated, match=words):
        told(google, google.token(**changes))


def test_clocks_may_differ_by_a_minute(google: Google) -> None:
    """A token that is over for less, or begins within it, is taken."""
    token = google.token(exp=NOW - 59, iat=NOW + 60, auth_time=NOW + 60)
    assert told(google, token).user == "Ann_1"


def confused(google: Google) -> str:
    """Sign with HS256 and the public certificate, which everybody has, as the password."""
    body = forged({"alg": "HS256", "kid": "k1", "typ": "JWT"}, claims()).rpartition(".")[0]
    password = google.certificate("k1").encode()
    return body + "." + forged({}, {}, hmac.digest(password, body.encode(), "sha256")).rpartition(".")[2]


def swapped(google: Google) -> str:
    """Put another user's claims under a good signature."""
    header, _, signature = google.token().split(".")
    return f"{header}.{forged({}, claims(sub='Eve')).split('.')[1]}.{signature}"


FORGERIES: dict[str, Callable[[Google], str]] = {
    "no algorithm": lambda _: forged({"alg": "none", "kid": "k1"}, claims()),
    "no algorithm, other letters": lambda _: forged({"alg": "nOnE", "kid": "k1"}, claims()),
    "the public key as a password": confused,
    "another's key": lambda _: Google().token(),
    "a key without a name": lambda _: forged({"alg": "RS256"}, claims(), b"x"),
    "a key named by a number": lambda _: forged({"alg": "RS256", "kid": 1}, claims(), b"x"),
    "a key that Google does not have": lambda _: forged({"alg": "RS256", "kid": "k9"}, claims(), b"x"),
    "a changed claim": swapped,
    "no signature": lambda google: google.token().rpartition(".")[0] + ".",
    "no token": lambda _: "hello",
    "nothing": lambda _: "",
    "a list": lambda _: forged({"alg": "RS256", "kid": "k1"}, [1], b"x"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_google_did_not_sign_is_refused(google: Google, forgery: str) -> None:
    """Whatever algorithm, key or claims it names."""
    with pytest.raises(Unauthenticated, match="Please sign in again"):
        told(google, FORGERIES[forgery](google))


def test_certificates_come_over_http_and_are_kept_as_long_as_google_says() -> None:
    """Fifty users at once make one request; the next one comes when the first answer's ``max-age`` is over."""
    google = Google(max_age=100)

    async def scene() -> list[int]:
        async with google.serving() as address:
            ring, token, seen = KeyRing(fetch_from(address)), google.token(), []
            for now in (NOW, NOW + 99, NOW + 100):
                users = [verify(token, PROJECTS, ring, now) for _ in range(50)]
                assert {user.user for user in await asyncio.gather(*users)} == {"Ann_1"}
                seen.append(google.asked)
            return seen

    assert asyncio.run(scene()) == [1, 1, 2]


def test_a_new_key_is_fetched_when_it_is_first_seen() -> None:
    """Google rotates early; but tokens with invented key ids can't make us ask again and again."""
    google = Google()

    async def scene() -> None:
        ring = ring_of(google)
        await verify(google.token(), PROJECTS, ring, NOW)
        google.rotate("k2")
        await verify(google.token("k2"), PROJECTS, ring, NOW + PAUSE_SECONDS)
        for _ in range(20):
            with pytest.raises(Unauthenticated, match="does not have"):
                await verify(
                    forged({"alg": "RS256", "kid": "k3"}, claims()), PROJECTS, ring, NOW + PAUSE_SECONDS + 1
                )

    asyncio.run(scene())
    assert google.asked == 2


def test_an_outage_of_google_is_lived_through() -> None:
    """What was fetched serves on for a day; without it nobody can be told; afterwards all is well again."""
    google = Google(max_age=100)

    async def scene() -> None:
        ring = ring_of(google)
        google.broken = True
        with pytest.raises(ServerUnavailable, match="sign in again later"):
            await verify(google.token(), PROJECTS, ring, NOW)
        google.broken = False
        await verify(google.token(), PROJECTS, ring, NOW + PAUSE_SECONDS)
        google.broken = True
        late = NOW + PAUSE_SECONDS + 100 + STALE_SECONDS
        await verify(google.token(exp=NOW + 90000), PROJECTS, ring, late - 1)
        with pytest.raises(ServerUnavailable):
            await verify(google.token(exp=NOW + 900000), PROJECTS, ring, late + PAUSE_SECONDS)
        google.broken = False
        await verify(google.token(exp=NOW + 900000), PROJECTS, ring, late + 2 * PAUSE_SECONDS)

    asyncio.run(scene())


@pytest.mark.parametrize("behaviour", ["broken", "nonsense"])
def test_a_server_that_answers_nonsense_is_an_outage(behaviour: str) -> None:
    """A status that is not 200, or no certificates: nobody is let in, and nobody is called a liar."""
    google = Google(broken=behaviour == "broken")
    if behaviour == "nonsense":
        google.certificate = lambda name: "no PEM"  # type: ignore[method-assign]

    async def scene() -> None:
        async with google.serving() as address:
            await verify(google_token, PROJECTS, KeyRing(fetch_from(address)), NOW)

    google_token = google.token()
    with pytest.raises(ServerUnavailable):
        asyncio.run(scene())
