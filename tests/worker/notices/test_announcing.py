"""What happens is told once, in the transaction of the move itself, to those who want to know."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from tests.worker.jobs.acting import LANE, NOW, claim, later, make, make_batch, read, settle, turned, wanted
from tests.worker.notices.acting import ended
from worker.connections import Limits, Report
from worker.handling import Page
from worker.jobs import batches, fleet, limits, queue
from worker.jobs.engine import Database
from worker.jobs.model import JobError, Lane
from worker.jobs.rows import job_of
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.jobs.verdicts import again, done, failed
from worker.notices.announcing import Notices, announcer
from worker.notices.contents import LARGEST_RESULT
from worker.planning import Planner
from worker.settings import NOTICE_EVENTS, NOTICES, SEND_NOTICE, Notice, Secret, Settings, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import Verdict

SHOP = Notice("shop", "https://shop.test", (Secret("s"),))
ERROR = JobError("validation", "the item is on hold", 400)


@pytest.fixture
def telling(db: Database) -> Iterator[Database]:
    """The same ledger, opened by somebody who has acme's shop told of everything."""
    opened = Database(db.url, Notices({"acme": (SHOP,)}))
    yield opened
    opened.close()


def told(db: Database) -> list[tuple[str, dict[str, Any]]]:
    """The notices that were made: what each says, oldest first."""
    return [(job.arguments["type"], job.arguments["data"]) for job in notices(db)]


def notices(db: Database) -> list[Job]:
    """The jobs that tell."""
    with db.read() as connection:
        return [job_of(row) for row in connection.execute(select(jobs).where(jobs.c.kind == SEND_NOTICE).order_by(jobs.c.id))]


def refreshed(db: Database, report: Report, at: float = 0.0, lane: Lane = LANE) -> None:
    """A worker hands in what it saw."""
    with db.write() as connection:
        limits.refresh(db, connection, lane, "w1", Limits(4), report, later(at), later(at + 10), 0.5)


def test_end_is_told_with_it(telling: Database) -> None:
    """A job that succeeds makes a notice in the lane of notices, which waits for nothing; what else it does is not told."""
    make(telling, wanted(1, tags=("blue",), unique_key="order-1"))
    (job,) = claim(telling)
    settle(telling, job, again("no slot"))
    (job,) = claim(telling)
    assert notices(telling) == []
    (kept,) = settle(telling, job, done("seen", {"status": "R"}))
    (notice,) = notices(telling)
    assert [(new.tenant, new.erp) for new in kept.follow] == [("acme", NOTICES)]
    assert (notice.lane, notice.state, notice.due_at, notice.batch) == (Lane("acme", NOTICES), State.QUEUED, NOW, None)
    assert notice.arguments == {
        "notice": "shop",
        "type": "job.succeeded",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "id": job.id,
            "tenant": "acme",
            "kind": "release_kit_assembly",
            "state": "succeeded",
            "reference": "P/000001",
            "erp": "visma",
            "erp_id": None,
            "unique_key": "order-1",
            "batch": None,
            "tags": ["blue"],
            "finished_at": "2026-03-01T12:00:00Z",
            "result": {"status": "R"},
            "result_omitted": False,
            "error": None,
        },
    }


def test_failure_is_told(telling: Database) -> None:
    """A job that needs a person is told with its error; cancelled and discarded ones are not told."""
    first, second = make(telling, wanted(1), wanted(2))
    for job in claim(telling, 2):
        settle(telling, job, failed(ERROR))
    with telling.write() as connection:
        queue.discard(telling, connection, read(telling, first), "ops", NOW)
        queue.replay(telling, connection, read(telling, second), "ops", NOW)
    with telling.write() as connection:
        queue.cancel(telling, connection, read(telling, second), "ops", NOW)
    assert [kind for kind, _ in told(telling)] == ["job.failed"] * 2
    assert told(telling)[0][1]["error"] == {"class": "validation", "message": ERROR.message, "status": 400, "retry": False}


@pytest.mark.parametrize("end", [done("read", {"document": None}), failed(ERROR)])
def test_looks_are_not_told(telling: Database, end: Verdict) -> None:
    """Whoever asked for a look waits for it: nobody else is told of its end."""
    make(telling, replace(wanted(1), kind="read_kit_assembly", subject=None))
    (job,) = claim(telling)

    settle(telling, job, end)

    assert notices(telling) == []


def test_late_worker_tells_nothing(telling: Database) -> None:
    """Who lost its job ends nothing, so nothing is told; its successor's end is told once."""
    make(telling)
    (late,) = claim(telling)
    settle(telling, late, again("a stop came"))
    (job,) = claim(telling, worker="worker-b")
    assert settle(telling, late, done("seen")) == []
    settle(telling, job, done("seen"))
    settle(telling, job, done("seen"))
    assert len(notices(telling)) == 1


