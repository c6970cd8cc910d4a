"""Deliveries: stored once, matched to their jobs, never to another tenant's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, func, select

from tests.worker.jobs.acting import LANE, NOW, claim, later, make, read, settle, wanted
from worker.jobs import arrivals, verdicts
from worker.jobs.arrivals import KEY_DAYS, Arrival, News, Stored
from worker.jobs.model import Lane
from worker.jobs.states import State
from worker.jobs.tables import deliveries, delivery_keys
from worker.jobs.verdicts import NewJob

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery, Job


def arrival(*news: News, key: str | None = None, tenant: str = "acme", **values: Any) -> Arrival:
    """A verified delivery of Visma's."""
    return Arrival(tenant, "visma", "operation", {"x": "y"}, '{"a": 1}', key, "visma", news, **values)


def store(db: Database, *found: Arrival, seconds: float = 0) -> list[Stored]:
    """Store them together."""
    with db.write() as connection:
        return arrivals.store(db, connection, found, later(seconds))


def delivery(db: Database, stored: Stored) -> Delivery:
    """As the ledger has it."""
    with db.read() as connection:
        found = arrivals.find(connection, stored.delivery)
    assert found is not None
    return found


def waiting(db: Database, *numbers: int, erp_id: str | None = None) -> list[Job]:
    """Jobs that wait for news, due in ten minutes."""
    make(db, *(wanted(n) for n in numbers))
    for job in claim(db, len(numbers)):
        settle(db, job, verdicts.accepted("taken", wait=600, erp_id=erp_id))
    with db.read():
        return [read(db, job) for job in _all(db)]


def _all(db: Database) -> list[str]:
    from worker.jobs.tables import jobs  # noqa: PLC0415

    with db.read() as connection:
        return list(connection.execute(select(jobs.c.id).order_by(jobs.c.id)).scalars())


def test_wakes_its_job(db: Database) -> None:
    """News of a waiting job makes it due at once, and says which lane has work; of the outcome it says nothing."""
    (job,) = waiting(db, 1)
    (stored,) = store(db, arrival(News(job.id)), seconds=5)
    assert (stored.duplicate, stored.lane) == (False, LANE)
    found = read(db, job)
    assert (found.state, found.due_at, found.notified_at) == (State.WAITING, later(5), later(5))
    kept = delivery(db, stored)
    assert (kept.state, kept.jobs, kept.received_at, kept.headers, kept.body) == ("accepted", (job.id,), later(5), {"x": "y"}, '{"a": 1}')


def test_found_by_operation(db: Database) -> None:
    """Where our own id is missing, the ERP's operation finds the job."""
    (job,) = waiting(db, 1, erp_id="op-1")
    (stored,) = store(db, arrival(News(operation="op-1")))
    assert delivery(db, stored).jobs == (job.id,)


def test_operation_is_learned(db: Database) -> None:
    """News that names our job tells its operation, should the 202 have been lost; one that is known is not overwritten."""
    (job,) = waiting(db, 1)
    store(db, arrival(News(job.id, "op-1")))
    assert read(db, job).erp_id == "op-1"
    store(db, arrival(News(job.id, "op-2")))
    assert read(db, job).erp_id == "op-1"


def test_news_before_start_moves_nothing(db: Database) -> None:
    """News of a job that does not wait is remembered and moves it nowhere."""
    (job,) = make(db, replace(wanted(), run_at=later(60)))
    (stored,) = store(db, arrival(News(job.id)), seconds=5)
    found = read(db, job)
    assert (found.state, found.due_at, found.notified_at, stored.lane) == (State.QUEUED, later(60), later(5), LANE)


def test_repeat_later(db: Database) -> None:
    """A delivery that comes again is answered as the first was and does nothing."""
    (job,) = waiting(db, 1)
    (first,) = store(db, arrival(News(job.id), key="k"), seconds=1)
    (again,) = store(db, arrival(News(job.id), key="k"), seconds=2)
    assert again == Stored(first.delivery, duplicate=True, lane=None)
    assert read(db, job).notified_at == later(1)
    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(deliveries)).scalar() == 1


def test_repeat_in_one_call(db: Database) -> None:
    """Of two equal deliveries that are stored together one is the duplicate."""
    (job,) = waiting(db, 1)
    first, again, other = store(db, *(arrival(News(job.id), key=key) for key in ("k", "k", "l")))
    assert (first.duplicate, again, other.duplicate) == (False, Stored(first.delivery, duplicate=True, lane=None), False)


def test_keys_are_their_sources(db: Database) -> None:
    """The same key of another source or tenant is another delivery."""
    found = store(db, arrival(key="k"), replace(arrival(key="k"), source="shop"), arrival(key="k", tenant="other"))
    assert [each.duplicate for each in found] == [False] * 3


def test_no_key_no_duplicate(db: Database) -> None:
    """What has no key is never a duplicate."""
    assert [each.duplicate for each in store(db, arrival(), arrival()) + store(db, arrival())] == [False] * 3


