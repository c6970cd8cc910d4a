"""Tokens: fetched once, renewed early by one thread, renewed once after a 401, never shown."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs

import pytest

from tests.worker.clients.erp import Said
from worker.clients.auth import Credentials, Token, Tokens, TokenSource
from worker.clients.base import Caller, ClientPool
from worker.clients.exchanges import recorded
from worker.errors import AuthRefused, CallError, NotSent, RateLimited, Unclear
from worker.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.clients.erp import Erp
    from worker.clients.answers import Answer

T = TypeVar("T")
SECRET = "s3cr3t/&="


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Now, in epoch seconds."""
        return self.now


class Mint:
    """Gives numbered tokens, or raises what it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.lasts = 3600.0
        self.slow = 0.0
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.fault: CallError | None = None

    def __call__(self) -> tuple[str, float]:
        """A new token and how long it lasts."""
        self.count += 1
        self.asked.set()
        time.sleep(self.slow)
        assert self.may_answer.wait(60.0)
        if self.fault is not None:
            raise self.fault
        return f"token-{self.count}", self.lasts


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def mint() -> Mint:
    """A token endpoint without a network."""
    return Mint()


@pytest.fixture
def source(mint: Mint, clock: Clock) -> TokenSource:
    """A source that renews 300 s before the end."""
    return TokenSource(mint, clock=clock, spread=lambda: 1.0)


def credentials(erp: Erp) -> Credentials:
    """The credentials that the tests use."""
    return Credentials(f"{erp.url}/connect/token", "us", Secret(SECRET), "company", "read update")


def test_token_is_cached(source: TokenSource, mint: Mint, clock: Clock) -> None:
    """A token serves until it is to be renewed."""
    first = source.current()
    clock.now += 3299

    assert source.current() == first
    assert mint.count == 1


def test_token_is_renewed_early(source: TokenSource, clock: Clock) -> None:
    """Five minutes before its end (at most; one at least) it is renewed."""
    source.current()
    clock.now += 3301

    assert source.current() == "token-2"


def test_short_token_lives_half(source: TokenSource, mint: Mint, clock: Clock) -> None:
    """A token shorter than the early time serves half of its life, rather than none."""
    mint.lasts = 60.0
    source.current()
    clock.now += 29

    assert source.current() == "token-1"


def test_old_token_serves_while_renewal_fails(source: TokenSource, mint: Mint, clock: Clock) -> None:
    """A token endpoint that is down in the early time harms no one, and is not asked by every call."""
    source.current()
    clock.now += 3301
    mint.fault = NotSent("down")

    assert [source.current() for _ in range(3)] == ["token-1"] * 3
    assert mint.count == 2


def test_dead_token_is_not_used(source: TokenSource, mint: Mint, clock: Clock) -> None:
    """After its end an old token is none: the failure is told."""
    source.current()
    clock.now += 3601
    mint.fault = NotSent("down")

    with pytest.raises(NotSent):
        source.current()


def test_one_thread_fetches(source: TokenSource, mint: Mint) -> None:
    """Twenty threads without a token make one call for it."""
    mint.slow = 0.1
    tokens = run_at_once(source.current)

    assert set(tokens) == {"token-1"}
    assert mint.count == 1


def test_one_failure_is_shared(source: TokenSource, mint: Mint) -> None:
    """Twenty threads that wait for one failing call fail with it, instead of trying one after another."""
    mint.slow, mint.fault = 0.2, AuthRefused("no such client", status=400)
    errors = run_at_once(lambda: failure(source))

    assert {type(error) for error in errors} == {AuthRefused}
    assert mint.count == 1


def test_others_go_on_during_renewal(source: TokenSource, mint: Mint, clock: Clock) -> None:
    """While one thread renews early, the others use the old token at once."""
    source.current()
    clock.now += 3301
    mint.asked.clear()
    mint.may_answer.clear()
    renewing = threading.Thread(target=source.current)
    renewing.start()
    assert mint.asked.wait(60.0)

    token = source.current()
    mint.may_answer.set()
    renewing.join()

    assert token == "token-1"


def test_refused_token_is_renewed_once(source: TokenSource, mint: Mint) -> None:
    """Many threads whose one token was refused get one new one."""
    source.current()
    mint.slow = 0.05

    assert set(run_at_once(lambda: source.after("token-1"))) == {"token-2"}
    assert mint.count == 2


def test_token_is_never_shown() -> None:
    """A token's repr holds no token."""
    assert "abc" not in repr(Token("abc", 0.0, 0.0))


