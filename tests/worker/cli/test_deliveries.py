"""`deliveries`: the API's verbs on the ledger itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from worker.jobs import arrivals
from worker.jobs.arrivals import Arrival, News
from worker.jobs.ledger import utc_now
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from worker.jobs.engine import Database

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]
OPERATION = "5d0c4c5e-0000-4000-8000-000000000001"


@pytest.fixture
def orphan(database: Database) -> str:
    """A notification of an operation that nobody knows yet."""
    body = f'{{"id": "{OPERATION}"}}'
    lost = Arrival("acme", "visma", "BACKGROUND_API_RESPONSE", {"x": "y"}, body, None, "visma", (News(operation=OPERATION),))
    with database.write() as connection:
        return arrivals.store(database, connection, [lost], utc_now())[0].delivery


@pytest.fixture
def refused(database: Database) -> str:
    """One that proved nothing."""
    bad = Arrival("acme", "visma", "BACKGROUND_API_RESPONSE", {}, "{}", None, "visma")
    with database.write() as connection:
        arrivals.record(connection, bad, "refused", "missing, wrong or stale proof", utc_now())
    return bad.id


def test_list_and_show(said: Said, run: Run, orphan: str, refused: str) -> None:
    """Newest first, by filter, with a cursor; and one of them whole."""
    first = said("deliveries", "list", "--limit", "1")
    second = said("deliveries", "list", "--limit", "1", "--cursor", first["next"])
    plain = run("deliveries", "list")
    assert [each["id"] for each in first["items"] + second["items"]] == [refused, orphan]
    assert [each["id"] for each in said("deliveries", "list", "--state", "orphan", "--source", "visma")["items"]] == [orphan]
    assert said("deliveries", "list", "--type", "other")["items"] == []
    assert refused in plain.stdout
    assert max(len(line.rstrip()) for line in plain.stdout.splitlines()) <= 80
    assert said("deliveries", "show", orphan)["body"] == f'{{"id": "{OPERATION}"}}'
    assert OPERATION in run("deliveries", "show", orphan).stdout
    assert run("deliveries", "show", "nothing").exit_code == 1


def test_replay_finds_job(said: Said, run: Run, database: Database, orphan: str, refused: str) -> None:
    """An orphan finds its job now; what proved nothing is told with its reason and fails the command."""
    said("release", "P/1")
    with database.write() as connection:
        connection.execute(jobs.update().values(erp_id=OPERATION))

    (again,) = said("deliveries", "replay", orphan)["items"]
    failed = run("deliveries", "replay", refused, orphan)

    assert (again["state"], again["replay_of"], len(again["jobs"])) == ("accepted", orphan, 1)
    assert failed.exit_code == 1
    assert "proved nothing" in failed.stderr
    assert "1 job" in failed.stdout


def test_replay_of_a_time(said: Said, run: Run, orphan: str, refused: str) -> None:
    """A source's deliveries of a stretch of time, previewed or done."""
    reach = ("deliveries", "replay", "--tenant", "acme", "--source", "visma", "--since", "1h")
    seen = said(*reach, "--preview")
    done = said(*reach)
    plain = run(*reach)
    assert (seen["would_change"], seen["would_skip"][0]["count"]) == (1, 1)
    assert [each["replay_of"] for each in done["items"]] == [orphan]
    assert "replayed" in plain.stdout
    assert refused not in plain.stdout


@pytest.mark.parametrize("more", [(), ("--tenant", "acme"), ("019a", "--since", "1h"), ("019a", "--preview")])
@pytest.mark.usefixtures("url")
def test_wrong_use(run: Run, more: tuple[str, ...]) -> None:
    """Deliveries by name, or a stretch of time: one of them, whole."""
    assert run("deliveries", "replay", *more).exit_code == 2
