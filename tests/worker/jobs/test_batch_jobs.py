"""A batch's jobs: what moved last, and all of them in portions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.jobs.acting import claim, later, make, make_batch, settle, wanted
from worker.jobs import batch_jobs, verdicts
from worker.jobs.model import JobError

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch


def latest(db: Database, batch: Batch, limit: int) -> list[tuple[str, str]]:
    """References and states."""
    with db.read() as connection:
        return [(job.reference, job.state.value) for job in batch_jobs.latest(connection, batch.id, limit)]


def test_latest_jobs(db: Database) -> None:
    """What runs stands first, then what ended last, then what is next; nothing twice, and nothing of others."""
    batch = make_batch(db, *(wanted(n) for n in range(6)))
    one, two, runs = sorted(claim(db, 3), key=lambda job: job.reference)
    make(db, wanted(9))
    settle(db, one, verdicts.done("seen"), later(5))
    settle(db, two, verdicts.failed(JobError("validation", "no")), later(7))

    found = latest(db, batch, 5)

    ends = [(two.reference, "failed"), (one.reference, "succeeded")]
    assert found == [(runs.reference, "running"), *ends, ("P/000003", "queued"), ("P/000004", "queued")]
    assert latest(db, batch, 2) == found[:2]


def test_few_run_first(db: Database) -> None:
    """However many run, most of the list tells what came to its end."""
    batch = make_batch(db, *(wanted(n) for n in range(20)))
    for job in claim(db, 20)[:8]:
        settle(db, job, verdicts.done("seen"))

    assert [state for _, state in latest(db, batch, 10)] == ["running"] * 5 + ["succeeded"] * 5


def test_waiting_come_early(db: Database) -> None:
    """What the ERP has in hand stands before what is still in line, and with what runs takes no more of the list than that alone."""
    batch = make_batch(db, *(wanted(n) for n in range(20)))
    ordered = sorted(claim(db, 12), key=lambda job: job.reference)
    for job in ordered[:4]:
        settle(db, job, verdicts.accepted("taken", wait=60, erp_id=f"op-{job.reference}"))
    for job in ordered[4:8]:
        settle(db, job, verdicts.done("seen"))

    assert [state for _, state in latest(db, batch, 10)] == ["running"] * 4 + ["waiting"] + ["succeeded"] * 4 + ["queued"]


@pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
def test_portions_are_whole(db: Database, count: int) -> None:
    """Every job comes once, in the order made, whatever its state."""
    batch = make_batch(db, *(wanted(n) for n in range(count)))
    for job in claim(db, count // 2):
        settle(db, job, verdicts.done("seen"))
    make(db, wanted(99))

    found = [job.reference for portion in batch_jobs.portions(db, batch.id, size=10) for job in portion]

    assert found == [f"P/{n:06}" for n in range(count)]
