"""`jobs`: the API's verbs on the ledger itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from tests.worker.cli.clocks import time_with
from worker.cli.opening import actor
from worker.cli.tailing import Follower
from worker.jobs.changes import Change, apply
from worker.jobs.ledger import utc_now
from worker.jobs.model import Job, JobError
from worker.jobs.search import JobFilter, find_jobs
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]


@pytest.fixture
def made(said: Said, database: Database) -> list[Job]:
    """Three queued releases, oldest first."""
    said("release", "P/1", "P/2", "P/3")
    with database.read() as connection:
        return find_jobs(connection, JobFilter(), 10)[::-1]


def fail(database: Database, job: Job) -> None:
    """A worker takes it, and the ERP refuses."""
    running = replace(job, state=State.RUNNING, owner="w")
    refused = replace(running, state=State.FAILED, owner=None, finished_at=utc_now(), error=JobError("validation", "no stock", 400))
    for before, after in ((job, running), (running, refused)):
        with database.write() as connection:
            assert apply(database, connection, [Change(before, after, "test", "w")], utc_now())


def test_list_has_pages(said: Said, made: list[Job]) -> None:
    """Newest first, with a cursor to go on."""
    first = said("jobs", "list", "--limit", "2")
    second = said("jobs", "list", "--limit", "2", "--cursor", first["next"])
    assert [job["id"] for job in first["items"] + second["items"]] == [job.id for job in made[::-1]]
    assert second["next"] is None


def test_list_filters(said: Said, made: list[Job], database: Database) -> None:
    """State, reference, error class and time narrow it down."""
    fail(database, made[0])
    assert [each["reference"] for each in said("jobs", "list", "--state", "failed", "--error-class", "validation")["items"]] == ["P/1"]
    assert [each["reference"] for each in said("jobs", "list", "--reference", "P/2")["items"]] == ["P/2"]
    assert len(said("jobs", "list", "--state", "failed", "--state", "queued")["items"]) == 3
    assert said("jobs", "list", "--until", "1d")["items"] == []
    assert len(said("jobs", "list", "--since", "1h", "-q", "P/")["items"]) == 3


def test_table_fits(run: Run, made: list[Job], database: Database) -> None:
    """Ids are whole, so that they can be copied, and no line is longer than 80 columns."""
    fail(database, made[0])
    result = run("jobs", "list")
    assert all(job.id in result.stdout for job in made)
    assert "no stock" in result.stdout
    assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80


def test_show_tells_story(said: Said, run: Run, made: list[Job], database: Database) -> None:
    """A job with its timeline, as the API shows it; and for a person."""
    fail(database, made[0])
    story = said("jobs", "show", made[0].id)
    plain = run("jobs", "show", made[0].id)
    assert [each["to"] for each in story["timeline"]] == ["queued", "running", "failed"]
    assert story["error"] == {"class": "validation", "message": "no stock", "status": 400, "retry": False}
    assert "validation: no stock" in plain.stdout


def test_replay_goes_on(said: Said, made: list[Job], database: Database) -> None:
    """A failed job is the same job again, by the person at the terminal."""
    fail(database, made[0])
    answer = said("jobs", "replay", made[0].id)
    story = said("jobs", "show", made[0].id)
    assert [each["state"] for each in answer["items"]] == ["queued"]
    assert (story["timeline"][-1]["cause"], story["timeline"][-1]["by"]) == ("replayed", actor())


def test_replay_edits(said: Said, run: Run, made: list[Job], database: Database) -> None:
    """Corrected arguments are checked before anything is done."""
    fail(database, made[0])
    wrong = run("jobs", "replay", made[0].id, "--arguments", '{"type": "Q"}')
    broken = run("jobs", "replay", made[0].id, "--arguments", "{")
    many = run("jobs", "replay", made[0].id, made[1].id, "--arguments", "{}")
    assert [result.exit_code for result in (wrong, broken, many)] == [2, 2, 2]
    assert "arguments.type: must be one of P, D" in wrong.stderr
    assert "arguments.ref_no: is required" in wrong.stderr
    edited = said("jobs", "replay", made[0].id, "--arguments", '{"type": "P", "ref_no": "9"}')
    assert edited["items"][0]["reference"] == "P/9"


def test_refusals_do_not_stop_others(run: Run, made: list[Job]) -> None:
    """What can't be done to one is told with its reason and fails the command; the others are done."""
    result = run("jobs", "cancel", made[0].id, "nothing", made[1].id, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [each["state"] for each in answer["items"]] == ["cancelled", "cancelled"]
    assert [each["id"] for each in answer["refused"]] == ["nothing"]
    assert "there is no job nothing" in result.stderr


def test_discard_is_for_failed(run: Run, made: list[Job], database: Database) -> None:
    """Only a failed job is discarded."""
    fail(database, made[0])
    assert run("jobs", "discard", made[0].id).exit_code == 0
    refused = run("jobs", "discard", made[1].id)
    assert refused.exit_code == 1
    assert "only a failed one can" in refused.stderr


def test_follower_gives_each_once(made: list[Job], database: Database) -> None:
    """Every move once, whoever wrote it in between; and only of what was asked for."""
    fail(database, made[0])
    follower = Follower(database, "acme", None)
    other = Follower(database, "other", None)
    assert [line["to"] for line in follower.last(1)] == ["failed"]
    assert other.last(10) == []
    assert follower.fresh() == []
    fail(database, made[1])
    assert [(line["reference"], line["to"]) for line in follower.fresh()] == [("P/2", "running"), ("P/2", "failed")]
    assert follower.fresh() == []
    assert other.fresh() == []


def test_tail_ends_in_order(run: Run, made: list[Job], database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves appear as lines of JSON as they are written, and Ctrl-C is no failure."""
    fail(database, made[0])
    rounds = iter([lambda: fail(database, made[1])])

    def sleep(_seconds: float) -> None:
        following = next(rounds, None)
        if following is None:
            raise KeyboardInterrupt
        following()

    monkeypatch.setattr("worker.cli.tailing.time", time_with(sleep))
    result = run("jobs", "tail", "--lines", "1", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [(line["reference"], line["from"], line["to"]) for line in lines] == [
        ("P/1", "running", "failed"),
        ("P/2", "queued", "running"),
        ("P/2", "running", "failed"),
    ]


def test_done_with_a_reason(said: Said, run: Run, made: list[Job], database: Database) -> None:
    """A failed job is done; one that is not failed is refused, and a reason is needed."""
    fail(database, made[0])
    told = said("jobs", "done", made[0].id, "--reason", "released by hand")
    again = run("jobs", "done", made[0].id, "--reason", "released by hand")
    assert [(job["state"], job["result"]) for job in told["items"]] == [
        ("succeeded", {"marked_done": {"by": actor(), "reason": "released by hand"}})
    ]
    assert (again.exit_code, run("jobs", "done", made[1].id).exit_code) == (1, 2)


def test_ask_now(said: Said, run: Run, made: list[Job], database: Database) -> None:
    """A job that waits for the ERP is due now; one in the queue is due already."""
    running = replace(made[0], state=State.RUNNING, owner="w")
    waiting = replace(running, state=State.WAITING, owner=None, due_at=utc_now() + timedelta(hours=1))
    for before, after in ((made[0], running), (running, waiting)):
        with database.write() as connection:
            assert apply(database, connection, [Change(before, after, "test", "w")], utc_now())
    (told,) = said("jobs", "ask", made[0].id)["items"]
    assert datetime.fromisoformat(told["due_at"]) <= utc_now()
    assert run("jobs", "ask", made[1].id).exit_code == 1


def test_replay_of_a_group(said: Said, made: list[Job], database: Database) -> None:
    """The jobs that failed for one reason, by the group's id."""
    fail(database, made[0])
    (group,) = said("failures")["items"]
    assert [job["id"] for job in said("jobs", "list", "--failure", group["id"])["items"]] == [made[0].id]
    assert said("jobs", "replay", "--failure", group["id"])["done"] == 1
