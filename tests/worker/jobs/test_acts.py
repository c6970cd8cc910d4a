"""The record of who did what: written with what it tells of, for those who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.jobs.acting import LANE, NOW, claim, later, make, make_batch, settle, turned, wanted
from worker.errors import Conflict
from worker.jobs import actions, acts, controls, deliveries, pruning, retelling, verdicts
from worker.jobs.acts import Act, find_acts
from worker.jobs.arrivals import Arrival, store
from worker.jobs.deliveries import DeliveryFilter
from worker.jobs.filters import JobFilter
from worker.jobs.model import JobError, Lane

if TYPE_CHECKING:
    from worker.jobs.engine import Database


def told(db: Database, tenants: tuple[str, ...] | None = None, limit: int = 50, after: str | None = None, **asked: Any) -> list[Act]:
    """What is on record, newest first."""
    with db.read() as connection:
        return find_acts(connection, tenants, limit, after, **asked)


def done(found: list[Act]) -> list[tuple[str | None, str, str, str]]:
    """In short."""
    return [(each.tenant, each.by, each.act, each.subject) for each in found]


def record(db: Database, tenant: str | None, act: str = "batch.made", by: str = "ops", subject: str = "s", seconds: float = 0) -> None:
    """One act."""
    with db.write() as connection:
        acts.record(connection, by, tenant, act, subject, None, {"n": 1}, later(seconds))


def test_newest_comes_first(db: Database) -> None:
    """Pages go from what was done last to what was done first, each once."""
    for number in range(5):
        record(db, "acme", subject=f"{number}", seconds=number)
    first = told(db, limit=2)
    rest = told(db, limit=9, after=first[-1].id)
    assert [each.subject for each in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    assert (first[0].at, first[0].by, first[0].before, first[0].after) == (later(4), "ops", None, {"n": 1})


def test_tenants_are_kept_apart(db: Database) -> None:
    """Each sees what is of its tenants; what is of none is seen by who sees all."""
    record(db, "acme", subject="ours")
    record(db, "other", subject="theirs")
    record(db, None, subject="all")
    assert [each.subject for each in told(db, ("acme",))] == ["ours"]
    assert [each.subject for each in told(db)] == ["all", "theirs", "ours"]
    assert told(db, ("acme",), tenant="other") == []
    assert [each.subject for each in told(db, tenant="other")] == ["theirs"]


def test_filters_narrow(db: Database) -> None:
    """By act, by whom, of what, and when."""
    record(db, "acme", "batch.made", "ann", "b1", 1)
    record(db, "acme", "batch.paused", "bob", "b1", 2)
    record(db, "acme", "batch.paused", "ann", "b2", 3)
    asked: list[dict[str, Any]] = [
        {"act": "batch.paused", "by": "ann"},
        {"subject": "b1"},
        {"since": later(2), "until": later(3)},
        {"until": later(1)},
        {"since": later(4)},
    ]
    assert [[each.subject + each.by for each in told(db, **each)] for each in asked] == [["b2ann"], ["b1bob", "b1ann"], ["b1bob"], [], []]


def test_connection_changes_are_told(db: Database) -> None:
    """From which limits to which, and who stopped the calls."""
    with db.write() as connection:
        controls.change_limits(db, connection, LANE, "chief", {"slots": 4}, later(1))
        controls.change_limits(db, connection, LANE, "chief", {"slots": 2, "calls_per_hour": 900}, later(2))
        controls.pause(db, connection, LANE, "chief", later(3))
        controls.resume(db, connection, LANE, "ops", later(4))
    resumed, paused, second, first = told(db)
    assert done([resumed, paused, second]) == [
        ("acme", "ops", "connection.resumed", "visma"),
        ("acme", "chief", "connection.paused", "visma"),
        ("acme", "chief", "connection.changed", "visma"),
    ]
    assert (first.before, first.after) == ({"slots": None, "calls_per_hour": None}, {"slots": 4, "calls_per_hour": None})
    assert (second.before, second.after) == ({"slots": 4, "calls_per_hour": None}, {"slots": 2, "calls_per_hour": 900})
    assert (paused.before, paused.after) == ({"paused_by": None, "broken": False}, {"paused_by": "chief", "broken": False})
    assert (resumed.before, resumed.after) == (paused.after, paused.before)


def test_batch_turns_are_told(db: Database) -> None:
    """Paused, resumed, cancelled; what is refused is not told."""
    batch = make_batch(db, wanted())
    for action in ("pause", "resume", "cancel"):
        turned(db, batch, action)
    with pytest.raises(Conflict):
        turned(db, batch, "pause")
    assert [each.act for each in told(db)] == ["batch.cancelled", "batch.resumed", "batch.paused"]
    assert {each.subject for each in told(db)} == {batch.id}
    assert (told(db)[0].before, told(db)[0].after) == ({"state": "running"}, {"state": "cancelled", "name": "many"})


def test_actions_are_told(db: Database) -> None:
    """With their filter and count; one that may touch several tenants is on the record of each, one that may touch all of none."""
    make(db, wanted(1), wanted(2, tenant="other"))
    for job in (*claim(db), *claim(db, lane=Lane("other", "visma"))):
        settle(db, job, verdicts.failed(JobError("validation", "no stock", 400)))
    both = actions.begin(db, "replay", JobFilter(("acme", "other"), state=("failed",)), "ops", later(60))
    with db.write() as connection:
        actions.stop(db, connection, both.id, "chief", later(61))
    every = actions.begin(db, "discard", JobFilter(state=("failed",)), "root", later(62))
    assert sorted(done(told(db, subject=both.id)), key=str) == [
        ("acme", "chief", "action.stopped", both.id),
        ("acme", "ops", "action.begun", both.id),
        ("other", "chief", "action.stopped", both.id),
        ("other", "ops", "action.begun", both.id),
    ]
    (begun,) = told(db, subject=every.id)
    assert (begun.tenant, begun.after) == (None, {"action": "discard", "filter": {"state": ["failed"]}, "count": 2})


def test_replayed_deliveries_are_told(db: Database) -> None:
    """One by its id, a range by its source with how many."""
    arrived = [Arrival("acme", "shop", "order.paid", {}, "{}", None, "visma") for _ in range(3)]
    with db.write() as connection:
        store(db, connection, arrived, NOW)
        first = deliveries.find_delivery(connection, arrived[0].id)
    again = retelling.replay(db, first, lambda _: Arrival("acme", "shop", "t", {}, "", None, "visma"), "ops", lambda: NOW)
    chosen = DeliveryFilter(tenant="acme", source="shop", since=NOW, until=later(1), replays=False)
    retelling.replay_range(db, chosen, lambda _: Arrival("acme", "shop", "t", {}, "", None, "visma"), "ops", lambda: later(5))
    ranged, one = told(db)
    assert (one.act, one.subject, one.after) == ("delivery.replayed", first.id, {"delivery": again.delivery})
    assert (ranged.act, ranged.subject, ranged.tenant) == ("deliveries.replayed", "shop", "acme")
    assert (ranged.after["count"], ranged.after["since"]) == (3, "2026-03-01T12:00:00Z")


def test_nothing_is_told_of_what_is_undone(db: Database) -> None:
    """The record is of one transaction with what it tells of."""
    batch = make_batch(db, wanted())

    def breaks() -> None:
        with db.write() as connection:
            controls.pause(db, connection, LANE, "chief", NOW)
            raise KeyError(batch.id)

    with pytest.raises(KeyError):
        breaks()
    assert told(db) == []


def test_record_is_pruned(db: Database) -> None:
    """With the jobs' age."""
    record(db, "acme", subject="old", seconds=0)
    record(db, "acme", subject="new", seconds=100)
    pruning.prune(db, pruning.Keep(*[later(50) - NOW] * 3), later(120), lambda: True)
    assert [each.subject for each in told(db)] == ["new"]