def test_form_is_visma_connects(erp: Erp, pool: ClientPool) -> None:
    """The five form fields that Visma Connect documents; the token goes out as a bearer."""
    erp.says(token("t1"), Said(200, {}))

    Caller(erp.url, pool, Tokens(pool).auth(credentials(erp))).call("GET", "/v1/x")

    assert {name: values[0] for name, values in parse_qs(erp.asked[0].body.decode()).items()} == {
        "grant_type": "client_credentials",
        "client_id": "us",
        "client_secret": SECRET,
        "scope": "read update",
        "tenant_id": "company",
    }
    assert erp.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert erp.asked[1].headers["authorization"] == "Bearer t1"


def test_same_credentials_share_a_token(erp: Erp, pool: ClientPool) -> None:
    """Two connections with equal credentials make one token call."""
    erp.says(token("t1"), Said(200, {}), Said(200, {}))
    tokens = Tokens(pool)

    for _ in range(2):
        Caller(erp.url, pool, tokens.auth(credentials(erp))).call("GET", "/v1/x")

    assert [asked.path for asked in erp.asked] == ["/connect/token", "/v1/x", "/v1/x"]


def test_401_is_sent_again_once(erp: Erp, pool: ClientPool) -> None:
    """A revoked token: the call was not done, so it goes out again with a new one; each send is observed and recorded."""
    told: list[Answer] = []
    erp.says(token("t1"), Said(401), token("t2"), Said(200, {"a": 1}))
    caller = Caller(erp.url, pool, Tokens(pool).auth(credentials(erp), told.append), told.append)

    with recorded() as exchanges:
        reply = caller.call("POST", "/v1/x", body=b"{}")

    assert reply.json() == {"a": 1}
    assert [asked.headers.get("authorization") for asked in erp.asked] == [None, "Bearer t1", None, "Bearer t2"]
    assert [(answer.status, answer.token) for answer in told] == [(200, True), (401, False), (200, True), (200, False)]
    assert [exchange.status for exchange in exchanges] == [200, 401, 200, 200]
    assert erp.asked[3].body == b"{}"


def test_second_401_is_refused(erp: Erp, pool: ClientPool) -> None:
    """A 401 that a fresh token does not cure ends there."""
    erp.says(token("t1"), Said(401), token("t2"), Said(401, {"message": "Nope"}))

    with pytest.raises(AuthRefused, match="Nope"):
        Caller(erp.url, pool, Tokens(pool).auth(credentials(erp))).call("POST", "/v1/x")

    assert len(erp.asked) == 4


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(400, {"error": "invalid_client"}), AuthRefused),
        (Said(400, {"error": "invalid_tenant", "error_description": "no rights"}), AuthRefused),
        (Said(401, {"error": "invalid_client"}), AuthRefused),
        (Said(404), AuthRefused),
        (Said(429, {}, {"Retry-After": "7"}), RateLimited),
        (Said(503, b"down"), NotSent),
        (Said(200, b"<html>"), NotSent),
        (Said(200, {"token": "elsewhere"}), NotSent),
        (Said(drop=True), NotSent),
        (Said(200, {}, wait=2.0), NotSent),
    ],
)
def test_token_trouble_means_not_sent(erp: Erp, pool: ClientPool, said: Said, expected: type[CallError]) -> None:
    """Whatever happens to the token call, the write that needed it was not made: it is never unclear."""
    erp.says(said)

    with pytest.raises(CallError) as caught:
        Caller(erp.url, pool, Tokens(pool).auth(credentials(erp))).call("POST", "/v1/x")

    assert type(caught.value) is expected
    assert not isinstance(caught.value, Unclear)
    assert [asked.path for asked in erp.asked] == ["/connect/token"]


def test_secrets_stay_out(erp: Erp, pool: ClientPool) -> None:
    """Neither the client secret nor a token is in an exchange or an error, even when the endpoint repeats it."""
    erp.says(token("t0ken"), Said(200, {}), Said(400, {"error": "invalid_client", "error_description": f"bad secret {SECRET}"}))
    auth = Tokens(pool).auth(credentials(erp))
    with recorded() as exchanges:
        Caller(erp.url, pool, auth).call("GET", "/v1/x")

    with pytest.raises(AuthRefused) as caught:
        Caller(erp.url, pool, Tokens(pool).auth(credentials(erp))).call("GET", "/v1/x")

    assert "t0ken" not in repr(exchanges)
    assert "s3cr3t" not in repr(exchanges)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__suppress_context__


def token(value: str) -> Said:
    """A token answer as Visma Connect documents it."""
    return Said(200, {"access_token": value, "expires_in": 3600, "token_type": "Bearer", "scope": "read update"})


def failure(source: TokenSource) -> CallError:
    """The error that asking ends in."""
    try:
        source.current()
    except CallError as error:
        return error
    raise AssertionError("no error")


def run_at_once(job: Callable[[], T]) -> list[T]:
    """The results of twenty threads that start together."""
    gate = threading.Barrier(20)
    results: list[T] = []

    def run() -> None:
        gate.wait()
        results.append(job())

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
