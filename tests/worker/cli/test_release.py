"""`release`: what it makes in the ledger, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from worker.cli.opening import actor
from worker.jobs.engine import Database
from worker.jobs.search import JobFilter, find_batch, find_jobs

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]


def test_documents_become_batch(said: Said, database: Database) -> None:
    """Named documents are a running batch with a job for each, made by the person at the terminal."""
    view = said("release", "P/000001", "D/7")
    with database.read() as connection:
        batch = find_batch(connection, view["id"])
        jobs = find_jobs(connection, JobFilter(batch=batch.id), 10)
    assert (view["state"], view["total"], view["tenant"]) == ("running", 2, "acme")
    assert batch.made_by == actor()
    assert actor().startswith("cli:")
    assert {job.reference for job in jobs} == {"P/000001", "D/7"}


def test_selection_is_planned_later(said: Said, database: Database) -> None:
    """Without documents a batch is made that a worker fills from the ERP's list; times are in UTC."""
    view = said("release", "--created-since", "2026-01-31T12:00:00+02:00", "--name", "old ones")
    with database.read() as connection:
        batch = find_batch(connection, view["id"])
    assert (view["state"], view["total"], view["name"]) == ("planning", 0, "old ones")
    assert batch.select == {"status": "B", "type": "P", "created_since": "2026-01-31T10:00:00Z"}


def test_never_all_by_accident(run: Run, url: str) -> None:
    """Neither documents nor a filter is wrong use, and so are both."""
    assert url
    assert run("release").exit_code == 2
    assert run("release", "P/1", "--status", "B").exit_code == 2


def test_times_in_order(run: Run, url: str) -> None:
    """Nothing is made in between where the end comes before the beginning: that is wrong use."""
    assert url
    result = run("release", "--created-since", "2026-01-31T12:00:00Z", "--created-until", "2026-01-31T12:00:00Z")
    assert result.exit_code == 2
    assert "--created-until must be after --created-since" in result.stderr


@pytest.mark.parametrize("document", ["000123", "X/1", "P/", "/1"])
def test_bad_document_is_wrong_use(document: str, run: Run) -> None:
    """A document has a type, P or D, and a number."""
    result = run("release", document)
    assert result.exit_code == 2
    assert "P/000123" in result.stderr


def test_preview_changes_nothing(said: Said, database: Database) -> None:
    """A preview counts what would be done and skipped, and makes no job."""
    said("release", "P/1")
    found = said("release", "P/1", "P/2", "P/2", "P/3", "--preview")
    with database.read() as connection:
        jobs = find_jobs(connection, JobFilter(), 10)
    assert found["preview"] is True
    assert found["would_change"] == 2
    assert {each["count"] for each in found["would_skip"]} == {1}
    assert len(found["would_skip"]) == 2
    assert found["calls"] == 3
    assert found["eta"] is not None
    assert len(jobs) == 1


def test_preview_needs_erp(run: Run, url: str) -> None:
    """A selection's preview asks the ERP; one that is down is told as such."""
    assert url
    result = run("release", "--status", "B", "--preview")
    assert result.exit_code == 1
    assert "unavailable" in result.stderr


def test_tenant_must_be_clear(file: Path, run: Run, url: str) -> None:
    """With two tenants one has to be named, and a wrong name shows those there are."""
    assert url
    text = file.read_text()
    file.write_text(text + text[text.index("[tenants.acme.visma]") :].replace("acme", "other"))
    missing = run("release", "P/1")
    wrong = run("release", "P/1", "--tenant", "nobody")
    assert (missing.exit_code, wrong.exit_code) == (2, 2)
    assert "acme, other" in missing.stderr
    assert "nobody" in wrong.stderr


def test_old_database_is_told(run: Run, file: Path) -> None:
    """Nothing is migrated in silence, and looking makes no file."""
    result = run("release", "P/1")
    assert result.exit_code == 1
    assert "kitrelay migrate" in result.stderr
    assert not (file.parent / "kitrelay.db").exists()


def test_unplanned_database_is_told(run: Run, file: Path) -> None:
    """A database without our tables is not at this version."""
    Database(f"sqlite:///{file.parent}/kitrelay.db").engine.connect().close()
    result = run("batches", "list")
    assert result.exit_code == 1
    assert "kitrelay migrate" in result.stderr


def test_dead_database_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that is away fails, with a reason."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    result = run("jobs", "list")
    assert result.exit_code == 1
    assert "the ledger is away" in result.stderr