def test_keys_are_taken_in_one_order(db: Database) -> None:
    """Two processes that get the same deliveries in different order never wait for each other; of two with one key the first counts."""
    taken: list[str] = []
    known = [arrival(key="b"), arrival(key="a", tenant="zeta"), arrival(key="a"), arrival(key="b")]

    def note(_c: Any, _cursor: Any, statement: str, given: Any, *_: object) -> None:
        if statement.startswith("INSERT INTO delivery_keys"):
            rows = [[*(each.values() if isinstance(each, dict) else each)] for each in given]
            taken.extend(next(arrived.id for arrived in known if arrived.id in row) for row in rows)

    event.listen(db.engine, "before_cursor_execute", note)
    stored = store(db, *known)
    event.remove(db.engine, "before_cursor_execute", note)

    assert taken == [known[2].id, known[0].id, known[3].id, known[1].id]
    assert [each.delivery for each in stored] == [known[0].id, known[1].id, known[2].id, known[0].id]


def test_keys_expire(db: Database) -> None:
    """A key is known for its life; after that the same key is a new delivery, and known again."""
    hour = timedelta(hours=1)
    (first,) = store(db, arrival(key="k", key_life=hour))
    assert store(db, arrival(key="k", key_life=hour), seconds=3600)[0].duplicate
    (second,) = store(db, arrival(key="k", key_life=hour), seconds=3601)
    assert (second.duplicate, second.delivery != first.delivery) == (False, True)
    assert store(db, arrival(key="k"), seconds=3602) == [Stored(second.delivery, duplicate=True, lane=None)]


def test_old_keys_are_dropped(db: Database) -> None:
    """Keys are kept for seven days and then dropped."""
    store(db, arrival(key="k"))
    with db.write() as connection:
        assert arrivals.forget_keys(connection, NOW + KEY_DAYS) == 0
        assert arrivals.forget_keys(connection, NOW + KEY_DAYS + timedelta(seconds=1)) == 1
        assert connection.execute(select(delivery_keys)).all() == []


def test_orphan_is_adopted(db: Database) -> None:
    """News that overtakes its 202 names nobody yet; when the operation becomes known, its job has news."""
    make(db)
    (job,) = claim(db)
    (stored,) = store(db, arrival(News(operation="op-9")), seconds=1)
    assert (delivery(db, stored).state, stored.lane) == ("orphan", None)
    settle(db, job, verdicts.accepted("taken", wait=600, erp_id="op-9"), later(2))
    with db.write() as connection:
        assert arrivals.adopt_orphans(connection, "acme", {"op-9": job.id, "op-8": "none"}, later(3)) == [job.id]
        assert arrivals.adopt_orphans(connection, "acme", {"op-9": job.id}, later(4)) == []
    kept = delivery(db, stored)
    assert (kept.state, kept.reason, kept.jobs) == ("accepted", None, (job.id,))
    assert (read(db, job).due_at, read(db, job).notified_at) == (later(3), later(3))


def test_two_orphans_of_one(db: Database) -> None:
    """News that came twice before its operation was known is adopted twice and wakes once."""
    (job,) = waiting(db, 1, erp_id="op")
    with db.write() as connection:
        for each in (arrival(News(operation="op-9")), arrival(News(operation="op-9"))):
            arrivals.record(connection, each, "orphan", "", NOW)
        assert arrivals.adopt_orphans(connection, "acme", {"op-9": job.id}, NOW) == [job.id]


def test_other_tenants_orphan(db: Database) -> None:
    """Nobody adopts another tenant's orphan."""
    (stored,) = store(db, arrival(News(operation="op-9"), tenant="other"))
    (job,) = waiting(db, 1)
    with db.write() as connection:
        assert arrivals.adopt_orphans(connection, "acme", {"op-9": job.id}, NOW) == []
    assert delivery(db, stored).state == "orphan"


def test_tenants_are_apart(db: Database) -> None:
    """A signed notification of one tenant can't touch another's job, neither by its id nor by its operation."""
    (job,) = waiting(db, 1, erp_id="op-1")
    found = store(db, arrival(News(job.id, "op-1"), tenant="evil"), arrival(News(operation="op-1"), tenant="evil"), seconds=5)
    assert read(db, job) == job
    assert [each.lane for each in found] == [None, None]
    assert [delivery(db, each).jobs for each in found] == [(), ()]


def test_tenants_apart_in_one_call(db: Database) -> None:
    """Nor does it help to be stored together with the right tenant's delivery, or to teach the job an operation."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=600))
    evil, _ = store(db, arrival(News(job.id, "evil-op"), tenant="evil"), arrival(News(job.id), tenant="acme"))
    assert (evil.lane, delivery(db, evil).jobs) == (None, ())
    assert read(db, job).erp_id is None


def test_same_operation_id_twice(db: Database) -> None:
    """Two tenants' ERPs may give the same operation id: each finds its own job."""
    (mine,) = waiting(db, 1, erp_id="op-1")
    make(db, replace(wanted(1), tenant="other"))
    (theirs,) = claim(db, lane=Lane("other", "visma"))
    settle(db, theirs, verdicts.accepted("taken", wait=600, erp_id="op-1"))
    found = store(db, arrival(News(operation="op-1")), arrival(News(operation="op-1"), tenant="other"))
    assert [delivery(db, each).jobs for each in found] == [(mine.id,), (theirs.id,)]


