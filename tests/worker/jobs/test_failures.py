"""Failed jobs by reason: what is one group, in which order, for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, wanted
from worker.errors import Conflict, NotFound
from worker.jobs import actions, failures, fleet, queue, search, verdicts
from worker.jobs.acts import find_acts
from worker.jobs.failures import STANDINGS, FailureFilter, acknowledge, failure_groups, find_group, reopen
from worker.jobs.filters import JobFilter
from worker.jobs.groups import Group
from worker.jobs.marks import Mark
from worker.jobs.messages import LONGEST, normalised
from worker.jobs.model import JobError, Lane
from worker.jobs.tables import jobs
from worker.jobs.tallies import tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.engine import Database
    from worker.jobs.failures import FailureGroup, Position
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob


def fail(db: Database, new: NewJob, message: str, seconds: float, error_class: str = "validation") -> Job:
    """Make a job and let it fail so many seconds after `NOW`."""
    make(db, new)
    (job,) = claim(db, lane=Lane(new.tenant, new.erp))
    settle(db, job, verdicts.failed(JobError(error_class, message, 400)), later(seconds))
    return read(db, job)


def groups(
    db: Database, tenants: tuple[str, ...] | None = None, limit: int = 50, after: Position | None = None, **asked: Any
) -> list[FailureGroup]:
    """Ask for groups."""
    with db.read() as connection:
        return failure_groups(connection, tenants, FailureFilter(**asked), limit=limit, after=after)


def group_of(db: Database, job: Job) -> str | None:
    """What the row says of the job's reason."""
    with db.read() as connection:
        found: str | None = connection.execute(select(jobs.c.error_group).where(jobs.c.id == job.id)).scalar_one()
        return found


def act(db: Database, verb: Callable[..., FailureGroup], group: str, *given: Any, tenants: tuple[str, ...] | None = None) -> FailureGroup:
    """Acknowledge a group, or open it again."""
    with db.write() as connection:
        return verb(db, connection, tenants, group, *given)


def succeed(db: Database, new: NewJob, seconds: float) -> Job:
    """Make a job and let it succeed."""
    make(db, new)
    (job,) = claim(db, lane=Lane(new.tenant, new.erp))
    settle(db, job, verdicts.done("seen"), later(seconds))
    return read(db, job)


def found(db: Database, limit: int = 50, after: str | None = None, **asked: Any) -> list[str]:
    """The jobs that a filter names, newest first."""
    with db.read() as connection:
        return [job.id for job in search.find_jobs(connection, JobFilter(**asked), limit, after)]


def test_same_reason_is_one_group(db: Database) -> None:
    """Jobs that failed alike are one group, with their number, when the first and the last failed, and the newest as example."""
    fail(db, wanted(1), "P/000001 has 3 open lines", 30)
    newest = fail(db, wanted(2), "P/000002 has 41 open lines", 10)
    fail(db, wanted(3), "no access", 5, "auth")
    first, second = groups(db)
    assert (first.tenant, first.kind, first.error_class, first.message) == (
        "acme",
        "release_kit_assembly",
        "validation",
        "<document> has <n> open lines",
    )
    assert (first.count, first.first_at, first.last_at, first.example) == (2, later(10), later(30), newest.id)
    assert (second.error_class, second.count) == ("auth", 1)


def test_each_part_divides(db: Database) -> None:
    """Another tenant, kind, class or message is another group."""
    fail(db, wanted(1), "closed", 1)
    fail(db, wanted(2, tenant="other"), "closed", 2)
    fail(db, wanted(3, kind="delete_kit_assembly"), "closed", 3)
    fail(db, wanted(4), "closed", 4, "conflict")
    fail(db, wanted(5), "shut", 5)
    assert [group.count for group in groups(db)] == [1] * 5


def test_newest_failure_comes_first(db: Database) -> None:
    """Pages go from what failed last to what failed first, each group once, also where two failed at one moment."""
    for number, seconds in enumerate((5, 9, 9, 1)):
        fail(db, wanted(number), f"reason {'abcd'[number]}", seconds)
    seen: list[FailureGroup] = []
    page = groups(db, limit=1)
    while page:
        seen += page
        page = groups(db, limit=1, after=page[-1].position)
    assert [group.message[-1] for group in seen] == ["c", "b", "a", "d"]


