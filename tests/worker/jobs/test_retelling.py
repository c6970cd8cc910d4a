"""Deliveries told again: read while others may write, and stored in portions that are soon done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import NOW, later, wanted
from worker.errors import Conflict, LedgerUnavailable
from worker.jobs import arrivals, deliveries, retelling
from worker.jobs.arrivals import Arrival
from worker.jobs.deliveries import DeliveryFilter
from worker.jobs.retelling import CHUNK, WEIGHT, _portions

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery

ALL: Final = DeliveryFilter(tenant="acme", source="shop", replays=False)


def came(db: Database, *bodies: str) -> list[Delivery]:
    """Deliveries with these bodies, a second apart."""
    found = []
    for second, body in enumerate(bodies):
        with db.write() as connection:
            (stored,) = arrivals.store(db, connection, [Arrival("acme", "shop", "order", {}, body, None, "visma")], later(second))
            found.append(deliveries.find_delivery(connection, stored.delivery))
    return found


def asks_for(delivery: Delivery) -> Arrival:
    """An arrival that asks for as many jobs as its body says."""
    news = tuple(wanted(n, kind="create_kit_assembly", subject=None) for n in range(int(delivery.body)))
    return Arrival("acme", "shop", "order", {}, delivery.body, None, "visma", makes=news)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How many jobs the deliveries of each transaction ask for."""
    found: list[list[int]] = []
    real = arrivals.store

    def store(db: Any, connection: Any, given: Any, now: Any) -> Any:
        found.append([len(arrivals.asked_for(each)) for each in given])
        return real(db, connection, given, now)

    monkeypatch.setattr(arrivals, "store", store)
    return found


def test_jobs_bound_a_transaction(db: Database, stored: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks for many jobs is stored with few others, or alone."""
    monkeypatch.setattr(retelling, "WEIGHT", 5)
    made = came(db, "2", "2", "2", "9", "0", "1")
    stored.clear()
    done = retelling.replay_range(db, ALL, asks_for, "ops", lambda: later(60))
    assert stored == [[2, 2], [2], [9], [0, 1]]
    assert (list(done.stored), done.refused) == ([each.id for each in made], {})


def test_replay_is_read_unlocked(db: Database) -> None:
    """While rules look at a delivery that is replayed, others may write."""
    (made,) = came(db, "1")

    def tell(delivery: Delivery) -> Arrival:
        with db.write():
            return asks_for(delivery)

    again = retelling.replay(db, made, tell, "ops", lambda: later(60))
    with db.read() as connection:
        found = deliveries.find_delivery(connection, again.delivery)
    assert (found.replay_of, found.reason, len(found.jobs)) == (made.id, "replayed by ops", 1)


def test_refused_is_not_told(db: Database) -> None:
    """What proved nothing is not even read."""
    (made,) = came(db, "1")
    with pytest.raises(Conflict, match="it proved nothing"):
        retelling.replay(db, replace(made, state="refused"), lambda _: pytest.fail("it was read"), "ops", lambda: NOW)


def test_ledger_goes_between(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that goes away is told with what was not done; what was refused before keeps its own reason."""
    monkeypatch.setattr(retelling, "WEIGHT", 1)
    first, odd, second, third = came(db, "1", "-", "1", "1")

    def tell(delivery: Delivery) -> Arrival:
        if delivery.id == odd.id:
            raise Conflict("odd")
        if delivery.id == third.id:
            raise LedgerUnavailable("away")
        return asks_for(delivery)

    done = retelling.replay_range(db, ALL, tell, "ops", lambda: later(60))
    assert list(done.stored) == [first.id]
    assert done.refused == {odd.id: "odd", second.id: retelling._AWAY, third.id: retelling._AWAY}


@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 200_000)), max_size=150))
def test_portions_lose_nothing(sizes: list[tuple[int, int]]) -> None:
    """All are there once, in their order, and no portion of several is too heavy."""
    new = wanted()
    told = [
        (str(place), Arrival("acme", "shop", "order", {}, "x" * size, None, "visma", makes=(new,) * count))
        for place, (count, size) in enumerate(sizes)
    ]
    portions = list(_portions(iter(told)))
    assert [each for portion in portions for each in portion.items()] == told
    for portion in portions:
        weight = sum(len(each.makes) + len(each.body) // 8_192 for each in portion.values())
        assert len(portion) == 1 or (weight <= WEIGHT and len(portion) <= CHUNK)
