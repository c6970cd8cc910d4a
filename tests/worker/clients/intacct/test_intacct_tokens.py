"""Tokens: kept once for all processes, renewed by one, never shown."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import redis

from tests.worker.clients.erp import Said
from worker.clients.auth import Token
from worker.clients.exchanges import recorded
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.jwt import expiry_of
from worker.clients.intacct.stores import PREFIX, MemoryTokenStore, RedisTokenStore
from worker.clients.intacct.tokens import UNSAID, IntacctTokens, SharedFetch
from worker.errors import AuthRefused, CallError, NotSent, RateLimited
from worker.settings import Intacct, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.clients.erp import Asked, Erp
    from worker.clients.answers import Answer
    from worker.clients.base import ClientPool
    from worker.clients.intacct.stores import TokenStore

SECRET = "s3cr3t/&="
LASTS = 21_600


class Company:
    """A company that keeps one grant: a new token kills the one before."""

    def __init__(self) -> None:
        self.count = 0
        self.refusals = 0
        self.slow = 0.0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        """Gives a token, or answers a query made with the newest."""
        with self._lock:
            if asked.path.endswith("/oauth2/token"):
                time.sleep(self.slow)
                self.count += 1
                return Said(200, {"access_token": f"t0ken-{self.count}", "expires_in": LASTS})
            if asked.headers.get("authorization") != f"Bearer t0ken-{self.count}":
                self.refusals += 1
                return Said(401, {"error": {"code": "tokenInvalid", "message": "no", "errorId": "REST-2102"}})
            return Said(200, {"ia::result": [], "ia::meta": {"totalCount": 0, "next": None}})


@pytest.fixture
def company(erp: Erp) -> Company:
    """The company behind the scripted ERP."""
    erp.else_ = made = Company()
    return made


@pytest.fixture
def shared(clean_redis_url: str) -> Iterator[redis.Redis]:
    """An empty Redis."""
    with closing(redis.Redis.from_url(clean_redis_url)) as client:
        yield client


def process(erp: Erp, pool: ClientPool, store: TokenStore | None = None, clock: Any = time.time, **changes: Any) -> IntacctClient:
    """A client of a process of its own."""
    settings = Intacct(
        **{"base_url": f"{erp.url}/ia/api/v1", "client_id": "us", "client_secret": Secret(SECRET), "username": "k@acme", **changes}
    )
    return IntacctClient(settings, pool, IntacctTokens(pool, store, clock=clock).auth(settings))


def jwt(claims: object) -> str:
    """A token that says this of itself."""
    return f"head.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sign"


def test_token_is_asked_for(erp: Erp, pool: ClientPool) -> None:
    """Client credentials in a form, with the user at the company; once for many calls, and for every entity."""
    erp.says(Said(200, {"access_token": "t0ken", "expires_in": LASTS}))
    erp.else_ = Said(200, {"ia::result": [], "ia::meta": {}})
    tokens = IntacctTokens(pool)
    plain = Intacct(f"{erp.url}/ia/api/v1", "us", Secret(SECRET), "k@acme")
    entity = Intacct(f"{erp.url}/ia/api/v1", "us", Secret(SECRET), "k@acme", entity="E1")

    for settings in (plain, entity, plain):
        IntacctClient(settings, pool, tokens.auth(settings)).probe()

    assert [one.path.removeprefix("/ia/api/v1") for one in erp.asked] == ["/oauth2/token", *["/services/core/query"] * 3]
    assert parse_qs(erp.asked[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["us"],
        "client_secret": [SECRET],
        "username": ["k@acme"],
    }
    assert erp.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_processes_share_a_token(erp: Erp, pool: ClientPool, company: Company, shared: redis.Redis) -> None:
    """Two processes at once: one authorisation, and nobody is refused."""
    company.slow = 0.2
    clients = [process(erp, pool, RedisTokenStore(shared)) for _ in range(4)]
    threads = [threading.Thread(target=client.probe) for client in clients for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (company.count, company.refusals) == (1, 0)


def test_refused_token_is_found_renewed(erp: Erp, pool: ClientPool, company: Company, shared: redis.Redis) -> None:
    """Where another process has renewed the token, a refused one is replaced by that: no third authorisation kills the second."""
    one, other = (process(erp, pool, RedisTokenStore(shared)) for _ in range(2))
    one.probe()
    other.probe()
    company.count += 1  # somebody authorised elsewhere

    one.probe()
    other.probe()
    one.probe()

    assert (company.count, company.refusals) == (3, 2)


def test_token_lies_in_redis(erp: Erp, pool: ClientPool, company: Company, shared: redis.Redis) -> None:
    """Under a hash of who asks, for as long as it lives; neither name nor secret can be read from the key, and no lock is left."""
    process(erp, pool, RedisTokenStore(shared)).probe()

    (name,) = [key.decode() for key in shared.scan_iter()]
    kept = json.loads(shared.get(name) or b"")
    life = shared.ttl(name)

    assert name.startswith(PREFIX)
    assert "us" not in name.removeprefix(PREFIX).split(":")
    assert kept["value"] == f"t0ken-{company.count}"
    assert LASTS - 60 < life <= LASTS


def test_two_users_two_tokens(erp: Erp, pool: ClientPool, company: Company, shared: redis.Redis) -> None:
    """Another user's token is never used."""
    process(erp, pool, RedisTokenStore(shared)).probe()
    process(erp, pool, RedisTokenStore(shared), username="k@other").probe()

    assert company.count == 2
    assert len(list(shared.scan_iter(f"{PREFIX}*"))) == 2