def test_filters_of_failures(db: Database) -> None:
    """Groups of some tenants, of a kind, a class, a batch, and of what failed in a time."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(JobError("auth", "in a batch")), later(5))
    fail(db, wanted(2, tenant="other"), "elsewhere", 10)
    fail(db, wanted(3, kind="delete_kit_assembly"), "deleting", 20, "conflict")
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["deleting", "elsewhere", "in a batch"]),
        ({"tenants": ("acme",)}, ["deleting", "in a batch"]),
        ({"tenants": ()}, []),
        ({"tenants": ("acme",), "tenant": "other"}, []),
        ({"tenant": "other"}, ["elsewhere"]),
        ({"kind": "delete_kit_assembly"}, ["deleting"]),
        ({"error_class": "auth"}, ["in a batch"]),
        ({"batch": batch.id}, ["in a batch"]),
        ({"since": later(10)}, ["deleting", "elsewhere"]),
        ({"until": later(10)}, ["in a batch"]),
    ]
    assert [[group.message for group in groups(db, **each)] for each, _ in asked] == [found for _, found in asked]


def test_replayed_job_is_in_no_group(db: Database) -> None:
    """A job that leaves `failed` leaves its group at once: replayed or discarded."""
    again, given_up = fail(db, wanted(1), "closed", 1), fail(db, wanted(2), "closed", 2)
    assert groups(db)[0].count == 2
    with db.write() as connection:
        queue.replay(db, connection, again, "ops", later(3))
    assert groups(db)[0].count == 1
    with db.write() as connection:
        queue.discard(db, connection, given_up, "ops", later(4))
    assert groups(db) == []
    assert [group_of(db, job) for job in (again, given_up)] == [None, None]


def test_retrying_job_is_in_no_group(db: Database) -> None:
    """An error that another attempt may cure is no failure yet."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.retry(JobError("timeout", "no answer")))
    assert group_of(db, job) is None
    assert groups(db) == []


def test_set_aside_jobs_are_grouped(db: Database) -> None:
    """Jobs that fail by killing their worker are grouped too."""
    make(db)
    for round_ in range(3):
        (job,) = claim(db, now=later(100 * round_))
        with db.write() as connection:
            (freed,) = fleet.reap(db, connection, later(100 * round_ + 91), 12)
        if round_ < 2:
            settle(db, freed, verdicts.again("not there"), later(100 * round_ + 92))
    assert [(group.error_class, group.message) for group in groups(db)] == [("poison", "it ended its worker <n> times")]
    assert job.created_at == NOW


def test_long_messages_are_cut(db: Database) -> None:
    """The beginning of a long message names its group; the job keeps the message whole."""
    message = "word " * 400
    job = fail(db, replace(wanted(1)), message, 1)
    assert group_of(db, job) == normalised(message)[:LONGEST]
    assert job.error is not None
    assert job.error.message == message


def test_group_has_an_id(db: Database) -> None:
    """Always the same for one reason, another for each that differs in anything; stable, as marks are kept by it."""
    fail(db, wanted(1), "closed", 1)
    (first,) = groups(db)
    fail(db, wanted(2), "closed", 2)
    fail(db, wanted(3, tenant="other"), "closed", 3)
    fail(db, wanted(4), "shut", 4)
    ids = [group.id for group in groups(db)]
    assert first.id in ids
    assert len(set(ids)) == 3
    assert Group("acme", "release_kit_assembly", "validation", "closed").id == first.id == "6f2e36614e86b5aeba87c9d531280abb"


def test_closes_and_comes_back(db: Database) -> None:
    """Open while a job of it is not made good, closed when all are, open again when another fails so."""
    fail(db, wanted(1), "closed", 1)
    fail(db, wanted(2), "closed", 2)
    before = [(group.standing, group.open, group.count) for group in groups(db)]
    succeed(db, wanted(1), 3)
    half = [(group.standing, group.open, group.count) for group in groups(db)]
    succeed(db, wanted(2), 4)
    closed = [(group.standing, group.open, group.count) for group in groups(db)]
    fail(db, wanted(3), "closed", 5)
    again = [(group.standing, group.open, group.count) for group in groups(db)]
    assert (before, half, closed, again) == ([("open", 2, 2)], [("open", 1, 2)], [("closed", 0, 2)], [("open", 1, 3)])


def test_acknowledged_until_it_comes_back(db: Database) -> None:
    """Somebody knows of it: until one fails so after that. The mark says who, when and what; another one takes its place."""
    fail(db, wanted(1), "closed", 1)
    (group,) = groups(db)
    known = act(db, acknowledge, group.id, "ops", "the period", later(10))
    fail(db, wanted(2), "other", 20)
    still = {each.message: each.standing for each in groups(db)}
    fail(db, wanted(3), "closed", 30)
    back = find(db, group.id)
    again = act(db, acknowledge, group.id, "ann", "", later(40))
    assert (known.standing, known.mark) == ("acknowledged", Mark("ops", later(10), "the period"))
    assert still == {"closed": "acknowledged", "other": "open"}
    assert (back.standing, back.mark) == ("open", known.mark)
    assert (again.standing, again.mark) == ("acknowledged", Mark("ann", later(40), ""))


def test_closed_beats_known(db: Database) -> None:
    """A group whose jobs are all made good is closed, marked or not; one that failed after the mark and was made good opens nothing."""
    fail(db, wanted(1), "closed", 1)
    (group,) = groups(db)
    act(db, acknowledge, group.id, "ops", "", later(10))
    fail(db, wanted(2), "closed", 20)
    succeed(db, wanted(2), 21)
    one_left = find(db, group.id).standing
    succeed(db, wanted(1), 22)
    assert (one_left, find(db, group.id).standing) == ("acknowledged", "closed")


