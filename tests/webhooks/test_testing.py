"""Test deliveries: signed with the sender's own secret, and received as every other is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.webhooks.shop import PLAIN, SECRET, event, tenant
from tests.webhooks.world import INTACCT_SECRET, KEY, PUSH_SECRET, World, body, operation
from webhooks.concurrency import Threads
from webhooks.problems import Problem
from webhooks.proving import Message, prover_of
from webhooks.rates import Rates
from webhooks.receiver import Receiver
from webhooks.refusals import A_MINUTE as A_MINUTE_KEPT
from webhooks.refusals import Refusals
from webhooks.testing import A_MINUTE, Trial, Trials
from webhooks.writer import Writer
from worker.errors import NotFound
from worker.jobs.arrivals import Arrival
from worker.jobs.keys import taken_by
from worker.jobs.tables import acts, deliveries, jobs
from worker.metrics import Metrics
from worker.rules import Rulebook
from worker.settings import ERPS, Secret, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks.world import Reply

SENDERS = ("visma", "itempath", "intacct", "webshop", "warehouse", "paper", "idless")
CLOUD_EVENT = body(specversion="1.0", id="e1", source="shop", type="order.paid", data={"channel": "b2c"})


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[World]:
    """A tenant with every kind of sender."""
    world = World(sqlite_url, tenant())
    yield world
    world.database.close()


def trials(world: World, rates: Rates | None = None, refusals: Refusals | None = None) -> Trials:
    """What sends test deliveries, as the app makes it."""
    clock = lambda: world.now  # noqa: E731 - a clock
    writer = Writer(world.database, Threads(), Metrics(), clock)
    refusals = refusals or Refusals(world.database, Threads(), clock)
    parts = (world.settings, writer, refusals, world.bell, Metrics(), Threads(), Rulebook(world.settings), rates or Rates(), clock)
    return Trials(Receiver(*parts), world.database, refusals)


def real(world: World, source: str, raw: bytes, name: str = "t-1") -> Reply:
    """The same from the sender, over the network."""
    prove = prover_of(world.settings, "acme", source)
    assert prove is not None
    path = f"/webhooks/{source}/acme" if source in ERPS else f"/triggers/acme/{source}"
    return world.push(raw, path, **prove(Message(raw, name, world.now)))


def trial(source: str, raw: bytes, name: str = "t-1") -> Trial:
    """A test delivery."""
    return Trial("acme", source, raw, name, "ops")


@cache
def raw_for(source: str) -> bytes:
    """A body that the sender may send."""
    return {"visma": body(id=operation()), "itempath": body(kit="K1"), "intacct": body(kit="K1")}.get(source, event())


@pytest.mark.parametrize("source", SENDERS)
def test_proof_holds(shop: World, source: str) -> None:
    """Every sender's proof is made as its receiver wants it, and what is stored says who sent it and holds no secret."""
    came = trials(shop).send(trial(source, raw_for(source)))
    assert came.refused is None
    (row,) = shop.rows(deliveries)
    assert (row.id, row.source) == (came.delivery, source)
    assert row.state in ("accepted", "orphan")
    assert row.headers["kitrelay-test"] == "ops"
    assert row.reason.startswith("a test by ops")
    kept = f"{row}{shop.rows(acts)}"
    assert not any(secret in kept for secret in (SECRET, PLAIN, KEY, INTACCT_SECRET, PUSH_SECRET, "signature"))


def test_token_in_url_mode(shop: World) -> None:
    """Where Visma proves by the address, so does a test."""
    came = trials(shop).send(Trial("globex", "visma", body(id=operation()), "t-1", "ops"))
    assert came.refused is None


def test_rules_make_jobs(shop: World) -> None:
    """Two kits of an order are two jobs, and the act is on record with the delivery."""
    came = trials(shop).send(trial("webshop", event()))
    assert len(shop.rows(jobs)) == 2
    (act,) = shop.rows(acts)
    assert (act.act, act.by, act.tenant, act.subject) == ("delivery.tested", "ops", "acme", came.delivery)
    assert {lane.erp for lane in shop.bell.rung} == {"visma"}


