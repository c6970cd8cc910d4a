"""Where a batch stands, and what people see of the records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import LANE, NOW, batch_now, claim, later, make, make_batch, moves_of, read, settle, turned, wanted
from worker.connections import Exchange
from worker.jobs import batches, overview, search, spent, verdicts, views
from worker.jobs.messages import normalised
from worker.jobs.model import Attempt, JobError, Lane, new_id
from worker.jobs.progress import Failures, Progress, progress_of, progress_of_each, standings
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch


def progress(db: Database, batch: Batch, seconds: float) -> Progress:
    """Where it stands."""
    with db.read() as connection:
        return progress_of(connection, batch_now(db, batch), later(seconds))


def test_new_batch_has_no_rate(db: Database) -> None:
    """Before anything ended nobody knows when all will."""
    batch = make_batch(db, wanted(1))
    found = progress(db, batch, 30)
    assert (found.rate_per_minute, found.eta, found.eta_range, found.failures) == (0.0, None, None, ())
    assert found.counts == {state.value: 0 for state in State} | {"queued": 1}


def test_rate_and_eta(db: Database) -> None:
    """Two that end every twenty seconds are six a minute: six more take a minute, give or take."""
    batch = make_batch(db, *(wanted(n) for n in range(18)))
    for number, job in enumerate(claim(db, 12)):
        settle(db, job, verdicts.done("seen"), later(10 + 20 * (number // 2)))
    found = progress(db, batch, 120)
    assert found.rate_per_minute == pytest.approx(6.0, abs=0.2)
    assert found.eta is not None
    assert found.eta_range is not None
    assert later(177) < found.eta < later(183)
    assert later(155) < found.eta_range[0] < later(170) < later(195) < found.eta_range[1] < later(215)


def test_rate_looks_back_five_minutes(db: Database) -> None:
    """What ended long ago says nothing of now."""
    batch = make_batch(db, *(wanted(n) for n in range(10)))
    for seconds, job in zip((10, 10, 10, 985), claim(db, 4), strict=True):
        settle(db, job, verdicts.done("seen"), later(seconds))
    assert progress(db, batch, 1000).rate_per_minute == 0.4
    assert progress(db, batch, 1290).eta is None


def test_pause_does_not_slow(db: Database) -> None:
    """Nothing is foreseen while a batch is paused; when it goes on, only what ended since tells its rate."""
    batch = make_batch(db, *(wanted(n) for n in range(10)))
    first, second, *_ = claim(db, 4)
    settle(db, first, verdicts.done("seen"), later(5))
    turned(db, batch, "pause", later(6))
    held = progress(db, batch, 100)
    turned(db, batch, "resume", later(200))
    begun = progress(db, batch, 205)
    settle(db, second, verdicts.done("seen"), later(205))

    assert (held.rate_per_minute > 0, held.eta, held.eta_range) == (True, None, None)
    assert (begun.rate_per_minute, begun.eta) == (0.0, None)
    assert progress(db, batch, 210).rate_per_minute == 6.0


def test_retry_is_waited_for(db: Database) -> None:
    """A batch whose last job is tried again in ten minutes does not end in a moment."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    *ended, tried = claim(db, 5)
    for job in ended:
        settle(db, job, verdicts.done("seen"), later(10))
    settle(db, tried, verdicts.retry(JobError("unavailable", "down"), ordered=600), later(10))
    due = read(db, tried).due_at

    found = progress(db, batch, 12)

    assert due > later(500)
    assert found.eta_range == (due, due)
    assert found.eta == due


def test_rate_of_what_is_over(db: Database) -> None:
    """Of a batch that is over, all that ended in its last five minutes counts alike."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    for number, job in enumerate(claim(db, 5)):
        settle(db, job, verdicts.done("seen"), later(1 if number < 4 else 60))
    with db.write() as connection:
        batches.close_finished(connection, later(60))
    assert progress(db, batch, 4_000).rate_per_minute == 5.0


def test_many_stand_as_one(db: Database) -> None:
    """Where several batches stand is read together, and is what each says alone."""
    first, second = (make_batch(db, *(wanted(10 * n + m) for m in range(4))) for n in range(2))
    empty = make_batch(db)
    ended, fails, *_ = claim(db, 5)
    settle(db, ended, verdicts.done("seen"), later(50))
    settle(db, fails, verdicts.failed(JobError("validation", "no")), later(60))
    with db.write() as connection:
        spent.add(connection, {first.id: 3, second.id: 2})
    with db.read() as connection:
        found = [search.find_batch(connection, batch.id) for batch in (first, second, empty)]
        together = progress_of_each(connection, found, later(90))
        plain = standings(connection, found, later(90))
    assert together == {batch.id: progress(db, batch, 90) for batch in found}
    assert sum(len(each.failures) for each in together.values()) == 1
    assert plain == {name: replace(each, failures=()) for name, each in together.items()}
    assert (together[first.id].calls, together[second.id].calls, together[empty.id].calls) == (3, 2, 0)


def test_failures_are_grouped(db: Database) -> None:
    """Failures that differ in numbers and ids only are one group, the largest first."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    messages = ["P/000001 is closed", "P/000002 is closed", "item 17 is unknown", "item 4,5 is unknown", "item 9 is unknown"]
    for job, message in zip(claim(db, 5), messages, strict=True):
        settle(db, job, verdicts.failed(JobError("validation", message)))
    found = progress(db, batch, 60)
    assert found.failures == (Failures("validation", "item <n> is unknown", 3), Failures("validation", "<document> is closed", 2))


