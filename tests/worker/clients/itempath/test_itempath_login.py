"""Getting in: login, refresh, application tokens; once for all threads, and without a secret anywhere."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.clients.erp import Said
from worker.clients.exchanges import recorded
from worker.clients.itempath.client import ItemPathClient
from worker.clients.itempath.login import Login, Sessions, lasting, refuses_token
from worker.errors import AuthRefused, CallError, NotSent, RateLimited, Rejected
from worker.settings import ItemPath, Secret

if TYPE_CHECKING:
    from tests.worker.clients.erp import Asked, Erp
    from worker.clients.answers import Answer
    from worker.clients.base import ClientPool

SAMPLES = Path(__file__).parents[3] / "samples" / "itempath"
PASSWORD = "pa55-w0rd/&="
EMPTY = Said(200, {"kits": []})


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Now, in epoch seconds."""
        return self.now


def sample(name: str) -> Said:
    """A recorded answer."""
    return Said(int(name.split(".")[-2]), (SAMPLES / name).read_bytes())


LOGIN, REFRESH = sample("login.200.json"), sample("refresh.200.json")
ACCESS, REFRESH_TOKEN = (json.loads(LOGIN.raw())[name] for name in ("accessToken", "refreshToken"))
RENEWED = json.loads(REFRESH.raw())["accessToken"]


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def client(erp: Erp, pool: ClientPool, clock: Clock) -> ItemPathClient:
    """A client that logs in."""
    settings = ItemPath(erp.url, username="relay", password=Secret(PASSWORD))
    return ItemPathClient(settings, pool, Sessions(pool, clock=clock).auth(settings))


def asked(erp: Erp) -> list[tuple[str, str]]:
    """The path and the bearer of each call."""
    return [(one.path.partition("?")[0], one.headers.get("authorization", "").removeprefix("Bearer ")) for one in erp.asked]


def test_login_once(erp: Erp, client: ItemPathClient) -> None:
    """User name and password as JSON, once; the access token is the bearer."""
    erp.says(LOGIN, EMPTY, EMPTY)

    client.list_kits()
    client.list_kits()

    assert asked(erp) == [("/api/users/login", ""), ("/api/kits", ACCESS), ("/api/kits", ACCESS)]
    assert json.loads(erp.asked[0].body) == {"username": "relay", "password": PASSWORD}
    assert erp.asked[0].headers["content-type"] == "application/json"


def test_refresh_before_the_end(erp: Erp, client: ItemPathClient, clock: Clock) -> None:
    """A minute before the access token's end at the latest, the refresh token brings another."""
    erp.says(LOGIN, EMPTY, REFRESH, EMPTY)
    client.list_kits()
    clock.now += 841

    client.list_kits()

    assert asked(erp)[2:] == [("/api/users/refresh", REFRESH_TOKEN), ("/api/kits", RENEWED)]
    assert (erp.asked[2].method, erp.asked[2].body) == ("POST", b"")


def test_refresh_by_the_other_verb(erp: Erp, client: ItemPathClient, clock: Clock) -> None:
    """The verb of a refresh is not stated: where POST is not allowed GET is asked, and from then on."""
    erp.says(LOGIN, EMPTY, Said(405), REFRESH, EMPTY, REFRESH, EMPTY)
    for _ in range(3):
        client.list_kits()
        clock.now += 901

    refreshes = [one.method for one in erp.asked if one.path == "/api/users/refresh"]
    assert refreshes == ["POST", "GET", "GET"]


@pytest.mark.parametrize("said", [Said(401, {"msg": "Token has been revoked"}), Said(422), Said(400), Said(403)])
def test_login_after_refused_refresh(erp: Erp, client: ItemPathClient, clock: Clock, said: Said) -> None:
    """A refresh token that is refused is followed by a login."""
    erp.says(LOGIN, EMPTY, said, LOGIN, EMPTY)
    client.list_kits()
    clock.now += 901

    client.list_kits()

    assert [path for path, _ in asked(erp)][2:] == ["/api/users/refresh", "/api/users/login", "/api/kits"]


def test_login_after_thirty_days(erp: Erp, client: ItemPathClient, clock: Clock) -> None:
    """A refresh token past its end is not tried."""
    erp.says(LOGIN, EMPTY, LOGIN, EMPTY)
    client.list_kits()
    clock.now += 2_592_000

    client.list_kits()

    assert [path for path, _ in asked(erp)][2:] == ["/api/users/login", "/api/kits"]


def test_refresh_is_kept_while_away(erp: Erp, client: ItemPathClient, clock: Clock) -> None:
    """A server that is down does not cost the refresh token."""
    erp.says(LOGIN, EMPTY, Said(503), REFRESH, EMPTY)
    client.list_kits()
    clock.now += 901
    with pytest.raises(NotSent):
        client.list_kits()

    client.list_kits()

    assert [path for path, _ in asked(erp)][2:] == ["/api/users/refresh", "/api/users/refresh", "/api/kits"]


