"""`create`: from a file to a batch, or to a list of bad rows and nothing else."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from worker.cli import create as module
from worker.jobs.search import JobFilter, find_batches, find_jobs

if TYPE_CHECKING:
    from pathlib import Path

    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]


def test_csv_becomes_batch(tmp_path: Path, said: Said, database: Database) -> None:
    """Each row is a job; the batch is called like the file."""
    file = tmp_path / "orders.csv"
    file.write_text("item_id,quantity,hold\nKIT-1,2.50,yes\nKIT-2,1,\n")
    view = said("create", str(file))
    with database.read() as connection:
        jobs = find_jobs(connection, JobFilter(batch=view["id"]), 10)
    assert (view["state"], view["total"], view["name"]) == ("running", 2, "orders.csv")
    assert [job.arguments for job in jobs[::-1]] == [
        {"item_id": "KIT-1", "quantity": "2.50", "hold": True, "type": "P"},
        {"item_id": "KIT-2", "quantity": "1", "type": "P"},
    ]


def test_release_where_not_said(said: Said, database: Database) -> None:
    """--release counts for rows that do not say; standard input may hold one object after another."""
    rows = [{"item_id": "A", "quantity": 1}, {"item_id": "B", "quantity": 2.5, "release": False}]
    view = said("create", "-", "--release", given="\n".join(map(json.dumps, rows)))
    with database.read() as connection:
        jobs = find_jobs(connection, JobFilter(batch=view["id"]), 10)
    assert {job.reference: job.arguments["release"] for job in jobs} == {"A": True, "B": False}
    assert {job.reference: job.arguments["quantity"] for job in jobs} == {"A": 1, "B": "2.5"}


def test_every_bad_row_is_named(tmp_path: Path, run: Run, database: Database) -> None:
    """All bad rows are named with line, column and what is wrong, and nothing is stored."""
    file = tmp_path / "orders.csv"
    file.write_text("item_id,quantity,hold\nA,1,no\n,0,maybe\nB,2,3,4\n")
    result = run("create", str(file))
    with database.read() as connection:
        assert find_batches(connection, None, 10) == []
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert "2 bad rows; nothing was stored" in told[0]
    assert {line.strip() for line in told[1:]} == {
        "line 3, hold: must be true or false",
        "line 3, item_id: is required",
        "line 3, quantity: must be greater than 0",
        "line 4, hold: must be true or false",
        "line 4: has 4 cells, the header has 3",
    }


def test_faults_before_a_break_are_kept(run: Run, url: str) -> None:
    """Where a file can't be read on, what was wrong before is named too."""
    assert url
    result = run("create", "-", given='{"item_id": "A"}\n{"item_id": ')
    assert result.exit_code == 1
    assert "row 1 (line 1), quantity: is required" in result.stderr
    assert "line 2, column" in result.stderr


def test_many_faults_are_cut(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is of all bad rows, the list of the first ones."""
    assert url
    monkeypatch.setattr(module, "MOST_FAULTS", 3)
    result = run("create", "-", given='{"item_id": "A"}' * 50)
    assert "50 bad rows" in result.stderr
    assert result.stderr.count("is required") == 3


@pytest.mark.parametrize("given", ["", "[]", "item_id,quantity\n"])
def test_empty_file_fails(given: str, run: Run, url: str) -> None:
    """No rows, no batch."""
    assert url
    result = run("create", "-", "--format", "csv" if "," in given else "json", given=given)
    assert result.exit_code == 1
    assert "there are no rows" in result.stderr


def test_missing_file_is_wrong_use(run: Run) -> None:
    """A file that is not there is wrong use."""
    assert run("create", "nowhere.csv").exit_code == 2


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Many rows take no more memory than what is held of them at once."""
    file = tmp_path / "many.json"
    with file.open("w") as out:
        out.write("[")
        for number in range(3_000):
            out.write(("," if number else "") + json.dumps({"item_id": f"KIT-{number}", "quantity": 1, "description": "x" * 500}))
        out.write("]")
    assert file.stat().st_size > 1_500_000
    with file.open("rb") as source:
        module._checked(source, is_csv=False)  # whatever is made once is made
        tracemalloc.start()
        try:
            count = module._checked(source, is_csv=False)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 3_000
    assert peak < 600_000
