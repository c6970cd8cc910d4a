"""`batches`: look, turn, watch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from tests.worker.cli.clocks import time_with
from worker.jobs import batches as ledger
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.search import JobFilter, find_jobs
from worker.jobs.standstills import BROKEN, Cause, note
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]


@pytest.fixture
def batch(said: Said) -> str:
    """A running batch of two."""
    identity: str = said("release", "P/1", "P/2")["id"]
    return identity


def end(database: Database, states: list[str]) -> None:
    """Its jobs come to these ends."""
    with database.write() as connection:
        for job, state in zip(find_jobs(connection, JobFilter(), 10), states, strict=True):
            wrong = {"error_class": "validation", "error_message": "no stock", "error_group": "no stock"} if state == "failed" else {}
            connection.execute(jobs.update().where(jobs.c.id == job.id).values(state=state, finished_at=utc_now(), **wrong))
        ledger.close_finished(connection, utc_now())


def test_list_and_show(said: Said, run: Run, batch: str) -> None:
    """A batch with its counts, as the API shows it; and for a person."""
    assert [each["id"] for each in said("batches", "list")["items"]] == [batch]
    assert said("batches", "list", "--state", "paused")["items"] == []
    assert said("batches", "show", batch)["counts"]["queued"] == 2
    plain = run("batches", "show", batch)
    assert "2: 2 queued" in plain.stdout
    assert max(len(line.rstrip()) for line in run("batches", "list").stdout.splitlines()) <= 80


def test_turns(said: Said, run: Run, batch: str) -> None:
    """Paused, resumed, cancelled; what can't be done is refused with its reason."""
    assert said("batches", "pause", batch)["items"][0]["state"] == "paused"
    assert said("batches", "resume", batch)["items"][0]["state"] == "running"
    refused = run("batches", "resume", batch)
    assert refused.exit_code == 1
    assert "a running batch can't be resumed" in refused.stderr
    assert said("batches", "cancel", batch)["items"][0]["state"] == "cancelled"


@pytest.mark.parametrize(("ends", "code"), [(["succeeded", "succeeded"], 0), (["succeeded", "failed"], 1)])
def test_watch_exits_by_result(ends: list[str], code: int, run: Run, batch: str, database: Database) -> None:
    """Watching ends with the batch: 0 if all succeeded, else 1 and the reasons."""
    end(database, ends)
    result = run("batches", "watch", batch, "--json")
    view = json.loads(result.stdout)
    assert result.exit_code == code
    assert view["counts"]["succeeded"] == ends.count("succeeded")
    assert [each["message"] for each in view["failures"]] == ["no stock"] * ends.count("failed")
    assert "2 of 2" in result.stderr


def test_watch_waits(run: Run, batch: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks again until the batch has ended."""
    rounds = iter([[], ["succeeded", "succeeded"]])

    def sleep(_seconds: float) -> None:
        if ends := next(rounds):
            end(database, ends)

    monkeypatch.setattr("worker.cli.watching.time", time_with(sleep))
    assert run("batches", "watch", batch).exit_code == 0
    assert next(rounds, None) is None


def test_standstill_is_told(run: Run, said: Said, batch: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the connection takes no call, whoever looks or watches is told why nothing moves; of a batch that is over nothing is said."""
    lane, now = Lane("acme", "visma"), utc_now()
    with database.write() as connection:
        note(connection, lane, None, Cause(BROKEN, "does not answer"), now)
    assert said("batches", "show", batch)["stands_still"] == "visma: does not answer"
    assert "visma: does not answer" in run("batches", "show", batch).stdout
    monkeypatch.setattr("worker.cli.watching.time", time_with(lambda _seconds: end(database, ["succeeded", "succeeded"])))
    watched = run("batches", "watch", batch)
    assert "stands still: visma: does not answer" in watched.stderr
    assert "stands still" not in watched.stdout


def test_unknown_batch(run: Run, url: str) -> None:
    """A batch that is not there fails."""
    assert url
    assert run("batches", "show", "nothing").exit_code == 1
    assert run("batches", "watch", "nothing").exit_code == 1
