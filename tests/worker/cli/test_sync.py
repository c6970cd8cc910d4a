"""`sync`: what it makes in the ledger, in which order, and how it ends. A worker is played by whoever sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from tests.worker.cli.clocks import time_with
from worker.jobs import batches as ledger
from worker.jobs.ledger import utc_now
from worker.jobs.search import JobFilter, find_batches, find_jobs
from worker.jobs.states import OPEN, BatchState
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from pathlib import Path

    from worker.jobs.engine import Database
    from worker.jobs.model import Job

Run = Callable[..., click.testing.Result]

MORE = """
[tenants.acme.itempath]
base_url = "http://127.0.0.1:9/itempath"
token = "a-token-for-tests"
webhook_secret = "a-secret-for-tests"

[tenants.acme.intacct]
base_url = "http://127.0.0.1:9/ia/api/v1"
client_id = "client"
client_secret = "secret"
username = "relay@acme"

[tenants.acme.sync]
source = "visma"
targets = ["itempath", "intacct"]
"""
ONE = {"create": [{"component": "NUT", "quantity": "4", "unit": "EA", "rank": 1}], "update": [], "delete": [], "same": 1}
NONE: dict[str, Any] = {"create": [], "update": [], "delete": [], "same": 2}


@dataclass
class Worker:
    """Ends what is open whenever somebody waits. `fails`: kits that can't be synced, with the message; `same`: kits in step."""

    database: Database
    fails: dict[str, str] = field(default_factory=dict)
    same: tuple[str, ...] = ()

    def __call__(self, _seconds: float) -> None:
        """Play one round."""
        now = utc_now()
        with self.database.write() as connection:
            for batch in find_batches(connection, None, 10, state=BatchState.PLANNING.value):
                connection.execute(batches.update().where(batches.c.id == batch.id).values(state="cancelled", message="no such page"))
            for job in find_jobs(connection, JobFilter(state=tuple(state.value for state in OPEN)), 100):
                connection.execute(jobs.update().where(jobs.c.id == job.id).values(finished_at=now, **self._end(job)))
            ledger.close_finished(connection, now)

    def _end(self, job: Job) -> dict[str, Any]:
        dry_run = job.arguments.get("dry_run", False)
        why = self.fails.get(job.reference)
        if why is not None and not (why.startswith("held") and dry_run):
            return {"state": "failed", "error_class": "conflict", "error_message": why}
        differs = job.reference not in self.same
        report = {"difference": ONE if differs else NONE, "applied": ["create NUT to 4"] if differs and not dry_run else []}
        result = {"kit": job.reference, "source": "visma", "wrote": differs and not dry_run, "targets": {"itempath": report}}
        return {"state": "succeeded", "result": result}


