"""No list, search, group, count or pruning goes through all jobs, words, moves or deliveries: on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import event

from tests.conftest import HAS_POSTGRES
from tests.worker.jobs.acting import LANE, NOW, claim, later, make, make_batch, settle, wanted
from worker.jobs import arrivals, gaps, overview, paces, pruning, search, speeds, spent, standstills, verdicts
from worker.jobs.arrivals import Arrival
from worker.jobs.deliveries import DeliveryFilter, find_deliveries
from worker.jobs.engine import Database
from worker.jobs.failures import FailureFilter, failure_groups, find_group
from worker.jobs.filters import JobFilter
from worker.jobs.ledger import migrate
from worker.jobs.model import JobError
from worker.jobs.progress import progress_of
from worker.jobs.tallies import tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from tests import postgres

    Ask = Callable[[Connection], object]

LARGE: Final = (
    *("jobs", "job_terms", "job_tags", "moves", "attempts", "exchanges", "deliveries", "delivery_jobs"),
    *("paces", "standstills", "acts"),
)
FEW: Final = ("ix_jobs_start", "ix_jobs_waiting", "ix_jobs_retrying", "ix_jobs_owner", "ix_jobs_failed")
"""Indexes that hold the jobs of one state only: to go through one of these is to go through few."""

ONE: Final = ("acme",)
FILTERS: Final[dict[str, dict[str, Any]]] = {
    "kind": {"kind": "delete_kit_assembly"},
    "state": {"state": ("failed",)},
    "open": {"state": ("queued", "running", "waiting", "retrying")},
    "batch": {"batch": ""},
    "batch and state": {"batch": "", "state": ("failed",)},
    "tag": {"tag": "red"},
    "erp id": {"erp_id": "op-2"},
    "reference": {"reference": "P/000001"},
    "ids": {"ids": tuple(f"019c0000-0000-7000-8000-{n:012}" for n in range(500))},
    "error class": {"error_class": "validation"},
    "a word": {"q": "p/0000"},
    "words": {"q": "closed p/0000"},
    "since": {"since": later(60)},
    "until": {"until": later(60)},
    "a time and a kind": {"since": NOW, "until": later(99), "kind": "delete_kit_assembly"},
    "tag and state": {"tag": "red", "state": ("failed",)},
    "tag and an open state": {"tag": "red", "state": ("waiting", "failed")},
    "tag and kind": {"tag": "red", "kind": "delete_kit_assembly"},
    "tag and batch": {"tag": "red", "batch": ""},
    "word and state": {"q": "p/0000", "state": ("waiting",)},
}
DELIVERIES: Final[dict[str, dict[str, Any]]] = {
    "type": {"type": "operation"},
    "job": {"job": "some"},
    "since": {"since": later(60)},
    "until": {"until": later(60)},
}


def plans(db: Database, ask: Ask) -> list[str]:
    """How the database goes through its tables to carry out what `ask` reads and deletes."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "WITH", "DELETE"}:
            seen.append((statement, parameters))

    with db.write() as connection:
        event.listen(db.engine, "before_cursor_execute", keep)
        try:
            ask(connection)
        finally:
            event.remove(db.engine, "before_cursor_execute", keep)
        lines: list[str] = []
        if not db.is_sqlite:  # so few rows are read at once, if it may be
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in seen:
            explain = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
            one = parameters[0] if isinstance(parameters, list) else parameters
            rows = connection.exec_driver_sql(f"{explain} {statement}", one)
            lines += [str(row.detail if db.is_sqlite else row[0]).strip() for row in rows]
    return lines


def full_scans(lines: list[str]) -> list[str]:
    """The lines in which a large table is gone through from end to end, or an index of it that holds all its rows."""
    names = "|".join(LARGE)
    found = [line for line in lines if re.search(rf"^SCAN ({names})\b|Seq Scan on ({names})\b", line)]
    return [line for line in found if not line.endswith(FEW)]