def test_same_id_is_duplicate(ledger_url: str) -> None:
    """The second one with an id does nothing, and names the first."""
    shop = World(ledger_url, tenant())
    ours = trials(shop)
    first = ours.send(trial("webshop", event()))
    again = ours.send(trial("webshop", event()))
    assert again.first == first.delivery
    assert again.delivery != first.delivery
    states = {row.id: row.state for row in shop.rows(deliveries)}
    assert states == {first.delivery: "accepted", again.delivery: "duplicate"}
    assert len(shop.rows(jobs)) == 2
    shop.database.close()


@pytest.mark.parametrize(("raw", "why"), [(b"{", "not JSON"), (b"[]", "an event is an object"), (b" " * (1024 * 1024 + 1), "larger than")])
def test_refused_is_kept(shop: World, raw: bytes, why: str) -> None:
    """What the receiver refuses is told, kept and on record."""
    came = trials(shop).send(trial("webshop", raw))
    assert why in str(came.refused)
    (row,) = shop.rows(deliveries)
    assert (row.id, row.state) == (came.delivery, "refused")
    assert [act.after["became"] for act in shop.rows(acts)] == ["refused"]


@pytest.mark.parametrize("source", [each for each in SENDERS if each != "idless"])
def test_real_event_is_taken(shop: World, source: str) -> None:
    """What a test had as its id or its body may still come from the real sender; the test again is a duplicate of the test alone."""
    raw, ours = raw_for(source), trials(shop)
    first = ours.send(trial(source, raw))
    came = real(shop, source, raw)
    again = ours.send(trial(source, raw))
    assert (first.refused, came.json["duplicate"]) == (None, False)
    assert again.first == first.delivery
    assert real(shop, source, raw).json == {"delivery": came.json["delivery"], "duplicate": True}
    with shop.database.read() as connection:
        assert taken_by(connection, ours.foresee(trial(source, raw)), shop.now) == first.delivery


def test_rate_is_the_testers(shop: World) -> None:
    """However much is tested, the source may send what it may; who tests has a rate of their own, over all senders."""
    source, rates = Source("slow", "bearer", (Secret(PLAIN),), per_minute=3), Rates()
    shop.settings.tenants["acme"].sources["slow"] = source
    ours = trials(shop, rates)
    many = [ours.send(trial("slow", b"{}", f"t-{number}")) for number in range(A_MINUTE)]
    assert not [came for came in many if "may send" in str(came.refused)]
    for name in ("slow", "visma"):
        with pytest.raises(Problem, match=f"ops may send {A_MINUTE} test deliveries a minute"):
            ours.send(trial(name, raw_for(name)))
    assert ours.send(replace(trial("visma", raw_for("visma")), by="ann")).refused is None
    for _ in range(source.per_minute):
        rates.admit("acme", source, shop.now.timestamp())


def test_refusals_are_bounded_once(shop: World) -> None:
    """Refused tests and refused deliveries together are kept only as often as a source's may be."""
    kept = Refusals(shop.database, Threads(), lambda: shop.now, A_MINUTE_KEPT // 4)
    ours = trials(shop, refusals=kept)
    for number in range(3):
        kept.keep(Arrival("acme", "webshop", "order", {}, f"{number}", None, ""), "refused", "no")
        ours.send(trial("webshop", b"{", f"t-{number}"))
    assert len(shop.rows(deliveries)) == 4


def test_foresight_stores_nothing(shop: World) -> None:
    """What would happen is what rules say, and nothing happens."""
    seen = trials(shop).foresee(trial("webshop", event()))
    assert [outcome.state for outcome in seen.outcomes or ()] == ["made", "made"]
    assert trials(shop).foresee(trial("webshop", CLOUD_EVENT)).outcomes is not None
    assert not shop.rows(deliveries)
    assert not shop.rows(jobs)


def test_only_who_can_prove(shop: World) -> None:
    """Senders without a secret are not offered, and can't be tried."""
    ours = trials(shop)
    assert ours.sources("acme") == ["visma", "itempath", "intacct", "idless", "paper", "warehouse", "webshop"]
    assert ours.sources("bare") == []
    for source in ("visma", "nobody"):
        with pytest.raises(NotFound):
            ours.send(Trial("bare", source, b"{}", "t-1", "ops"))
        with pytest.raises(NotFound):
            ours.foresee(Trial("bare", source, b"{}", "t-1", "ops"))


def test_outsiders_are_no_testers(shop: World) -> None:
    """A sender can't say that a delivery is a test."""
    shop.notify(body(id=operation()), kitrelay_test="ops")
    (row,) = shop.rows(deliveries)
    assert "kitrelay-test" not in row.headers