def test_reopened_by_a_person(db: Database) -> None:
    """What was acknowledged by mistake; both are on record."""
    fail(db, wanted(1), "closed", 1)
    (group,) = groups(db)
    act(db, acknowledge, group.id, "ops", "so be it", later(10))
    opened = act(db, reopen, group.id, "ann", later(11))
    with db.read() as connection:
        told = find_acts(connection, ("acme",), 9, subject=group.id)
    assert (opened.standing, opened.mark) == ("open", None)
    assert [(each.act, each.by) for each in told] == [("failure.reopened", "ann"), ("failure.acknowledged", "ops")]
    assert told[0].before == told[1].after == {"standing": "acknowledged", "message": "closed", "note": "so be it"}


def test_senseless_marks_are_refused(db: Database) -> None:
    """What is not open can't be acknowledged, what is not acknowledged not reopened; another tenant's group is not there."""
    fail(db, wanted(1), "closed", 1)
    (group,) = groups(db)
    with pytest.raises(Conflict):
        act(db, reopen, group.id, "ops", later(10))
    with pytest.raises(NotFound):
        act(db, acknowledge, group.id, "ops", "", later(10), tenants=("other",))
    with pytest.raises(NotFound):
        act(db, acknowledge, "0" * 32, "ops", "", later(10))
    act(db, acknowledge, group.id, "ops", "", later(10))
    with pytest.raises(Conflict):
        act(db, acknowledge, group.id, "ops", "", later(11))
    succeed(db, wanted(1), 12)
    with pytest.raises(Conflict):
        act(db, acknowledge, group.id, "ops", "", later(13))


def test_standing_narrows(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of one standing, page by page, however many of another lie between."""
    monkeypatch.setattr(failures, "_PORTION", 2)
    for number in range(9):
        fail(db, wanted(number), f"reason {'abcdefghi'[number]}", number)
    by_message = {group.message: group.id for group in groups(db)}
    for letter in "cdefg":
        act(db, acknowledge, by_message[f"reason {letter}"], "ops", "", later(20))
    succeed(db, wanted(8), 30)

    def pages(standing: str) -> list[str]:
        seen: list[FailureGroup] = []
        page = groups(db, limit=1, standing=standing)
        while page:
            seen += page
            page = groups(db, limit=1, standing=standing, after=seen[-1].position)
        return [group.message[-1] for group in seen]

    assert [pages(each) for each in STANDINGS] == [["h", "b", "a"], ["g", "f", "e", "d", "c"], ["i"]]


def test_jobs_of_a_group(db: Database) -> None:
    """A list by a group's id names its failed jobs, closed or not, of the tenants that are seen; with whatever else is asked for."""
    first, second = fail(db, wanted(1), "closed", 1), fail(db, wanted(2), "closed", 2)
    fail(db, wanted(3), "shut", 3)
    succeed(db, wanted(2), 4)
    group = next(group.id for group in groups(db) if group.message == "closed")
    assert found(db, failure=group) == [second.id, first.id]
    assert found(db, 1, second.id, failure=group) == [first.id]
    assert [found(db, failure=group, closed=each) for each in (True, False)] == [[second.id], [first.id]]
    assert found(db, failure=group, tenants=("other",)) == found(db, failure="0" * 32) == []
    assert found(db, failure=group, q="p/000001") == [first.id]
    with db.read() as connection:
        counts = [
            sum(tally(connection, JobFilter(failure=group, **each)).values()) for each in ({}, {"state": ("failed",)}, {"kind": "other"})
        ]
    assert counts == [2, 2, 0]


def test_replay_of_a_group(db: Database) -> None:
    """The open ones of the group and no others, also within one batch; the preview says what is left out."""
    made_good, alone = fail(db, wanted(1), "closed", 1), fail(db, wanted(2), "closed", 2)
    succeed(db, wanted(1), 3)
    other = fail(db, wanted(3), "shut", 3)
    batch = make_batch(db, wanted(4))
    (inside,) = claim(db)
    settle(db, inside, verdicts.failed(JobError("validation", "closed", 400)), later(4))
    group = find(db, next(group.id for group in groups(db) if group.message == "closed")).id
    with db.read() as connection:
        whole = actions.forecast(connection, "replay", JobFilter(failure=group))
        part = actions.forecast(connection, "replay", JobFilter(failure=group, batch=batch.id))
        dropped = actions.forecast(connection, "discard", JobFilter(failure=group))
    done = []
    for chosen in (JobFilter(failure=group, batch=batch.id), JobFilter(failure=group)):
        action = actions.begin(db, "replay", chosen, "ops", later(60))
        done.append(actions.carry_on(db, action.id, later(61)).done)
    assert (whole.changes, whole.skips, part.changes, part.skips) == (2, {actions.MADE_GOOD: 1}, 1, {})
    assert (dropped.changes, dropped.skips) == (3, {})
    assert done == [1, 1]
    assert [read(db, job).state.value for job in (made_good, alone, other, inside)] == ["failed", "queued", "failed", "queued"]


def find(db: Database, group: str) -> FailureGroup:
    """The group as it stands."""
    with db.read() as connection:
        return find_group(connection, None, group)
