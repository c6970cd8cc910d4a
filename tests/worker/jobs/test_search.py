"""Lists: each filter, and pages without gaps or repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.jobs.acting import claim, later, make, make_batch, settle, turned, wanted
from worker.jobs import search, verdicts
from worker.jobs.model import JobError
from worker.jobs.search import JobFilter
from worker.jobs.states import State
from worker.jobs.tallies import tally

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job


def stock(db: Database) -> list[Job]:
    """Five jobs that differ in everything that can be asked for."""
    make(db, wanted(1, tags=("red", "rush")))
    make(db, wanted(2, kind="delete_kit_assembly", tags=("red",)), now=later(60))
    batch = make_batch(db, wanted(3), now=later(120))
    make(db, replace(wanted(4), tenant="other"), now=later(180))
    make(db, replace(wanted(50), reference="100%_sure"), now=later(240))
    one, two, three, *_ = claim(db, 9, now=later(300))
    by_number = {job.reference: job for job in (one, two, three)}
    settle(db, by_number["P/000001"], verdicts.accepted("taken", wait=5, erp_id="op-1"), later(300))
    settle(db, by_number["P/000002"], verdicts.failed(JobError("validation", "Item KIT-9 is closed", 400)), later(300))
    assert batch.total == 1
    return find(db)[::-1]


def find(db: Database, limit: int = 100, after: str | None = None, **wanted_values: Any) -> list[Job]:
    """Look for jobs."""
    with db.read() as connection:
        return search.find_jobs(connection, JobFilter(**wanted_values), limit, after)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [4, 3, 2, 1, 0]),
        ({"tenant": "other"}, [3]),
        ({"tenants": ("acme",)}, [4, 2, 1, 0]),
        ({"tenants": ()}, []),
        ({"tenants": ("acme",), "tenant": "other"}, []),
        ({"kind": "delete_kit_assembly"}, [1]),
        ({"state": ("waiting",)}, [0]),
        ({"state": ("failed", "waiting")}, [1, 0]),
        ({"tag": "red"}, [1, 0]),
        ({"tag": "rush"}, [0]),
        ({"tag": "r"}, []),
        ({"erp_id": "op-1"}, [0]),
        ({"reference": "P/000002"}, [1]),
        ({"reference": "P/00000"}, []),
        ({"error_class": "validation"}, [1]),
        ({"q": "p/00000"}, [3, 2, 1, 0]),
        ({"q": "kit-9"}, [1]),
        ({"q": "op-1"}, [0]),
        ({"q": "rush"}, [0]),
        ({"q": "CLOSED item kit"}, [1]),
        ({"q": "closed 000002"}, [1]),
        ({"q": "closed 000001"}, []),
        ({"q": "losed"}, []),
        ({"q": "100% sure"}, [4]),
        ({"q": "0000"}, [4, 3, 2, 1, 0]),
        ({"q": "0000", "tenants": ("other",)}, [3]),
        ({"q": "0000", "kind": "delete_kit_assembly"}, [1]),
        ({"q": "%"}, []),
        ({"tag": "red", "kind": "delete_kit_assembly"}, [1]),
        ({"tag": "red", "state": ("waiting",)}, [0]),
        ({"error_class": "validation", "state": ("waiting",)}, []),
        ({"error_class": "validation", "kind": "delete_kit_assembly", "state": ("failed",)}, [1]),
        ({"since": later(9999)}, []),
        ({"until": later(-9999)}, []),
        ({"since": later(120)}, [4, 3, 2]),
        ({"until": later(120)}, [1, 0]),
        ({"since": later(60), "until": later(180), "tag": "red"}, [1]),
    ],
)
def test_filters(asked: dict[str, Any], numbers: list[int], db: Database) -> None:
    """Each filter finds what it names and no more, newest first."""
    jobs = stock(db)
    assert find(db, **asked) == [jobs[number] for number in numbers]


def test_filter_by_batch(db: Database) -> None:
    """A batch's jobs are found by its id, and one job by its own."""
    jobs = stock(db)
    assert find(db, batch=jobs[2].batch) == [jobs[2]]
    assert find(db, q=jobs[3].id) == [jobs[3]]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_have_no_gaps(limit: int, db: Database) -> None:
    """Going from page to page shows each job once, also when new ones are made meanwhile."""
    made = make(db, *(wanted(n) for n in range(7)))
    seen: list[Job] = []
    page = find(db, limit)
    while page:
        seen += page
        make(db, wanted(900 + len(seen)))
        page = find(db, limit, page[-1].id)
    assert seen == made[::-1]


def test_batch_pages(db: Database) -> None:
    """Batches are listed likewise, by tenant and state."""
    made = [make_batch(db, wanted(n)) for n in range(4)]
    other = make_batch(db, replace(wanted(9), tenant="other"), tenant="other")
    paused = turned(db, made[1], "pause")
    with db.read() as connection:
        first = search.find_batches(connection, ("acme",), 2)
        rest = search.find_batches(connection, ("acme",), 2, first[-1].id)
        everything = search.find_batches(connection, None, 10)
        quiet = search.find_batches(connection, None, 10, state="paused")
    assert [*first, *rest] == [made[3], made[2], paused, made[0]]
    assert everything[0] == other
    assert quiet == [paused]


def test_named_by_ids(db: Database) -> None:
    """These and no others, newest first, of the tenants that are seen; with whatever else is asked for."""
    made = make(db, *(wanted(n) for n in range(4)), wanted(5, tenant="other"))
    chosen = (made[2].id, made[0].id, made[4].id, "019c0000-0000-7000-8000-000000000000")
    assert find(db, ids=chosen) == [made[4], made[2], made[0]]
    assert find(db, ids=chosen, tenants=("acme",)) == [made[2], made[0]]
    assert find(db, 1, made[2].id, ids=chosen, tenants=("acme",)) == [made[0]]
    assert find(db, ids=chosen, state=("failed",)) == []
    with db.read() as connection:
        assert tally(connection, JobFilter(("acme",), ids=chosen)) == {(State.QUEUED, "release_kit_assembly"): 2}