def test_redis_is_away(erp: Erp, pool: ClientPool, company: Company) -> None:
    """Without Redis each process keeps its own token, and no call fails."""
    client = process(erp, pool, RedisTokenStore.from_url("redis://127.0.0.1:1/0"))

    client.probe()
    client.probe()
    company.count += 1
    client.probe()

    assert (company.count, company.refusals) == (3, 1)


def test_garbage_in_redis(shared: redis.Redis) -> None:
    """What lies there and is no token is none."""
    store = RedisTokenStore(shared)
    for garbage in (b"{", b"[]", b'{"value": 1}', b"null"):
        shared.set(f"{PREFIX}x", garbage)
        assert store.get("x") is None


def test_dead_renewer_is_outlived(shared: redis.Redis) -> None:
    """The right to renew of a process that died ends by itself; meanwhile others wait."""
    shared.set(f"{PREFIX}x:lock", b"someone", px=300)
    started = time.monotonic()

    with RedisTokenStore(shared, pause=0.02).renewing("x") as renewal:
        waited = time.monotonic() - started
        held = shared.get(f"{PREFIX}x:lock")

    assert renewal.token is None
    assert waited >= 0.2
    assert held not in (None, b"someone")
    assert shared.get(f"{PREFIX}x:lock") is None


def test_lost_right_is_not_taken_back(shared: redis.Redis) -> None:
    """Whoever outlived its right leaves the next one's alone."""
    with RedisTokenStore(shared).renewing("x"):
        shared.set(f"{PREFIX}x:lock", b"the next")

    assert shared.get(f"{PREFIX}x:lock") == b"the next"


def test_renewed_early(erp: Erp, pool: ClientPool, company: Company) -> None:
    """Five minutes before its end a token is replaced; a store forgets it at its end."""
    now = [1_000_000.0]
    store = MemoryTokenStore(lambda: now[0])
    client = process(erp, pool, store, lambda: now[0])
    client.probe()
    now[0] += LASTS - 301
    client.probe()
    before = company.count
    now[0] += 2

    client.probe()

    assert (before, company.count, company.refusals) == (1, 2, 0)
    store.put("x", Token("t", now[0], now[0] + 1))
    now[0] += 2
    assert store.get("x") is None


def test_old_stored_token_is_renewed() -> None:
    """A process that starts beside a token about to end makes a new one."""
    store = MemoryTokenStore(lambda: 100.0)
    store.put("x", Token("old", renew_at=90.0, expires_at=110.0))
    fetch = SharedFetch(store, "x", lambda: ("new", 3600.0), lambda: 100.0)

    assert fetch() == ("new", 3600.0)
    assert (store.get("x") or Token("", 0, 0)).renew_at == 100.0 + 3600 - 300


@pytest.mark.parametrize(
    ("answer", "lasts"),
    [
        ({"access_token": "t", "expires_in": 3600}, 3600.0),
        ({"access_token": "t", "expires_in": "86400"}, 86400.0),
        ({"access_token": jwt({"exp": 1_007_200})}, 7200.0),
        ({"access_token": jwt({"exp": 1_007_200}), "expires_in": None}, 7200.0),
        ({"access_token": "t"}, UNSAID),
        ({"access_token": jwt([])}, UNSAID),
    ],
)
def test_life_of_a_token(erp: Erp, pool: ClientPool, answer: dict[str, Any], lasts: float) -> None:
    """By `expires_in`, else by the token's own `exp`, else a guess that a refusal corrects."""
    erp.says(Said(200, answer), Said(200, {"ia::result": [], "ia::meta": {}}))
    store = MemoryTokenStore(lambda: 1_000_000.0)

    process(erp, pool, store, lambda: 1_000_000.0).probe()

    (kept,) = store._tokens.values()
    assert kept.expires_at == 1_000_000.0 + lasts


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.!!.c", jwt({"exp": "soon"}), jwt({}), jwt(None)])
def test_no_expiry(text: str) -> None:
    """What is no JWT, or says nothing, has no end of its own."""
    assert expiry_of(text) is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(401, {"error": {"code": "GW-0012", "message": f"no tenant in {SECRET}"}}), AuthRefused),
        (Said(400, {"error": "invalid_client", "error_description": f"not {SECRET}"}), AuthRefused),
        (Said(200, {"token": "t"}), NotSent),
        (Said(500, {"error": {"message": SECRET}}), NotSent),
        (Said(429, {"ia::error": {"code": "GW-0010", "message": "later"}}, {"Retry-After": "5"}), RateLimited),
        (Said(drop=True), NotSent),
    ],
)
def test_no_token(erp: Erp, pool: ClientPool, said: Said, expected: type[CallError]) -> None:
    """Without a token the call was not made, and the token is asked for once; the secret is in no message."""
    erp.says(said)

    with pytest.raises(expected) as caught:
        process(erp, pool).probe()

    assert type(caught.value) is expected
    assert SECRET not in caught.value.message
    assert len(erp.asked) == 1


def test_secrets_stay_out_of_exchanges(erp: Erp, pool: ClientPool, company: Company) -> None:
    """Neither secret nor token stands in what is kept of the calls, nor in any repr."""
    told: list[Answer] = []
    settings = Intacct(f"{erp.url}/ia/api/v1", "us", Secret(SECRET), "k@acme")
    with recorded() as exchanges:
        IntacctClient(settings, pool, IntacctTokens(pool).auth(settings, told.append)).probe()

    text = repr(exchanges) + repr(settings) + repr(Token("t0ken-1", 0, 1))
    assert len(exchanges) == 2
    assert company.count == 1
    assert "s3cr3t" not in text
    assert "t0ken" not in text
    assert [answer.token for answer in told] == [True]