def test_rolled_back_was_never_told(telling: Database) -> None:
    """Move and notice are one transaction: neither is there without the other."""
    make(telling)
    (job,) = claim(telling)

    def killed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        if statement.startswith("INSERT INTO jobs"):
            raise KeyboardInterrupt

    event.listen(telling.engine, "before_cursor_execute", killed)
    with pytest.raises(KeyboardInterrupt):
        settle(telling, job, done("seen"))
    event.remove(telling.engine, "before_cursor_execute", killed)
    assert (read(telling, job).state, notices(telling)) == (State.RUNNING, [])
    settle(telling, job, done("seen"))
    assert (read(telling, job).state, len(notices(telling))) == (State.SUCCEEDED, 1)


def test_replayed_job_ends_anew(telling: Database) -> None:
    """Each end is an event of its own: a job that failed, was replayed and succeeded is told twice."""
    (made,) = make(telling)
    settle(telling, claim(telling)[0], failed(ERROR))
    with telling.write() as connection:
        queue.replay(telling, connection, read(telling, made), "ops", NOW)
    settle(telling, claim(telling)[0], done("seen"))
    assert [kind for kind, _ in told(telling)] == ["job.failed", "job.succeeded"]


def test_notice_makes_no_notice(telling: Database) -> None:
    """The end of a notice is told to nobody, good or bad."""
    make(telling, wanted(1), wanted(2))
    for job in claim(telling, 2):
        settle(telling, job, done("seen"))
    good, bad = claim(telling, 2, lane=Lane("acme", NOTICES))
    settle(telling, good, done("taken"))
    settle(telling, bad, failed(ERROR))
    assert len(notices(telling)) == 2


def test_poison_is_told(telling: Database) -> None:
    """A job that is set aside because it killed its workers is told by who finds that out."""
    make(telling)
    with telling.write() as connection:
        connection.execute(jobs.update().values(deaths=fleet.MOST_DEATHS - 1))
    claim(telling)
    with telling.write() as connection:
        fleet.reap(telling, connection, later(60), 12.0)
    assert [(kind, data["error"]["class"]) for kind, data in told(telling)] == [("job.failed", "poison")]


def test_each_receiver_chooses() -> None:
    """Events and kinds are chosen by each receiver; a tenant's receivers hear nothing of another tenant."""
    failures = replace(SHOP, name="failures", events=("job.failed",))
    syncs = replace(SHOP, name="syncs", kinds=("sync_kit_lines",))
    found = Notices({"acme": (SHOP, failures, syncs)})

    def names(job: Job) -> list[str]:
        return [new.arguments["notice"] for new in found.job(job, NOW)]

    assert names(ended()) == ["shop"]
    assert names(ended(state=State.FAILED)) == ["shop", "failures"]
    assert names(ended(kind="sync_kit_lines")) == ["shop", "syncs"]
    assert names(ended(tenant="globex")) == []
    assert names(ended(state=State.CANCELLED)) == []


