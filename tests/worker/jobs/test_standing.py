"""How the jobs of connections stand that are not over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import update

from tests.worker.jobs.acting import NOW, claim, make, settle, wanted
from worker.jobs import overview, verdicts
from worker.jobs.model import JobError
from worker.jobs.overview import Standing
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from worker.jobs.engine import Database


def test_standing_by_connection(db: Database) -> None:
    """By connection: open jobs by state, failures that nothing closed, and those of them in doubt; only of the tenants asked."""
    make(db, *(wanted(n) for n in range(7)), wanted(1, tenant="other"))
    done, waits, again, wrong, doubt, _ = claim(db, 6)
    settle(db, done, verdicts.done("seen"))
    settle(db, waits, verdicts.accepted("taken", wait=9))
    settle(db, again, verdicts.retry(JobError("timeout", "no answer")))
    settle(db, wrong, verdicts.failed(JobError("validation", "no")))
    settle(db, doubt, verdicts.failed(JobError("in_doubt", "who knows")))
    acme = Standing("acme", "visma", queued=1, running=1, waiting=1, retrying=1, in_doubt=1, failed=2)
    with db.read() as connection:
        assert overview.standing(connection, ["acme"]) == [acme]
        assert overview.standing(connection, None) == [acme, Standing("other", "visma", queued=1)]
    with db.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == doubt.id).values(closed_at=NOW))
        assert overview.standing(connection, ["acme"]) == [replace(acme, in_doubt=0, failed=1)]
