"""Jobs with unique keys, many at a time: each key makes one job, whoever asks for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any

from tests.worker.jobs.acting import NOW, later
from worker.jobs import queue, search
from worker.jobs.uniques import make_jobs
from worker.jobs.verdicts import NewJob

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.outcomes import Made


def kit(key: str | None = "A1/KIT-1", **changes: Any) -> NewJob:
    """A kit assembly to be created."""
    new = NewJob("acme", "visma", "create_kit_assembly", {"item_id": "KIT-1", "quantity": 1}, "KIT-1", None, 3, unique_key=key)
    return replace(new, **changes)


def release(**changes: Any) -> NewJob:
    """A release, without a key."""
    return replace(NewJob("acme", "visma", "release_kit_assembly", {"type": "P", "ref_no": "1"}, "P/1", "kit-assembly/P/1", 3), **changes)


def make(db: Database, *news: NewJob, hours: float = 0) -> list[Made]:
    """Make or find."""
    with db.write() as connection:
        return make_jobs(db, connection, news, "a test", later(hours * 3600))


def count(db: Database) -> int:
    """How many jobs there are."""
    with db.read() as connection:
        return len(search.find_jobs(connection, search.JobFilter(), 1000))


def test_key_makes_one_job(db: Database) -> None:
    """In one transaction and in the next, a key is one job; another key, kind or tenant is another one."""
    made = make(db, kit(), kit("A1/KIT-2"), kit(), kit(tenant="globex"), kit(kind="update_kit_assembly"))
    again = make(db, kit("A1/KIT-2"), kit())

    assert [each.duplicate for each in made] == [False, False, True, False, False]
    assert made[2].job == made[0].job
    assert [(each.job, each.duplicate) for each in again] == [(made[1].job, True), (made[0].job, True)]
    assert count(db) == 4


def test_key_lives_as_in_the_api(db: Database) -> None:
    """A key holds while its job is open, and for 24 hours; a job of the API under the same key is the same job."""
    with db.write() as connection:
        first = queue.enqueue(db, connection, kit(), "ops", NOW).job
    assert [each.job for each in make(db, kit(), hours=100)] == [first.id]
    with db.write() as connection:
        queue.cancel(db, connection, queue.find(connection, first.id), "ops", NOW)

    assert [each.job for each in make(db, kit(), hours=23)] == [first.id]
    (second,) = make(db, kit(), hours=25)
    assert (second.job != first.id, second.duplicate) == (True, False)
    with db.write() as connection:
        assert queue.enqueue(db, connection, kit(), "ops", later(25 * 3600)).job.id == second.job


def test_without_a_key(db: Database) -> None:
    """What does the same as a waiting job joins it; but what creates something is created as often as it is asked for."""
    line = NewJob("acme", "itempath", "create_kit_line", {"kit": "K", "material": "M", "quantity": 1}, "K/M", "kit/K", 3)
    made = make(db, release(), kit(None), line, release(), kit(None), line)

    assert [each.duplicate for each in made] == [False, False, False, True, False, False]
    assert made[3].job == made[0].job
    assert count(db) == 5


def test_thousands_at_once(db: Database) -> None:
    """Thousands of jobs in one transaction need neither thousands of locks nor of statements."""
    news = [kit(f"A{number}") if number % 2 else release(subject=f"kit-assembly/P/{number}") for number in range(4_000)]

    assert len({each.job for each in make(db, *news)}) == 4_000


def test_at_once_is_one(db: Database) -> None:
    """Two who ask for the same keys at the same moment, in whatever order, get the same jobs."""
    news = [kit(f"A{number}") for number in range(40)]
    barrier = Barrier(4)

    def ask(turned: bool) -> set[str]:  # noqa: FBT001 - mapped over
        barrier.wait()
        return {each.job for each in make(db, *(reversed(news) if turned else news))}

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, (False, True, False, True)))
    assert len(set.union(*found)) == count(db) == 40
