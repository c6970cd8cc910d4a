"""Looks that stand still are passed on by the schedulers, on both databases: which, when, and what is written of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from tests.worker.jobs.acting import NOW, claim, later, make_batch, moves_of, turned
from tests.worker.jobs.test_list_plans import plans
from tests.worker.sync.company import INTACCT, ITEMPATH, VISMA
from worker.jobs import fleet, limits, queue
from worker.jobs.making import insert_jobs
from worker.jobs.model import Job, Lane
from worker.jobs.requests import new_job
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.settings import Settings, Sync, Tenant
from worker.sync import passing
from worker.sync.passing import PATIENCE, Passing

if TYPE_CHECKING:
    from worker.jobs.engine import Database

SETTINGS = Settings(tenants={"acme": Tenant("acme", VISMA, ITEMPATH, INTACCT, Sync(source="visma", targets=("itempath", "intacct")))})
LATE = PATIENCE.total_seconds() + 1


def ask(db: Database, kind: str = "read_kit", **more: Any) -> str:
    """Ask for a look."""
    arguments = {"kit": "CHAIR"} if kind != "read_kit_assembly" else {"type": "P", "ref_no": "000001"}
    new = replace(new_job(SETTINGS, "acme", kind, arguments), **more)
    with db.write() as connection:
        return insert_jobs(connection, [new], "test", NOW)[0].id


def job(db: Database, job_id: str) -> Job:
    """The job as it stands."""
    with db.read() as connection:
        return queue.find(connection, job_id)


def pause(db: Database, *erps: str) -> None:
    """Pause connections of acme."""
    with db.write() as connection:
        for erp in erps:
            limits.set_paused(db, connection, Lane("acme", erp), "ops", NOW)


def sweep(db: Database, seconds: float = 0.0) -> int:
    """A scheduler's round so much later."""
    return Passing(SETTINGS, db).sweep(later(seconds))


def test_paused(db: Database) -> None:
    """A look at a paused connection goes on to the next system, and its timeline says why."""
    asked = ask(db)
    pause(db, "visma")

    assert (sweep(db), sweep(db)) == (1, 0)

    found = job(db, asked)
    assert (found.state, found.erp, found.owner, found.attempt) == (State.QUEUED, "itempath", None, 0)
    assert found.progress["look"]["sides"]["visma"]["trouble"] == ["paused by ops"]
    moves = [(move.origin, move.target, move.cause) for move in moves_of(db, found)][1:]
    assert moves == [("queued", "running", "visma: paused by ops"), ("running", "queued", "visma is passed by: paused by ops")]


def test_all_paused(db: Database) -> None:
    """The last system that is passed by ends the look."""
    asked = ask(db)
    pause(db, "visma", "itempath", "intacct")

    assert [sweep(db) for _ in range(4)] == [1, 1, 1, 0]

    found = job(db, asked)
    assert (found.state, found.progress) == (State.SUCCEEDED, {})
    assert [side["state"] for side in found.result["sides"]] == ["unreachable"] * 3
    assert [each["state"] for each in found.result["comparisons"]] == ["not_compared"] * 2


def test_patience(db: Database) -> None:
    """A lane that is up is waited for; after a while the look goes on without it."""
    asked = ask(db)

    assert sweep(db, LATE - 2) == 0
    assert sweep(db, LATE) == 1
    assert job(db, asked).progress["look"]["sides"]["visma"]["trouble"] == ["it took no call within 20 s"]


def test_due_later(db: Database) -> None:
    """A look that was planned for later stands in no line yet."""
    ask(db, run_at=NOW + timedelta(hours=1))
    pause(db, "visma")

    assert sweep(db, LATE) == 0


@pytest.mark.parametrize("kind", ["read_kit_assembly", "sync_kit_lines"])
def test_other_kinds_stand(db: Database, kind: str) -> None:
    """What has one place to be done in waits there, whatever becomes of the connection."""
    asked = ask(db, kind)
    pause(db, "visma")

    assert sweep(db, LATE) == 0
    assert job(db, asked).erp == "visma"


def test_running_goes_on(db: Database) -> None:
    """A look that a worker has is not taken from it; when the worker dies, and the connection is paused, it goes on."""
    asked = ask(db)
    claim(db)
    pause(db, "visma")
    assert sweep(db, LATE) == 0
    with db.write() as connection:
        fleet.reap(db, connection, later(70), 15)

    assert job(db, asked).state is State.WAITING
    assert sweep(db, 70) == 1

    assert (job(db, asked).state, job(db, asked).erp) == (State.QUEUED, "itempath")


def test_late_worker(db: Database) -> None:
    """A worker that claims a look in the same moment finds it gone to another lane."""
    ask(db)
    pause(db, "visma")
    sweep(db)

    assert claim(db, now=later(1)) == []
    (taken,) = claim(db, now=later(1), lane=Lane("acme", "itempath"))
    assert taken.fence == 2


def test_looks_of_a_batch(db: Database) -> None:
    """Looks of a batch wait for each other as long as it takes; a paused batch stands, and so do its looks."""
    batch = make_batch(db, new_job(SETTINGS, "acme", "read_kit", {"kit": "CHAIR"}))
    assert sweep(db, LATE) == 0
    pause(db, "visma")
    turned(db, batch, "pause")
    assert sweep(db, LATE) == 0
    turned(db, batch, "resume")

    assert sweep(db, LATE) == 1


def test_hidden_by_none(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many older looks of a batch wait for each other on a lane that is well, a look at a paused one goes on at once."""
    monkeypatch.setattr(passing, "MOST", 3)
    older = replace(new_job(SETTINGS, "acme", "read_kit", {"kit": "CHAIR"}), erp="itempath")
    make_batch(db, *[older] * 5)
    asked = ask(db)
    pause(db, "visma")

    assert sweep(db) == 1
    assert job(db, asked).erp == "itempath"


def test_many_go_on_bit_by_bit(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many that stand still, each round lets some go on, until none is left; those at other lanes come as well."""
    monkeypatch.setattr(passing, "MOST", 3)
    for _ in range(4):
        ask(db)
    ask(db, erp="itempath")
    pause(db, "visma")

    assert [sweep(db) for _ in range(3)] == [3, 1, 0]
    assert sweep(db, LATE) == 3


def test_few_are_gone_through(sqlite_db: Database) -> None:
    """A scheduler asks once a second: it comes by the kind and state of the jobs, not through all of the tenant's."""
    lines = plans(sqlite_db, lambda _: Passing(SETTINGS, sqlite_db).sweep(NOW))

    assert [line for line in lines if " jobs " in line] == ["SEARCH jobs USING INDEX ix_jobs_list (tenant=? AND kind=? AND state=?)"]


def test_fault_ends_one_look(db: Database) -> None:
    """A look that can't be gone on with fails as in a lane; the others, and the schedulers, go on."""
    broken, whole = ask(db), ask(db)
    pause(db, "visma")
    with db.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == broken).values(progress={"look": {"kits": {"itempath": 1}}}))

    assert sweep(db) == 2

    error = job(db, broken).error
    assert (job(db, broken).state, error.error_class if error else None) == (State.FAILED, "bug")
    assert (job(db, whole).state, job(db, whole).erp) == (State.QUEUED, "itempath")


def test_other_settings(db: Database) -> None:
    """A look at a connection that the settings do not have any more is left alone."""
    asked = ask(db)
    bare = Settings(tenants={"acme": Tenant("acme", itempath=ITEMPATH)})

    assert Passing(bare, db).sweep(later(LATE)) == 0
    assert job(db, asked).erp == "visma"
