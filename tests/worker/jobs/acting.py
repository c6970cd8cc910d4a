"""What the tests of the ledger do again and again: make jobs, claim them, hand in verdicts, read what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from worker.jobs import batches, claims, queue, search
from worker.jobs.batches import NewBatch
from worker.jobs.changes import Change, apply
from worker.jobs.making import insert_jobs
from worker.jobs.model import Lane
from worker.jobs.tables import jobs
from worker.jobs.verdicts import NewJob, after
from worker.settings import Retries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch, Job, Move
    from worker.jobs.states import State
    from worker.jobs.verdicts import Verdict

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LANE: Final = Lane("acme", "visma")
WORKER: Final = "worker-a"
RULES: Final = Retries()
LEASE: Final = timedelta(seconds=90)


def later(seconds: float) -> datetime:
    """So many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def wanted(number: int = 1, *, subject: str | None = "", tenant: str = "acme", **values: Any) -> NewJob:
    """A release of document `number`; pass `subject` (None for none) to work on another document."""
    reference = f"P/{number:06}"
    whole: dict[str, Any] = {
        "tenant": tenant,
        "erp": "visma",
        "kind": "release_kit_assembly",
        "arguments": {"type": "P", "ref_no": f"{number:06}"},
        "reference": reference,
        "subject": f"kit-assembly/{reference}" if subject == "" else subject,
        "max_attempts": 3,
        **values,
    }
    return NewJob(**whole)


def make(db: Database, *news: NewJob, now: datetime = NOW, by: str = "ops") -> list[Job]:
    """Make these jobs, or one, now."""
    with db.write() as connection:
        return insert_jobs(connection, news or (wanted(),), by, now)


def make_batch(db: Database, *news: NewJob, now: datetime = NOW, tenant: str = "acme", select: dict[str, Any] | None = None) -> Batch:
    """A batch of these jobs that may start."""
    with db.write() as connection:
        batch = batches.open_batch(connection, NewBatch(tenant, "visma", "release_kit_assembly", "many", select), "ops", now)
    batches.fill(db, batch, [_in(batch, new) for new in news], iter([now] * (len(news) + 1)))
    with db.write() as connection:
        batches.start(connection, batch.id, now)
        return batches.find(db, connection, batch.id)


def ended_batch(db: Database, every: float, count: int = 50, *, now: datetime = NOW, state: str = "succeeded", tenant: str = "acme") -> str:
    """A batch of which one job ended every so many seconds, four seconds after its start; its id."""
    batch = make_batch(db, *(wanted(n, tenant=tenant) for n in range(count)), now=now, tenant=tenant)
    with db.write() as connection:
        found = connection.execute(select(jobs.c.id).where(jobs.c.batch == batch.id)).scalars().all()
        ends = [{"job": job, "end": now + timedelta(seconds=every * n)} for n, job in enumerate(found, 1)]
        row = update(jobs).where(jobs.c.id == bindparam("job"))
        values = row.values(state=state, started_at=bindparam("start"), finished_at=bindparam("end"))
        connection.execute(values, [{**each, "start": each["end"] - timedelta(seconds=4)} for each in ends])
    return batch.id


def _in(batch: Batch, new: NewJob) -> NewJob:
    return NewJob(**{**{name: getattr(new, name) for name in NewJob.__slots__}, "batch": batch.id})


def claim(db: Database, count: int = 1, *, now: datetime = NOW, worker: str = WORKER, lane: Lane = LANE) -> list[Job]:
    """Claim as a lane's loop does: alone on the lane."""
    with db.write() as connection:
        db.serialise(connection, f"lane {lane}")
        return claims.claim(connection, lane, worker, now, now + LEASE, count)


def settle(db: Database, job: Job, verdict: Verdict, now: datetime = NOW, rules: Retries = RULES) -> list[Change]:
    """Hand in a verdict on a job as its worker knows it; empty when it came too late."""
    change = Change(job, after(job, verdict, now, rules, 0.5), verdict.cause, f"worker {job.owner}", follow=verdict.follow)
    with db.write() as connection:
        return apply(db, connection, [change], now)


def read(db: Database, job: Job | str) -> Job:
    """The job as the ledger has it."""
    with db.read() as connection:
        return queue.find(connection, job if isinstance(job, str) else job.id)


def batch_now(db: Database, batch: Batch) -> Batch:
    """The batch as the ledger has it."""
    with db.read() as connection:
        return search.find_batch(connection, batch.id)


def turned(db: Database, batch: Batch, action: str, now: datetime = NOW) -> Batch:
    """Pause, resume or cancel a batch."""
    with db.write() as connection:
        return batches.turn(db, connection, batch.id, action, now)


def moves_of(db: Database, job: Job | str) -> list[Move]:
    """The job's timeline."""
    with db.read() as connection:
        return search.timeline(connection, queue.find(connection, job if isinstance(job, str) else job.id))


def whole(moves: Sequence[Move], state: State) -> bool:
    """Whether a timeline has no holes: it begins where the job was made, each line goes on from the last, and it ends in `state`."""
    origins = [move.origin for move in moves]
    targets: list[State | None] = [move.target for move in moves]
    return origins == [None, *targets[:-1]] and targets[-1] is state


def ids(found: Sequence[Job]) -> list[str]:
    """Their ids, in order."""
    return [job.id for job in found]
