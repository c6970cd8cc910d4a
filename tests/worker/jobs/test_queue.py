"""The one door to the queue: unique keys, idempotency keys, and what a person may do with a job."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import NOW, claim, later, make, moves_of, read, settle, wanted, whole
from worker.errors import Conflict, NotFound
from worker.jobs import queue, search, verdicts
from worker.jobs.model import JobError
from worker.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.queue import Enqueued
    from worker.jobs.verdicts import NewJob

DAY: Final = 86_400.0
FAULT: Final = JobError("validation", "no", 400)


def enqueue(db: Database, new: NewJob, seconds: float = 0) -> Enqueued:
    """Ask for a job."""
    with db.write() as connection:
        return queue.enqueue(db, connection, new, "ops", later(seconds))


def keyed(number: int = 1, key: str | None = "order-7") -> NewJob:
    """A job with a unique key."""
    return replace(wanted(number), unique_key=key)


def failed(db: Database) -> Job:
    """A job that failed for good after its operation was known."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=0, erp_id="op-1", sent_at=5.0))
    settle(db, read(db, job), verdicts.failed(FAULT))
    return read(db, job)


def count(db: Database) -> int:
    """How many jobs there are."""
    with db.read() as connection:
        return len(search.find_jobs(connection, search.JobFilter(), 100))


def test_plain_jobs_are_new(db: Database) -> None:
    """Without a unique key each request makes a job, due now or when it was asked for."""
    one = enqueue(db, wanted())
    two = enqueue(db, replace(wanted(), run_at=later(60), tags=("a",)))
    assert not one.duplicate
    assert (one.job.due_at, two.job.due_at, two.job.state) == (NOW, later(60), State.QUEUED)
    assert read(db, two.job) == two.job


def test_unique_while_open(db: Database) -> None:
    """A key names one job while that job is open, however long."""
    first = enqueue(db, keyed())
    again = enqueue(db, keyed(2), 10 * DAY)
    assert (again.job, again.duplicate, count(db)) == (first.job, True, 1)


def test_unique_for_a_day(db: Database) -> None:
    """When the job is over the key is kept for 24 hours after it was made, and is free then."""
    first = enqueue(db, keyed())
    (job,) = claim(db)
    settle(db, job, verdicts.done("seen"))
    assert enqueue(db, keyed(), DAY).job.id == first.job.id
    assert not enqueue(db, keyed(), DAY + 1).duplicate


def test_unique_per_tenant_and_kind(db: Database) -> None:
    """The same key of another tenant or kind is another job."""
    found = [keyed(), replace(keyed(), tenant="other"), replace(keyed(), kind="delete_kit_assembly"), keyed(1, "other")]
    assert [enqueue(db, new).duplicate for new in found] == [False] * 4