def test_array_of_news(db: Database) -> None:
    """One delivery may be about several jobs, known and unknown, some twice."""
    one, two, three = waiting(db, 1, 2, 3)
    (stored,) = store(db, arrival(News(one.id), News(two.id, "op-2"), News(one.id), News("no such job", "op-x")), seconds=5)
    assert delivery(db, stored).jobs == tuple(sorted((one.id, two.id)))
    assert [read(db, job).due_at == later(5) for job in (one, two, three)] == [True, True, False]
    assert read(db, two).erp_id == "op-2"


def test_no_news_is_accepted(db: Database) -> None:
    """A trigger that is about no job of ours is accepted, not an orphan."""
    (stored,) = store(db, arrival())
    assert (delivery(db, stored).state, stored.lane) == ("accepted", None)


def test_refused_is_kept(db: Database) -> None:
    """What was not taken is kept with its reason, and uses up no key."""
    refused = arrival(key="k")
    with db.write() as connection:
        arrivals.record(connection, refused, "refused", "bad signature", NOW)
    kept = delivery(db, Stored(refused.id, duplicate=False, lane=None))
    assert (kept.state, kept.reason) == ("refused", "bad signature")
    assert not store(db, arrival(key="k"))[0].duplicate


def test_unknown_delivery(db: Database) -> None:
    """What is not there is None."""
    with db.read() as connection:
        assert arrivals.find(connection, "none") is None


def sync(kit: str = "K1") -> NewJob:
    """A sync of a kit from Intacct."""
    return NewJob("acme", "intacct", "sync_kit_lines", {"kit": kit}, kit, f"kit/{kit}", 3, run_at=later(1))


def trigger(*makes: NewJob, key: str | None = None) -> Arrival:
    """A verified trigger of Intacct's."""
    return Arrival("acme", "intacct", "trigger", {}, "{}", key, "intacct", makes=makes, reason="as it was told")


def test_trigger_makes_jobs(db: Database) -> None:
    """A trigger's jobs are made with it and linked to it, its lanes are told, and its reason is kept."""
    (stored,) = store(db, trigger(sync("K1"), sync("K2")))

    kept = delivery(db, stored)
    assert (stored.lane, stored.lanes) == (None, (Lane("acme", "intacct"),))
    assert (kept.state, kept.reason) == ("accepted", "as it was told")
    made = [read(db, job) for job in kept.jobs]
    assert sorted(job.reference for job in made) == ["K1", "K2"]
    assert {(job.state, job.due_at, job.made_by) for job in made} == {(State.QUEUED, later(1), arrivals.MAKER)}


def test_triggers_share_a_job(db: Database) -> None:
    """Several triggers about one kit within a moment, together or one after another, are linked to one job."""
    stored = [*store(db, trigger(sync()), trigger(sync(), sync())), *store(db, trigger(sync()), seconds=0.5)]

    assert len({delivery(db, each).jobs for each in stored}) == 1
    assert all(len(delivery(db, each).jobs) == 1 for each in stored)
    assert len(_all(db)) == 1


def test_repeated_trigger_makes_nothing(db: Database) -> None:
    """A trigger that comes again makes nothing, even when its first job was started long ago; nor does its twin in one call."""
    first, twin = store(db, trigger(sync(), key="k"), trigger(sync("K2"), key="k"))
    claim(db, now=later(2), lane=Lane("acme", "intacct"))
    (again,) = store(db, trigger(sync(), key="k"), seconds=10)

    assert (twin, again) == (Stored(first.delivery, duplicate=True, lane=None),) * 2
    assert len(_all(db)) == 1


def test_news_and_jobs_together(db: Database) -> None:
    """A delivery that is about one job and makes another is linked to both."""
    (job,) = waiting(db, 1)
    (stored,) = store(db, replace(arrival(News(job.id)), makes=(sync(),)))

    assert (stored.lane, stored.lanes) == (LANE, (Lane("acme", "intacct"),))
    assert set(delivery(db, stored).jobs) == set(_all(db))


def test_nothing_made_costs_nothing(sqlite_db: Database) -> None:
    """A notification that makes no job takes no statement more than its own."""
    (job,) = waiting(sqlite_db, 1)
    seen: list[str] = []
    with sqlite_db.write() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2].split()[0]))
        arrivals.store(sqlite_db, connection, [arrival(News(job.id), key="k")], NOW)

    assert seen == ["INSERT", "SELECT", "INSERT", "INSERT", "UPDATE"]