@pytest.fixture
def worker(file: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker, and a tenant with three ERPs."""
    file.write_text(file.read_text() + MORE)
    playing = Worker(database)
    for module in ("syncing", "watching"):
        monkeypatch.setattr(f"worker.cli.{module}.time", time_with(playing))
    return playing


def arguments(database: Database) -> list[dict[str, Any]]:
    """Those of all jobs, oldest first."""
    with database.read() as connection:
        return [job.arguments for job in find_jobs(connection, JobFilter(), 100)[::-1]]


def test_looks_then_applies(run: Run, worker: Worker) -> None:
    """One kit is two jobs: a dry run whose difference is shown, then the sync itself."""
    result = run("sync", "KIT-1", "--target", "itempath", "--nested", "explode", "--force")
    told = result.stdout
    assert result.exit_code == 0
    how = {"kit": "KIT-1", "targets": ["itempath"], "nested": "explode", "force": True}
    assert arguments(worker.database) == [{**how, "dry_run": True}, how]
    assert told.index("create  NUT") < told.index("1 kit: 1 with differences") < told.index("read again: no difference")
    assert "no worker is running" in result.stderr


@pytest.mark.parametrize("words", [("--dry-run",), ()])
def test_nothing_to_apply(words: tuple[str, ...], run: Run, worker: Worker) -> None:
    """A dry run ends after the table; a kit that is in step is not synced either."""
    worker.same = () if words else ("KIT-1",)
    assert run("sync", "KIT-1", *words).exit_code == 0
    assert arguments(worker.database) == [{"kit": "KIT-1", "dry_run": True}]


def test_several_are_batches(run: Run, worker: Worker) -> None:
    """Several kits are a batch of dry runs, then one of those that differ; a kit named twice is one."""
    worker.same = ("B",)
    worker.fails = {"C": "there is no such kit in visma"}
    result = run("sync", "A", "B", "C", "D", "A", "--json")
    told = json.loads(result.stdout)
    with worker.database.read() as connection:
        made = find_batches(connection, None, 10)
    assert result.exit_code == 1
    assert [each["kit"] for each in told["found"]["kits"]] == ["A", "B", "C", "D"]
    assert told["found"]["counts"] == {"differs": 2, "in step": 1, "failed": 1}
    assert [(each["kit"], each["stand"]) for each in told["applied"]["kits"]] == [("A", "written"), ("D", "written")]
    assert told["ok"] is False
    assert {batch.id for batch in made} == {told["found"]["batch"], told["applied"]["batch"]}


def test_held_fails(run: Run, worker: Worker) -> None:
    """A sync that is held for its deletes fails with what to do."""
    worker.fails = {"KIT-1": "held until it is forced"}
    result = run("sync", "KIT-1")
    assert result.exit_code == 1
    assert "kitrelay sync KIT-1 --force" in result.stdout


def test_all_is_a_selection(run: Run, worker: Worker) -> None:
    """All kits are a batch that a worker plans: a dry run that begins in the source; where it can't be read, that is said."""
    result = run("sync", "--all", "--source", "intacct", "--target", "visma")
    with worker.database.read() as connection:
        (batch,) = find_batches(connection, None, 10)
    assert (batch.erp, batch.select) == ("intacct", {"source": "intacct", "targets": ["visma"], "dry_run": True})
    assert result.exit_code == 1
    assert "no such page" in result.stderr


@pytest.mark.parametrize(("kits", "where"), [(("KIT-1",), "kitrelay jobs show"), (("A", "B"), "kitrelay batches watch")])
def test_interrupted_goes_on(kits: tuple[str, ...], where: str, run: Run, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting, not the work: where to find it is said, and nothing is applied behind it."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    for module in ("syncing", "watching"):
        monkeypatch.setattr(f"worker.cli.{module}.time", time_with(interrupt))
    result = run("sync", *kits)
    assert result.exit_code == 1
    assert where in result.stderr
    assert [each["dry_run"] for each in arguments(worker.database)] == [True] * len(kits)


def test_no_wait_only_makes(run: Run, worker: Worker) -> None:
    """Without waiting the sync itself is made, and where to follow it is said."""
    job = json.loads(run("sync", "KIT-1", "--no-wait", "--json").stdout)["job"]
    batch = json.loads(run("sync", "A", "B", "--no-wait", "--json").stdout)["batch"]
    every = json.loads(run("sync", "--all", "--no-wait", "--json").stdout)["batch"]
    with worker.database.read() as connection:
        made = find_jobs(connection, JobFilter(), 10)
        selects = {each.id: each.select for each in find_batches(connection, None, 10)}
    assert made[-1].id == job
    assert all("dry_run" not in each.arguments for each in made)
    assert selects == {batch: None, every: {"source": "visma"}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--all"),
        (("KIT-1", "--all"), "not both"),
        (("A", "B", "--revision", "2"), "one kit"),
        (("--all", "--revision", "2"), "one kit"),
        (("KIT-1", "--source", "sap"), "sap"),
        (("KIT-1", "--source", "visma", "--target", "visma"), "is the source"),
        (("A", "B", "--source", "itempath", "--target", "itempath"), "is the source"),
        (("--all", "--source", "itempath", "--target", "itempath"), "is the source"),
        (("KIT-1", "--source", "itempath", "--target", "intacct", "--revision", "2"), "Visma's alone"),
        (("KIT-1", "--tenant", "nobody"), "nobody"),
    ],
)
def test_wrong_use(words: tuple[str, ...], told: str, run: Run, worker: Worker) -> None:
    """What can't be meant is refused, with the reason, and nothing is made."""
    result = run("sync", *words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert arguments(worker.database) == []


def test_needs_two_erps(run: Run, url: str) -> None:
    """A tenant with one ERP has nothing to keep in step."""
    assert url
    result = run("sync", "KIT-1")
    assert result.exit_code == 2
    assert "two ERPs" in result.stderr