@pytest.mark.parametrize("name", ["token_expired.401.json", "token_of_the_wrong_kind.422.json"])
def test_refused_token_is_renewed(erp: Erp, client: ItemPathClient, name: str) -> None:
    """401, or 422 about the token, means that nothing was done: once more with a new token."""
    erp.says(LOGIN, sample(name), REFRESH, EMPTY)

    client.list_kits()

    assert [path for path, _ in asked(erp)] == ["/api/users/login", "/api/kits", "/api/users/refresh", "/api/kits"]
    assert asked(erp)[3][1] == RENEWED


def test_second_refusal_ends_it(erp: Erp, client: ItemPathClient) -> None:
    """A 401 that a fresh token does not cure ends there."""
    erp.says(LOGIN, Said(401), REFRESH, Said(401, {"msg": "Nope"}))

    with pytest.raises(AuthRefused, match="Nope"):
        client.list_kits()

    assert len(erp.asked) == 4


def test_other_422_is_a_refusal(erp: Erp, client: ItemPathClient) -> None:
    """A 422 about the values is no reason to renew a token."""
    erp.says(LOGIN, Said(422, {"message": "quantity must be a number"}))

    with pytest.raises(Rejected):
        client.list_kits()

    assert len(erp.asked) == 2


def test_one_renewal_for_all_threads(erp: Erp, client: ItemPathClient) -> None:
    """Twelve threads whose one token is refused make one refresh."""
    gate = threading.Barrier(12)

    def answer(one: Asked) -> Said:
        if one.path.startswith("/api/users"):
            return LOGIN if one.path.endswith("login") else REFRESH
        return EMPTY if one.headers["authorization"].endswith(RENEWED) else sample("token_expired.401.json")

    erp.else_ = answer

    def run() -> None:
        gate.wait()
        client.list_kits()

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    paths = [path for path, _ in asked(erp)]
    assert (paths.count("/api/users/login"), paths.count("/api/users/refresh")) == (1, 1)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (sample("login_wrong.404.json"), AuthRefused),
        (Said(400), AuthRefused),
        (Said(401), AuthRefused),
        (Said(429, {}, {"Retry-After": "7"}), RateLimited),
        (Said(503), NotSent),
        (Said(200, {"token": "elsewhere"}), NotSent),
        (Said(200, b"<html>"), NotSent),
        (Said(drop=True), NotSent),
    ],
)
def test_trouble_with_the_login(erp: Erp, client: ItemPathClient, said: Said, expected: type[CallError]) -> None:
    """Wrong credentials are answered 404; whatever happens, the write that needed the token was not made."""
    erp.says(said)

    with pytest.raises(CallError) as caught:
        client.create_kit("K")

    assert type(caught.value) is expected
    assert len(erp.asked) == 1


def test_equal_logins_share_a_session(erp: Erp, pool: ClientPool) -> None:
    """Two connections with one login ask for one token; token calls are marked as such."""
    told: list[Answer] = []
    sessions, settings = Sessions(pool), ItemPath(erp.url, username="relay", password=Secret(PASSWORD))
    erp.says(LOGIN, EMPTY, EMPTY)

    for _ in range(2):
        ItemPathClient(settings, pool, sessions.auth(settings, told.append), told.append).list_kits()

    assert [(answer.status, answer.token) for answer in told] == [(200, True), (200, False), (200, False)]


def test_application_token_is_sent_as_it_is(erp: Erp, pool: ClientPool) -> None:
    """An application token is never renewed: a 401 ends it."""
    settings = ItemPath(erp.url, token=Secret("app"))
    erp.says(Said(401, {"msg": "revoked"}))

    with pytest.raises(AuthRefused, match="revoked"):
        ItemPathClient(settings, pool, Sessions(pool).auth(settings)).list_kits()

    assert asked(erp) == [("/api/kits", "app")]


def test_secrets_stay_out(erp: Erp, client: ItemPathClient, clock: Clock) -> None:
    """No password and no token is in an exchange, an error or a repr, even when the server repeats them."""
    erp.says(LOGIN, EMPTY, REFRESH, EMPTY, Said(401), Said(401), Said(404, {"message": f"no such user with {PASSWORD}"}))
    with recorded() as exchanges:
        client.list_kits()
        clock.now += 901
        client.list_kits()
        with pytest.raises(AuthRefused) as caught:
            client.list_kits()

    said = repr(exchanges[:6]) + str(caught.value) + repr(Login("http://x", "relay", Secret(PASSWORD)))
    assert len(exchanges) == 7
    assert not [secret for secret in (PASSWORD, ACCESS, REFRESH_TOKEN, RENEWED) if secret in said]
    assert caught.value.__suppress_context__


@given(token=st.text(max_size=40) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_token_can_be_asked(token: str) -> None:
    """A token whose claims can't be read lasts as long as is documented."""
    assert lasting(token) is None or (lasting(token) or 0) > 0


def test_claims_tell_how_long() -> None:
    """The samples' claims: 900 seconds, and thirty days."""
    assert (lasting(ACCESS), lasting(REFRESH_TOKEN)) == (900.0, 2_592_000.0)


@given(status=st.integers(200, 599), body=st.binary(max_size=60))
def test_only_token_faults_renew(status: int, body: bytes) -> None:
    """Nothing but 401 and a 422 that speaks of the token is taken for a refused token."""
    assert not refuses_token(status, body) or status in (401, 422)