def test_large_result_left_out() -> None:
    """A notice stays small: a large result is left out, and it says so."""
    (new,) = Notices({"acme": (SHOP,)}).job(ended(result={"lines": ["x" * 100] * (LARGEST_RESULT // 100)}), NOW)
    assert (new.arguments["data"]["result"], new.arguments["data"]["result_omitted"]) == (None, True)


def test_batch_end_told_once(telling: Database) -> None:
    """The end of a batch is told with the API's batch object, however often it is looked for."""
    batch = make_batch(telling, wanted(1), wanted(2))
    for job, verdict in zip(claim(telling, 2), (done("seen"), failed(ERROR)), strict=True):
        settle(telling, job, verdict)
    for seconds in (1, 2):
        with telling.write() as connection:
            batches.close_finished(connection, later(seconds))
    ((kind, data),) = [each for each in told(telling) if each[0] == "batch.finished"]
    assert (kind, data["id"], data["state"], data["total"]) == ("batch.finished", batch.id, "finished", 2)
    assert (data["counts"]["succeeded"], data["counts"]["failed"], data["failures"][0]["count"]) == (1, 1, 1)


def test_two_closers_tell_once(telling: Database) -> None:
    """Two processes that find a batch's end in the same moment tell of it once."""
    make_batch(telling, wanted(1))
    settle(telling, claim(telling)[0], done("seen"))
    found: list[list[str]] = []

    def close() -> None:
        with telling.write() as connection:
            found.append(batches.close_finished(connection, later(2)))

    other = threading.Thread(target=close)
    with telling.write() as connection:
        found.append(batches.close_finished(connection, later(1)))
        other.start()
        other.join(0.3)  # on PostgreSQL it has looked by now, and waits for the row
    other.join(20)
    assert sorted(len(each) for each in found) == [0, 1]
    assert [kind for kind, _ in told(telling)].count("batch.finished") == 1


def _cancelled(db: Database) -> Batch:
    return turned(db, make_batch(db, wanted(1)), "cancel")


def _unplanned(db: Database) -> Batch:
    batch = _planning(db)
    for _ in range(2):
        with db.write() as connection:
            batches.fail_planning(connection, batch.id, "the ERP refuses the filter", NOW)
    return batch


def _abandoned(db: Database) -> Batch:
    with db.write() as connection:
        batch = batches.open_batch(connection, batches.NewBatch("acme", "visma", "release_kit_assembly", "many"), "ops", NOW)
        batches.end_abandoned(connection, later(3600))
    return batch


def _empty(db: Database) -> Batch:
    return _found_nothing(db, fleeting=False)


def _planning(db: Database) -> Batch:
    with db.write() as connection:
        new = batches.NewBatch("acme", "visma", "release_kit_assembly", "many", {"status": "B"})
        return batches.open_batch(connection, new, "ops", NOW)


def _found_nothing(db: Database, *, fleeting: bool) -> Batch:
    class Finder:
        def plan(self, _batch: Batch) -> Page:
            return Page([], {}, last=True, fleeting=fleeting)

    batch = _planning(db)
    planner = Planner(db, LANE, Finder(), lambda: NOW)  # type: ignore[arg-type] # it only plans
    write = planner.read(batch)
    with db.write() as connection:
        write(connection)
    return batch


@pytest.mark.parametrize(
    ("end", "state"), [(_cancelled, "cancelled"), (_unplanned, "cancelled"), (_abandoned, "cancelled"), (_empty, "succeeded")]
)
def test_every_end_is_told(telling: Database, end: Callable[[Database], Batch], state: str) -> None:
    """A batch that a person cancels, that can't be planned, whose request died, or that finds nothing is over, and told so once."""
    batch = end(telling)
    assert [(kind, data["id"], data["state"]) for kind, data in told(telling)] == [("batch.finished", batch.id, state)]


def test_fleeting_batch_is_not_told(telling: Database) -> None:
    """A comparison that found nothing leaves nothing behind, no notice either."""
    _found_nothing(telling, fleeting=True)
    assert told(telling) == []


def test_breaker_is_told(telling: Database) -> None:
    """A connection that breaks is told once, however long it stays so, and once when it is up again."""
    refreshed(telling, Report(failures=5, why="answers 503"))
    refreshed(telling, Report(failures=1, why="answers 503"), at=100)
    refreshed(telling, Report(oks=1), at=200)
    refreshed(telling, Report(oks=1), at=201)
    assert told(telling) == [
        ("connection.broken", {"tenant": "acme", "erp": "visma", "state": "broken", "why": "answers 503"}),
        ("connection.recovered", {"tenant": "acme", "erp": "visma", "state": "up", "why": None}),
    ]


def test_resumed_connection_is_told(telling: Database) -> None:
    """Who resumes a broken connection has it up again, as the API says; a pause by itself is no such news."""
    refreshed(telling, Report(failures=5))
    with telling.write() as connection:
        limits.set_paused(telling, connection, LANE, "ops", NOW)
    assert [kind for kind, _ in told(telling)] == ["connection.broken"]
    with telling.write() as connection:
        limits.set_paused(telling, connection, LANE, None, NOW)
    assert [kind for kind, _ in told(telling)] == ["connection.broken", "connection.recovered"]


def test_own_lane_is_not_told(telling: Database) -> None:
    """What becomes of the lane of notices is no news for those who get them."""
    refreshed(telling, Report(failures=5), lane=Lane("acme", NOTICES))
    assert told(telling) == []


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def _release(db: Database, tenant: str) -> list[str]:
    """The statements of a release from its making to its batch's end, with a connection that breaks and recovers."""
    lane = Lane(tenant, "visma")
    with statements(db) as found:
        make_batch(db, wanted(1, tenant=tenant), tenant=tenant)
        settle(db, claim(db, lane=lane)[0], done("seen"))
        refreshed(db, Report(failures=5), lane=lane)
        refreshed(db, Report(oks=1), at=200, lane=lane)
        with db.write() as connection:
            batches.close_finished(connection, later(1))
    return found


def test_silence_costs_nothing(sqlite_db: Database) -> None:
    """A release takes the very same statements with nobody to tell and with others to tell: then its batch's end is read once more."""
    telling = Database(sqlite_db.url, Notices({"acme": (SHOP,)}))
    plain = _release(sqlite_db, "globex")
    elsewhere = _release(telling, "initech")
    told_of = _release(telling, "acme")
    telling.close()
    assert len(elsewhere) == len(plain) + 1
    assert [each for each in elsewhere if "SELECT batches.id, batches.tenant" not in each] == [
        each for each in plain if "SELECT batches.id, batches.tenant" not in each
    ]
    assert sum("INSERT INTO jobs" in each for each in told_of) == sum("INSERT INTO jobs" in each for each in plain) + 4


def test_nobody_to_tell() -> None:
    """Settings without notices give no announcer at all; with them, one that knows every event."""
    assert announcer(Settings(tenants={"acme": Tenant("acme")})) is None
    found = announcer(Settings(tenants={"acme": Tenant("acme", notices={"shop": SHOP})}))
    assert found is not None
    assert found.job(ended(), NOW)
    assert SHOP.events == NOTICE_EVENTS
