"""Deliveries that are told again: each as a new row that names the first, read as it is understood today.

Reading one may take rules their time and make a thousand jobs of it. So it is done before the ledger is locked, and a transaction stores
no more of a range than is soon done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from worker.errors import Conflict, LedgerUnavailable
from worker.jobs import acts, arrivals
from worker.jobs.deliveries import REPLAYABLE, WHY_NOT, ids_of
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.deliveries import DeliveryFilter
    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery

    Tell = Callable[[Delivery], Arrival]
    """Reads a stored delivery again, as when it came: what it is news of, which jobs it asks for. Raises `Conflict` if it can't be."""

MOST: Final = 1_000
"""Deliveries in the replay of one range."""

CHUNK: Final = 50
"""Deliveries that are read together."""

WEIGHT: Final = 1_000
"""What a transaction stores of them: jobs, and 8 KiB of a body count as one. A delivery that is heavier is stored alone."""

_BODY: Final = 8_192
_AWAY: Final = "the ledger could not be used in the middle: see whether it was replayed"


def replay(db: Database, delivery: Delivery, tell: Tell, by: str, clock: Callable[[], datetime]) -> Stored:
    """Do again what the delivery asks for; call it in no transaction.

    A notification wakes its jobs, and may find now what it did not find then; what asks for jobs makes them, or joins those that wait for
    the same; unique keys hold. Raises `Conflict` for one that was refused, is a duplicate, or can't be understood any more.
    """
    if delivery.state not in REPLAYABLE:
        raise Conflict(f"this delivery can't be replayed: {WHY_NOT[delivery.state]}")
    told = _again(delivery, tell, by)
    with db.write() as connection:
        now = clock()
        stored = arrivals.store(db, connection, [told], now)[0]
        acts.record(connection, by, delivery.tenant, "delivery.replayed", delivery.id, None, {"delivery": stored.delivery}, now)
    return stored


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a range: the new rows by the ids they name, and why the others were left out."""

    stored: dict[str, Stored]
    refused: dict[str, str]


def replay_range(db: Database, wanted: DeliveryFilter, tell: Tell, by: str, clock: Callable[[], datetime]) -> Replayed:
    """Replay all that can be, oldest first, in chunks of one transaction each. Raises `Conflict`, with nothing done, for too many.

    A ledger that goes away in the middle ends it: what was replayed until then is told, so that nobody replays it once more. That it was
    asked for is on record with the first of the chunks.
    """
    with db.read() as connection:
        ids = ids_of(connection, replace(wanted, state=REPLAYABLE), MOST + 1)
    if len(ids) > MOST:
        raise Conflict(f"there are more than {MOST} deliveries: choose a shorter time")
    done: dict[str, Stored] = {}
    refused: dict[str, str] = {}
    try:
        for portion in _portions(_told(db, ids, tell, by, refused)):
            done.update(_stored(db, portion, None if done else _range(wanted, len(ids)), by, clock))
    except LedgerUnavailable:
        if not done:
            raise
        refused.update({each: _AWAY for each in ids if each not in done and each not in refused})
    return Replayed(done, refused)


def _told(db: Database, ids: Sequence[str], tell: Tell, by: str, refused: dict[str, str]) -> Iterator[tuple[str, Arrival]]:
    """Those that can be replayed, read again; of the others, why not."""
    for start in range(0, len(ids), CHUNK):
        with db.read() as connection:
            found = [arrivals.find(connection, each) for each in ids[start : start + CHUNK]]
        for delivery in found:
            if delivery is None:  # pruned in the meantime
                continue
            try:
                told = _again(delivery, tell, by)
            except Conflict as error:
                refused[delivery.id] = str(error)
            else:
                yield delivery.id, told


def _portions(told: Iterable[tuple[str, Arrival]]) -> Iterator[dict[str, Arrival]]:
    """What is stored in one transaction each."""
    portion: dict[str, Arrival] = {}
    weight = 0
    for first, arrival in told:
        more = len(arrivals.asked_for(arrival)) + len(arrival.body) // _BODY
        if portion and (len(portion) == CHUNK or weight + more > WEIGHT):
            yield portion
            portion, weight = {}, 0
        portion[first] = arrival
        weight += more
    if portion:
        yield portion


def _stored(
    db: Database, portion: dict[str, Arrival], asked: dict[str, Any] | None, by: str, clock: Callable[[], datetime]
) -> dict[str, Stored]:
    with db.write() as connection:
        now = clock()
        stored = arrivals.store(db, connection, list(portion.values()), now)
        if asked is not None:
            acts.record(connection, by, asked["tenant"], "deliveries.replayed", asked["source"] or "", None, asked, now)
    return dict(zip(portion, stored, strict=True))


def _range(wanted: DeliveryFilter, count: int) -> dict[str, Any]:
    """What is told of the replay of a range."""
    plain = {"tenant": wanted.tenant, "source": wanted.source, "type": wanted.type}
    return {**plain, "since": at(wanted.since), "until": at(wanted.until), "count": count}


def _again(delivery: Delivery, tell: Tell, by: str) -> Arrival:
    told = tell(delivery)
    reason = f"replayed by {by}" + (f"; {told.reason}" if told.reason else "")
    return replace(told, key=None, reason=reason, replay_of=delivery.id)