def test_unique_for_two_at_once(db: Database) -> None:
    """Of several requests with one key at the same moment one makes the job."""
    found: list[Enqueued] = []
    threads = [Thread(target=lambda: found.append(enqueue(db, keyed()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len({each.job.id for each in found}) == 1
    assert sorted(each.duplicate for each in found) == [False] + [True] * 5


values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("aø", max_size=3), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.text("abc", max_size=2), values, max_size=5))
def test_digest_knows_no_order(body: dict[str, object]) -> None:
    """Equal requests have one digest, however their keys are ordered; another value is another request."""
    turned = dict(reversed(body.items()))
    assert queue.digest_of(turned) == queue.digest_of(body)
    assert queue.digest_of({**body, "more": 1}) != queue.digest_of(body)


def test_key_is_kept(db: Database) -> None:
    """A request under an idempotency key is made once; the key gives the same thing for a day."""
    with db.write() as connection:
        assert queue.reserve(db, connection, "ops", "k", "d", NOW) is None
        queue.keep(connection, "ops", "k", "d", "made", NOW)
    with db.write() as connection:
        assert queue.reserve(db, connection, "ops", "k", "d", later(DAY)) == "made"
        assert queue.reserve(db, connection, "others", "k", "d", NOW) is None
        assert queue.reserve(db, connection, "ops", "k", "d", later(DAY + 1)) is None


def test_key_with_other_body(db: Database) -> None:
    """Another body under a key is refused."""
    with db.write() as connection:
        queue.keep(connection, "ops", "k", "d", "made", NOW)
        with pytest.raises(Conflict, match="another body"):
            queue.reserve(db, connection, "ops", "k", "other", NOW)


def test_key_is_given_back(db: Database) -> None:
    """A key under which nothing was made is free again."""
    with db.write() as connection:
        queue.keep(connection, "ops", "k", "d", "made", NOW)
        queue.release(connection, "ops", "k")
        assert queue.reserve(db, connection, "ops", "k", "other", NOW) is None


def test_key_for_two_at_once(db: Database) -> None:
    """Of several requests under one key at the same moment one makes it, and the others get it."""
    found: list[str | None] = []

    def ask(name: str) -> None:
        with db.write() as connection:
            made = queue.reserve(db, connection, "ops", "k", "d", NOW)
            if made is None:
                queue.keep(connection, "ops", "k", "d", name, NOW)
            found.append(made)

    threads = [Thread(target=ask, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found.count(None) == 1
    assert len(found) == 6
    assert len(set(found)) == 2


def test_replay_starts_anew(db: Database) -> None:
    """A replay is the same job with its history: attempts start anew, and it looks before it writes."""
    job = failed(db)
    with db.write() as connection:
        then = queue.replay(db, connection, job, "ann", later(9))
    assert read(db, job) == then
    assert (then.id, then.state, then.attempt, then.deaths, then.due_at) == (job.id, State.QUEUED, 0, 0, later(9))
    assert (then.error, then.result, then.finished_at, then.erp_id) == (None, None, None, None)
    assert then.progress == {"look_first": True, "sent_at": 5.0, "past": ["op-1"]}
    assert (then.starts, then.fence) == (job.starts, job.fence)
    moves = moves_of(db, job)
    assert whole(moves, State.QUEUED)
    assert (len(moves), moves[-1].by, moves[-1].cause) == (5, "ann", "replayed")


def test_replay_with_edits(db: Database) -> None:
    """Edited arguments go along, with what they are about."""
    job = failed(db)
    with db.write() as connection:
        queue.replay(db, connection, job, "ann", NOW, wanted(77))
    then = read(db, job)
    assert (then.arguments["ref_no"], then.reference, then.subject) == ("000077", "P/000077", "kit-assembly/P/000077")
    assert moves_of(db, job)[-1].cause == "replayed with edited arguments"


def test_replay_never_sent(db: Database) -> None:
    """What was never sent needs no look first."""
    (job,) = make(db)
    with db.write() as connection:
        gone = queue.cancel(db, connection, job, "ops", NOW)
        assert queue.replay(db, connection, gone, "ops", NOW).progress == {"look_first": False, "sent_at": None, "past": []}
    assert len(claim(db)) == 1


def test_past_is_bounded(db: Database) -> None:
    """A job that is replayed for ever remembers its last eight operations."""
    job = failed(db)
    for number in range(12):
        with db.write() as connection:
            queue.replay(db, connection, job, "ops", NOW)
        (job,) = claim(db)
        settle(db, job, verdicts.accepted("taken", wait=0, erp_id=f"op-{number}"))
        settle(db, read(db, job), verdicts.failed(FAULT))
        job = read(db, job)
    assert job.progress["past"] == ["op-1", "op-1", *[f"op-{n}" for n in range(11)]][-8:]


def test_discard_ends(db: Database) -> None:
    """A discarded job is over, for the reason that it failed for."""
    job = failed(db)
    with db.write() as connection:
        queue.discard(db, connection, job, "ann", later(3))
    then = read(db, job)
    assert (then.state, then.error, then.finished_at) == (State.CANCELLED, FAULT, later(3))
    assert moves_of(db, job)[-1].cause == "discarded"


def test_cancel_queued(db: Database) -> None:
    """A cancelled job does not start."""
    (job,) = make(db)
    with db.write() as connection:
        queue.cancel(db, connection, job, "ops", NOW)
    assert claim(db) == []
    assert read(db, job).finished_at == NOW


def test_cancel_waiting(db: Database) -> None:
    """One that the ERP has taken is followed no more, its document is free, and its timeline says what may happen."""
    make(db, wanted(1), wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=30))
    seen = read(db, job)
    with db.write() as connection:
        queue.cancel(db, connection, seen, "ops", NOW)
    assert "may still carry it out" in moves_of(db, job)[-1].cause
    assert settle(db, seen, verdicts.done("seen")) == []
    assert len(claim(db)) == 1


ACTIONS: Final[dict[str, Callable[..., Job]]] = {"replay": queue.replay, "cancel": queue.cancel, "discard": queue.discard}
TAKES: Final = {
    "replay": {State.FAILED, State.CANCELLED},
    "cancel": {State.QUEUED, State.WAITING, State.RETRYING},
    "discard": {State.FAILED},
}


@pytest.mark.parametrize("state", sorted(State))
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_actions_fit_states(action: str, state: State, sqlite_db: Database) -> None:
    """Each action takes the states that it is for and refuses the others, changing nothing."""
    (job,) = make(sqlite_db)
    verdict = {
        State.WAITING: verdicts.accepted("", wait=9),
        State.RETRYING: verdicts.retry(FAULT),
        State.SUCCEEDED: verdicts.done(""),
        State.FAILED: verdicts.failed(FAULT),
    }.get(state)
    if state not in {State.QUEUED, State.CANCELLED}:
        (job,) = claim(sqlite_db)
    if verdict is not None:
        settle(sqlite_db, job, verdict)
    if state is State.CANCELLED:
        with sqlite_db.write() as connection:
            queue.cancel(sqlite_db, connection, job, "ops", NOW)
    job = read(sqlite_db, job)
    assert job.state is state
    with sqlite_db.write() as connection:
        if state in TAKES[action]:
            assert ACTIONS[action](sqlite_db, connection, job, "ops", NOW).state is not state
            return
        with pytest.raises(Conflict, match=f"a {state} job can't be"):
            ACTIONS[action](sqlite_db, connection, job, "ops", NOW)
    assert read(sqlite_db, job) == job


def test_action_on_stale_job(db: Database) -> None:
    """A job that moved on since the person looked is not touched."""
    (job,) = make(db)
    claim(db)
    with pytest.raises(Conflict, match="moved on"), db.write() as connection:
        queue.cancel(db, connection, job, "ops", NOW)
    assert read(db, job).state is State.RUNNING


def test_unknown_job(db: Database) -> None:
    """What is not there is not found."""
    with db.read() as connection, pytest.raises(NotFound):
        queue.find(connection, "none")


def test_replay_of_what_was_done_since(db: Database) -> None:
    """A failed job whose unique key another job has taken since, and done, can't be replayed: it would be done twice."""
    (first,) = make(db, wanted(1, unique_key="order-1"))
    (claimed,) = claim(db)
    settle(db, claimed, verdicts.failed(JobError("validation", "no")))
    (second,) = make(db, wanted(1, unique_key="order-1"), now=later(100_000))
    with db.write() as connection, pytest.raises(Conflict, match="unique key"):
        queue.replay(db, connection, queue.find(connection, first.id), "ops", later(100_001))
    (again,) = claim(db, now=later(100_002))
    settle(db, again, verdicts.done("seen"), later(100_003))

    with db.write() as connection, pytest.raises(Conflict, match=second.id):
        queue.replay(db, connection, queue.find(connection, first.id), "ops", later(100_004))


def test_replay_of_the_last_of_a_key(db: Database) -> None:
    """Of two failed jobs with one key the later one may be replayed, and then not the other as well."""
    found = []
    for number in range(2):
        (job,) = make(db, wanted(1, unique_key="order-1"), now=later(number))
        (claimed,) = claim(db, now=later(number))
        settle(db, claimed, verdicts.failed(JobError("validation", "no")), later(number))
        found.append(job.id)

    with db.write() as connection:
        replayed = queue.replay(db, connection, queue.find(connection, found[1]), "ops", later(5))
    with db.write() as connection, pytest.raises(Conflict, match="unique key"):
        queue.replay(db, connection, queue.find(connection, found[0]), "ops", later(6))

    assert replayed.state is State.QUEUED