def fill(db: Database) -> Database:
    """Some hundred jobs in every state, of two tenants, and a delivery."""
    make_batch(db, *(wanted(n, tags=("red",)) for n in range(150)))
    make(db, *(wanted(n, kind="delete_kit_assembly") for n in range(150, 250)), now=later(90))
    make(db, *(wanted(n, tenant="other") for n in range(50)), now=later(120))
    for number, job in enumerate(claim(db, 32, now=later(200))):
        verdict = (
            verdicts.done("seen"),
            verdicts.accepted("taken", wait=60, erp_id=f"op-{number}"),
            verdicts.retry(JobError("timeout", "no answer")),
            verdicts.failed(JobError("validation", "it is closed")),
        )[number // 2 % 4]  # claims take turns between the batch and the others
        settle(db, job, verdict, later(200))
    with db.write() as connection:
        arrivals.store(db, connection, [Arrival("acme", "visma", "operation", {}, "", None, "visma")], later(100))
    return db


@pytest.fixture(scope="module", params=["sqlite", "postgresql"] if HAS_POSTGRES else ["sqlite"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A full ledger of either kind, one for all tests here: they only read."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path_factory.mktemp('plans') / 'ledger.db')}"
    else:
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        url = cluster.url(cluster.create())
        migrate(url)
    database = Database(url)
    yield fill(database)
    database.close()


def _batch(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT id FROM batches").scalar())


def _filter(connection: Connection, tenants: tuple[str, ...] | None, asked: dict[str, Any]) -> JobFilter:
    return JobFilter(tenants, **{**asked, **({"batch": _batch(connection)} if "batch" in asked else {})})


@pytest.mark.parametrize("tenants", [None, ONE], ids=["all", "one"])
@pytest.mark.parametrize("name", FILTERS)
def test_lists_use_indexes(name: str, tenants: tuple[str, ...] | None, busy: Database) -> None:
    """Jobs by any filter, from the first page and from a later one, and their count."""
    asked = FILTERS[name]
    with busy.read() as connection:
        wanted_jobs = _filter(connection, tenants, asked)
        first = search.find_jobs(connection, wanted_jobs, 2)
    after = first[-1].id if first else "f"
    found = plans(busy, lambda c: (search.find_jobs(c, wanted_jobs, 2), search.find_jobs(c, wanted_jobs, 2, after), tally(c, wanted_jobs)))
    assert found
    assert full_scans(found) == []


@pytest.mark.parametrize("tenants", [None, ONE], ids=["all", "one"])
def test_groups_use_indexes(tenants: tuple[str, ...] | None, busy: Database) -> None:
    """Failures by reason, of all or of a batch, and where a batch stands."""

    def ask(connection: Connection) -> None:
        batch = search.find_batch(connection, _batch(connection))
        assert failure_groups(connection, tenants, limit=9)
        assert failure_groups(connection, tenants, FailureFilter(batch=batch.id), limit=9)
        group = failure_groups(connection, tenants, FailureFilter(standing="open", kind=batch.kind), limit=9)[-1]
        assert find_group(connection, tenants, group.id) == group
        for chosen in (JobFilter(tenants, failure=group.id), JobFilter(tenants, failure=group.id, closed=False, batch=batch.id)):
            assert len(search.find_jobs(connection, chosen, 50)) == sum(tally(connection, chosen).values()) > 0
        assert progress_of(connection, batch, later(300)).counts["failed"]

    assert full_scans(plans(busy, ask)) == []


@pytest.mark.parametrize("name", DELIVERIES)
def test_deliveries_use_indexes(name: str, busy: Database) -> None:
    """Deliveries by what is rare, or long ago."""
    assert full_scans(plans(busy, lambda c: find_deliveries(c, DeliveryFilter(**DELIVERIES[name]), 9))) == []


@pytest.mark.parametrize("tenants", [None, ONE], ids=["all", "one"])
def test_figures_use_indexes(tenants: tuple[str, ...] | None, busy: Database) -> None:
    """How jobs stand, how many ended when, what a batch took, what stands still: none goes through jobs, nor through all figures."""

    def ask(connection: Connection) -> None:
        assert sum(each.failed for each in overview.standing(connection, tenants))
        assert paces.paces(connection, tenants, NOW, later(600), erp="visma")[0].counts["failed"]
        spent.calls_of(connection, _batch(connection))
        speeds.speed_of(connection, "acme", "release_kit_assembly", later(600))
        standstills.during(connection, LANE, NOW, later(600))
        standstills.now_standing(connection, [LANE], later(600))

    assert full_scans(plans(busy, ask)) == []


@pytest.mark.parametrize("state", ["queued", "waiting", "retrying", "failed"])
def test_gaps_use_indexes(state: str, busy: Database) -> None:
    """Why one job took so long is found without going through others."""
    with busy.read() as connection:
        (job,) = search.find_jobs(connection, JobFilter(state=(state,), batch=_batch(connection)), 1)
        moves = search.timeline(connection, job)
    found = plans(busy, lambda c: gaps.explained(c, job, moves, later(900)))
    assert found
    assert full_scans(found) == []


def test_jobs_on_one_document(busy: Database) -> None:
    """Found by the document."""
    with busy.read() as connection:
        (job,) = search.find_jobs(connection, JobFilter(reference="P/000001", tenant="acme"), 1)
    assert full_scans(plans(busy, lambda c: search.same_document(c, job, 9))) == []


def test_counts_use_no_jobs(busy: Database) -> None:
    """Counts for each scrape do not go through the jobs."""
    assert full_scans(plans(busy, lambda c: (overview.open_counts(c), overview.final_counts(c)))) == []


def test_pruning_uses_indexes(db: Database) -> None:
    """What is old is found by its age, and what belongs to a job by the job."""
    fill(db)
    keep = pruning.Keep(*[timedelta(seconds=1)] * 3)
    asked: list[list[str]] = []
    seen: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", remember)
    try:
        assert pruning.prune(db, keep, later(9999), lambda: True)
    finally:
        event.remove(db.engine, "before_cursor_execute", remember)
    for statement, parameters in seen:
        if statement.startswith(("SELECT", "DELETE FROM jobs", "DELETE FROM deliveries", "DELETE FROM job_terms")):
            asked.append(plans(db, lambda c, s=statement, p=parameters: c.exec_driver_sql(s, p).close()))  # type: ignore[misc]
    assert [full_scans(lines) for lines in asked] == [[]] * len(asked)


def test_full_scans_are_seen(busy: Database) -> None:
    """A question that no index answers is told from the others."""
    found = plans(busy, lambda c: c.exec_driver_sql("SELECT id FROM moves WHERE cause = 'unheard of'").close())
    assert len(full_scans(found)) == 1
