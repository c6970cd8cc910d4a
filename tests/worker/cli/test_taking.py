"""`--hold`: a batch that is made and counted, told with what it would take, and started or dropped by somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from tests.worker.cli.clocks import time_with
from worker.jobs import batches as ledger
from worker.jobs.ledger import utc_now
from worker.jobs.search import find_batches
from worker.jobs.states import BatchState
from worker.jobs.tables import batches

if TYPE_CHECKING:
    from pathlib import Path

    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]

MORE = """
[tenants.acme.itempath]
base_url = "http://127.0.0.1:9/itempath"
token = "a-token-for-tests"

[tenants.acme.sync]
source = "visma"
targets = ["itempath"]
"""


def planner(database: Database, **ends: Any) -> Callable[[float], None]:
    """A worker that looks for what a selection holds, once somebody waits for it: it finds none, or comes to the ends that are given."""

    def sleep(_seconds: float) -> None:
        with database.write() as connection:
            for batch in find_batches(connection, None, 10, state=BatchState.PLANNING.value):
                if ends:
                    connection.execute(batches.update().where(batches.c.id == batch.id).values(**ends))
                else:
                    ledger.start(connection, batch.id, utc_now())

    return sleep


@pytest.mark.parametrize("how", ["release", "create", "sync"])
def test_held_until_resumed(how: str, said: Said, file: Path) -> None:
    """Whatever makes a batch can hold it: its jobs are there, what they take is told, and none starts before it is resumed."""
    file.write_text(file.read_text() + MORE)
    rows = '{"item_id": "A", "quantity": 1} {"item_id": "B", "quantity": 2}'
    words = {"release": ("P/1", "P/2"), "create": ("-",), "sync": ("A", "B")}[how]
    view = said(how, *words, "--hold", given=rows)
    assert (view["state"], view["held"], view["total"], view["counts"]["queued"]) == ("paused", True, 2, 2)
    told = {"eta": view["takes"]["eta"], "eta_from": "slots"}
    assert view["takes"] == {"would_change": 2, "would_skip": [], "calls": 6 if how == "sync" else 3, **told}
    assert view["takes"]["eta"] > view["created_at"]
    assert said("batches", "show", view["id"])["takes"]["calls"] == view["takes"]["calls"]
    (resumed,) = said("batches", "resume", view["id"])["items"]
    assert (resumed["state"], resumed["held"]) == ("running", False)
    assert "takes" not in said("batches", "show", view["id"])


def test_told_for_a_person(run: Run, url: str) -> None:
    """Count, calls and end are shown, with the documents that another job has in hand, and both ways to go on."""
    assert url
    run("release", "P/1")
    made = run("release", "P/1", "P/2", "--hold")
    assert made.exit_code == 0
    assert "no worker" not in made.stderr  # for what is named none is waited for
    assert "2: 2 queued" in made.stdout
    assert "about 3" in made.stdout
    assert "1: its document has an open release job already" in made.stdout
    identity = made.stdout.split()[1]
    for way in ("resume", "cancel"):
        assert f"kitrelay batches {way} {identity}" in made.stderr
        assert f"kitrelay batches {way} {identity}" in run("batches", "show", identity).stderr
    assert run("batches", "cancel", identity).exit_code == 0
    assert "kitrelay batches resume" not in run("batches", "show", identity).stderr


def test_one_kit_is_held(said: Said, file: Path) -> None:
    """A sync of one kit is a batch when it is held; without waiting its name alone is told."""
    file.write_text(file.read_text() + MORE)
    identity = said("sync", "KIT-1", "--hold", "--no-wait")["batch"]
    view = said("batches", "show", identity)
    assert (view["name"], view["state"], view["total"]) == ("sync of KIT-1", "paused", 1)


@pytest.mark.parametrize("words", [("release", "--status", "B"), ("sync", "--all")])
def test_selection_is_counted_first(
    words: tuple[str, ...], run: Run, database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command waits until a worker has looked; where there is nothing to do the batch is over, and that is no failure."""
    file.write_text(file.read_text() + MORE)
    monkeypatch.setattr("worker.cli.taking.time", time_with(planner(database)))
    made = run(*words, "--hold")
    with database.read() as connection:
        (batch,) = find_batches(connection, None, 10)
    assert made.exit_code == 0
    assert (batch.held, batch.state) == (True, BatchState.SUCCEEDED)
    assert "succeeded" in made.stdout
    assert "no worker is running" in made.stderr
    assert "kitrelay batches" not in made.stderr


def test_unreadable_selection_fails(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ERP can't be asked the batch ends with the reason, and so does the command."""
    monkeypatch.setattr("worker.cli.taking.time", time_with(planner(database, state="cancelled", message="no such page")))
    made = run("release", "--status", "B", "--hold")
    assert made.exit_code == 1
    assert "no such page" in made.stdout


def test_interrupted_stays_held(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting alone, and says where the batch is."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("worker.cli.taking.time", time_with(interrupt))
    made = run("release", "--status", "B", "--hold")
    with database.read() as connection:
        (batch,) = find_batches(connection, None, 10)
    assert (made.exit_code, batch.state, batch.held) == (1, BatchState.PLANNING, True)
    assert f"kitrelay batches show {batch.id}" in made.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("release", "P/1", "--wait"), "--wait"),
        (("release", "P/1", "--preview"), "--preview"),
        (("create", "-", "--wait"), "--wait"),
        (("sync", "A", "--dry-run"), "--dry-run"),
    ],
)
def test_hold_starts_nothing(words: tuple[str, ...], named: str, run: Run) -> None:
    """What a held batch can't do is wrong use."""
    refused = run(*words, "--hold")
    assert refused.exit_code == 2
    assert named in refused.stderr


def test_who_waits_is_told(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows a batch that no worker does is told so."""
    assert url

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("worker.cli.watching.time", time_with(interrupt))
    assert "no worker is running" in run("release", "P/1", "--wait").stderr
