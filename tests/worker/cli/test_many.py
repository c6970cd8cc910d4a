"""Replay, cancel and discard by filter: the API's actions, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest
from sqlalchemy import select

from worker.cli.opening import actor
from worker.jobs import actions, endings
from worker.jobs.ledger import utc_now
from worker.jobs.messages import normalised
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]


@pytest.fixture
def failed(said: Said, database: Database) -> None:
    """Three releases, two of which failed for one reason."""
    said("release", "P/1", "P/2", "P/3")
    gone = {"state": "failed", "error_class": "validation", "finished_at": utc_now()}
    with database.write() as connection:
        for number in (1, 2):
            told = {"error_message": f"no stock of {number}", "error_group": normalised(f"no stock of {number}")}
            connection.execute(jobs.update().where(jobs.c.reference == f"P/{number}").values(**gone, **told))
        (home,) = connection.execute(select(jobs.c.tenant).distinct()).scalars()
        endings.add(connection, {(home, "visma", "release_kit_assembly", "failed"): 2})


@pytest.mark.usefixtures("failed")
def test_failures_are_grouped(said: Said, run: Run) -> None:
    """Failed jobs by the reason why, as the API shows them; and for a person."""
    (group,) = said("failures")["items"]
    plain = run("failures", "--error-class", "validation")
    assert (group["count"], group["message"], group["kind"]) == (2, "no stock of <n>", "release_kit_assembly")
    assert "no stock of <n>" in plain.stdout
    assert max(len(line.rstrip()) for line in plain.stdout.splitlines()) <= 80
    assert said("failures", "--until", "1d")["items"] == []


@pytest.mark.usefixtures("failed")
def test_failures_have_pages(said: Said, run: Run, database: Database) -> None:
    """A cursor goes on after a group; what is none is wrong use."""
    with database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.reference == "P/2").values(error_group="period closed"))
    first = said("failures", "--limit", "1")
    second = said("failures", "--limit", "1", "--cursor", first["next"])
    assert sorted(each["message"] for each in first["items"] + second["items"]) == ["no stock of <n>", "period closed"]
    assert second["next"] is None
    assert run("failures", "--cursor", "x").exit_code == 2


@pytest.mark.usefixtures("failed")
def test_preview_changes_nothing(said: Said, run: Run) -> None:
    """How many would change, and how many not and why."""
    seen = said("jobs", "replay", "--kind", "release_kit_assembly", "--preview")
    plain = run("jobs", "replay", "--kind", "release_kit_assembly", "--preview")
    assert (seen["would_change"], seen["would_skip"]) == (2, [{"reason": "a queued job can't be replayed", "count": 1}])
    assert "a queued job can't be replayed" in plain.stdout
    assert len(said("jobs", "list", "--state", "failed")["items"]) == 2


@pytest.mark.usefixtures("failed")
def test_replay_by_filter(said: Said) -> None:
    """It is done when the command ends; every timeline says by whom, and by which action."""
    action = said("jobs", "replay", "--state", "failed", "--since", "1h")
    story = said("jobs", "show", said("jobs", "list", "--reference", "P/1")["items"][0]["id"])
    assert (action["state"], action["total"], action["done"]) == ("finished", 2, 2)
    assert (story["timeline"][-1]["by"], story["timeline"][-1]["cause"]) == (actor(), f"replayed, by action {action['id']}")


@pytest.mark.usefixtures("failed")
def test_cancel_and_discard(said: Said, run: Run) -> None:
    """The other two verbs take the same filters."""
    assert said("jobs", "cancel", "--state", "queued")["done"] == 1
    plain = run("jobs", "discard", "--error-class", "validation")
    assert plain.exit_code == 0
    assert "2" in plain.stdout
    assert {job["state"] for job in said("jobs", "list")["items"]} == {"cancelled"}


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "replay"),
        ("jobs", "discard"),
        ("jobs", "cancel", "--preview"),
        ("jobs", "replay", "019a", "--state", "failed"),
        ("jobs", "replay", "019a", "--preview"),
        ("jobs", "replay", "--state", "failed", "--arguments", "{}"),
    ],
)
@pytest.mark.usefixtures("url")
def test_wrong_use(run: Run, words: tuple[str, ...]) -> None:
    """Neither everything nor two ways at once."""
    assert run(*words).exit_code == 2


@pytest.mark.usefixtures("failed")
def test_interrupted_goes_on_elsewhere(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the command, not the action: the scheduler carries it on."""

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(actions, "carry_on", interrupted)
        result = run("jobs", "replay", "--state", "failed")
    with database.read() as connection:
        (going,) = actions.running(connection)
    assert result.exit_code == 1
    assert going in result.stderr
    assert actions.carry_on(database, going, utc_now()).done == 2