@given(st.text("abc P/D-", max_size=20), st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_are_taken_out(words: str, one: int, other: int) -> None:
    """Messages that differ in a number are the same message; doing it twice changes nothing."""
    assert normalised(f"{words} {one} x") == normalised(f"{words} {other} x")
    assert normalised(normalised(f"{words} {one}")) == normalised(f"{words} {one}")


def test_ids_are_taken_out() -> None:
    """Ids, document numbers, amounts and times are taken out; words stay."""
    message = f"Operation {new_id()} of P/000123: 1,234.50 left at 12:30:15"
    assert normalised(message) == "Operation <id> of <document> <n> left at <n>"


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_rfc3339(moment: datetime) -> None:
    """Times are shown in UTC with a Z, and read back as they were."""
    shown = views.at(moment)
    assert shown is not None
    assert shown.endswith("Z")
    assert datetime.fromisoformat(shown) == moment


def test_job_view_is_whole(db: Database) -> None:
    """A job is shown as the contract has it, with everything that happened to it."""
    make(db, wanted(1, tags=("t",), unique_key="k"))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(JobError("rate_limited", "too many", 429)), later(5))
    job = read(db, job)
    call = Exchange(NOW, "PUT", "/x", None, 12.0, "{}", None, {"If-Match": "1"})
    shown = views.story_view(job, moves_of(db, job), [Attempt(1, NOW, None, "sent", (call,))])
    assert json.loads(json.dumps(shown)) == shown
    assert shown["error"] == {"class": "rate_limited", "message": "too many", "status": 429, "retry": True}
    assert (shown["state"], shown["finished_at"], shown["tags"], shown["erp"]) == ("failed", "2026-03-01T12:00:05Z", ["t"], "visma")
    assert [(line["from"], line["to"]) for line in shown["timeline"]] == [(None, "queued"), ("queued", "running"), ("running", "failed")]
    assert shown["attempts"][0]["exchanges"][0] == {
        "at": "2026-03-01T12:00:00Z",
        "method": "PUT",
        "url": "/x",
        "status": None,
        "ms": 12.0,
        "request": "{}",
        "response": None,
        "headers": {"If-Match": "1"},
    }
    assert {"id", "kind", "arguments", "reference", "erp_id", "batch", "attempt", "max_attempts", "priority", "result"} <= set(shown)


def test_batch_view_is_whole(db: Database) -> None:
    """A batch is shown with where it stands, and its times as text."""
    batch = make_batch(db, wanted(1), wanted(2))
    (job,) = claim(db)
    settle(db, job, verdicts.done("seen"), later(30))
    shown = views.batch_view(batch_now(db, batch), progress(db, batch, 60))
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["total"], shown["counts"]["succeeded"], shown["rate_per_minute"]) == (2, 1, 1.0)
    assert (shown["eta"][:18], shown["state"]) == ("2026-03-01T12:02:0", "running")


def test_open_jobs_are_counted(db: Database) -> None:
    """Open jobs by connection and state, finished ones apart."""
    make(db, *(wanted(n) for n in range(6)), wanted(1, tenant="other"))
    _, ended, waits, again = claim(db, 4)
    settle(db, ended, verdicts.done("seen"))
    settle(db, waits, verdicts.accepted("taken", wait=9))
    settle(db, again, verdicts.retry(JobError("unavailable", "down")))
    with db.read() as connection:
        found = {(c.tenant, c.state): c.jobs for c in overview.open_counts(connection)}
        over = {(c.tenant, c.state): c.jobs for c in overview.final_counts(connection)}
        line = [overview.in_line(connection, *names) for names in (("acme",), ("acme", "visma"), ("acme", "intacct"))]
    running = {("acme", "queued"): 2, ("acme", "waiting"): 1, ("acme", "retrying"): 1, ("acme", "running"): 1, ("other", "queued"): 1}
    assert found == running
    assert over == {("acme", "succeeded"): 1}
    assert line == [5, 5, 0]


def test_oldest_due(db: Database) -> None:
    """What waits longest for its start or its look; what a paused batch holds back does not count."""
    batch = make_batch(db, wanted(1), now=NOW - timedelta(hours=1))
    make(db, wanted(2), now=later(5))
    with db.read() as connection:
        assert overview.oldest_due(connection, LANE, later(60)) == NOW - timedelta(hours=1)
    turned(db, batch, "pause")
    with db.read() as connection:
        assert overview.oldest_due(connection, LANE, later(60)) == later(5)
        assert overview.oldest_due(connection, LANE, later(1)) is None
        assert overview.oldest_due(connection, Lane("nobody", "visma"), later(60)) is None


def test_last_move(db: Database) -> None:
    """Whether anything moves is seen by the last line of all timelines."""
    with db.read() as connection:
        assert overview.last_move(connection) is None
    make(db)
    claim(db, now=later(7))
    with db.read() as connection:
        assert overview.last_move(connection) == later(7)


def test_open_releases_are_found(db: Database) -> None:
    """A preview knows which documents have an open job of the kind, however many it asks for."""
    make(db, *(wanted(n) for n in range(3)))
    (job,) = claim(db)
    settle(db, job, verdicts.done("seen"))
    subjects = [str(wanted(n).subject) for n in range(1100)]
    with db.read() as connection:
        found = overview.in_open_release(connection, "acme", "release_kit_assembly", subjects)
    assert found == set(subjects[1:3])
