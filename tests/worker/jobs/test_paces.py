"""What ended in which five minutes, and how long it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, turned, wanted
from worker.jobs import batches, paces, pruning, queue, verdicts
from worker.jobs.model import JobError, Lane
from worker.jobs.paces import SCALE, SPAN, UNSTARTED, quantile, step_of
from worker.jobs.tables import paces as rows
from worker.settings import NOTICES

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.paces import Pace

FAILED = verdicts.failed(JobError("validation", "line 7 is wrong"))
DAY = timedelta(days=1)


def read_paces(db: Database, since: float = 0, until: float = 600, *, width: timedelta = SPAN, **only: str) -> list[Pace]:
    """The pace of all tenants, in seconds after `NOW`."""
    with db.read() as connection:
        return paces.paces(connection, None, later(since), later(until), width=width, **only)


def counted(found: list[Pace]) -> list[dict[str, int]]:
    """Their counts that are not nought."""
    return [{state: count for state, count in pace.counts.items() if count} for pace in found]


def fold(db: Database, seconds: float = 600) -> int:
    """Fold the rows; how many are left."""
    with db.write() as connection:
        paces.fold(connection, later(seconds))
        return connection.execute(select(func.count()).select_from(rows)).scalar_one()


def test_ends_by_time(db: Database) -> None:
    """Each end counts in its own five minutes, by its state; five minutes without any are there as well."""
    make(db, *(wanted(n) for n in range(4)))
    one, two, three, four = claim(db, 4)
    settle(db, one, verdicts.done("seen"), later(1))
    settle(db, two, verdicts.done("seen"), later(3))
    settle(db, three, FAILED, later(299))
    settle(db, four, verdicts.done("seen"), later(600))

    found = read_paces(db, 0, 900)

    assert [pace.at for pace in found] == [NOW, later(300), later(600)]
    assert counted(found) == [{"succeeded": 2, "failed": 1}, {}, {"succeeded": 1}]
    assert [pace.median for pace in found] == [pytest.approx(2.5, abs=0.5), None, pytest.approx(510, abs=90)]


def test_wide_stretches(db: Database) -> None:
    """An hour is the sum of its five minutes, by tenant and ERP where asked; who may see no tenant sees nothing."""
    make(db, *(wanted(n) for n in range(2)), wanted(9, tenant="other"))
    for seconds, job in zip((10, 1_000), claim(db, 2), strict=True):
        settle(db, job, verdicts.done("seen"), later(seconds))
    settle(db, claim(db, lane=Lane("other", "visma"))[0], verdicts.done("seen"), later(2_000))
    hour = timedelta(hours=1)

    assert counted(read_paces(db, 60, 61, width=hour)) == [{"succeeded": 3}]
    assert counted(read_paces(db, 0, 3_600, width=hour, tenant="acme")) == [{"succeeded": 2}]
    assert counted(read_paces(db, 0, 3_600, width=hour, erp="intacct")) == [{}]
    assert counted(read_paces(db, 0, 3_601, width=timedelta(minutes=15), tenant="other")) == [{}, {}, {"succeeded": 1}, {}, {}]
    with db.read() as connection:
        assert counted(paces.paces(connection, [], NOW, later(300))) == [{}]


def test_cancelled_with_batch(db: Database) -> None:
    """Jobs that end with their batch count, without a time: no worker had them."""
    batch = make_batch(db, *(wanted(n) for n in range(3)))
    turned(db, batch, "cancel")
    with db.write() as connection:
        batches.sweep_cancelled(connection, later(20))

    (pace,) = read_paces(db, 0, 300)

    assert (pace.counts["cancelled"], pace.median, pace.p95) == (3, None, None)


def test_ended_once(db: Database) -> None:
    """A failure that is discarded ended when it failed; a replay that succeeds is another end."""
    make(db, wanted(1), wanted(2))
    one, two = claim(db, 2)
    for job in (one, two):
        settle(db, job, FAILED, later(5))
    with db.write() as connection:
        queue.discard(db, connection, read(db, one), "ops", later(6))
        queue.replay(db, connection, read(db, two), "ops", later(6))
    settle(db, claim(db, now=later(7))[0], verdicts.done("seen"), later(8))

    assert counted(read_paces(db, 0, 300)) == [{"failed": 2, "succeeded": 1}]


def test_notices_are_left_out(db: Database) -> None:
    """Notices are no work that anybody asked for."""
    make(db, wanted(erp=NOTICES))
    settle(db, claim(db, lane=Lane("acme", NOTICES))[0], verdicts.done("taken"), later(1))
    batch = make_batch(db, wanted(2, erp=NOTICES))
    turned(db, batch, "cancel")
    with db.write() as connection:
        batches.sweep_cancelled(connection, NOW)

    assert counted(read_paces(db, 0, 300)) == [{}]


def test_folding_changes_nothing(db: Database) -> None:
    """Rows that count the same become one, and no figure changes; folding again does nothing."""
    make(db, *(wanted(n) for n in range(6)))
    for number, job in enumerate(claim(db, 6)):
        settle(db, job, verdicts.done("seen"), later(1 if number < 4 else 400))
    before = read_paces(db)

    assert [fold(db), fold(db)] == [2, 2]
    assert read_paces(db) == before
    assert counted(before) == [{"succeeded": 4}, {"succeeded": 2}]


def test_old_ones_go(db: Database) -> None:
    """After two weeks they are pruned, and no earlier."""
    make(db, wanted())
    settle(db, claim(db)[0], verdicts.done("seen"))
    keep = pruning.Keep(90 * DAY, 14 * DAY, 30 * DAY)
    for days, left in ((13.9, 1), (14.1, 0)):
        pruning.prune(db, keep, NOW + days * DAY, lambda: True)
        assert fold(db) == left


def test_widths_and_bounds(db: Database) -> None:
    """No stretch but of whole five minutes, and no more of them than a page can use."""
    with pytest.raises(ValueError, match="whole number of five minutes"):
        read_paces(db, width=timedelta(minutes=7))
    with pytest.raises(ValueError, match="are more than"):
        read_paces(db, 0, 86_400 * 8)
    assert read_paces(db, 5, 5) == []


def test_scale_rises_evenly() -> None:
    """From a quarter of a second to a day, each step at most two thirds more than the one before."""
    assert (SCALE[0], SCALE[-1]) == (0.25, 86_400)
    assert all(1.3 <= high / low <= 1.67 for low, high in pairwise(SCALE))


@given(st.floats(0, 200_000))
def test_steps_hold_their_times(seconds: float) -> None:
    """A time is above the border before its step, and not above its own."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    end = start + timedelta(seconds=seconds)
    step, exact = step_of(start, end), (end - start).total_seconds()

    assert step == 0 or exact > SCALE[step - 1]
    assert step == len(SCALE) or exact <= SCALE[step]
    assert step_of(None, end) == UNSTARTED


@given(st.lists(st.floats(0.26, 80_000), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_near(times: list[float], part: float) -> None:
    """What is said lies in the step of the true figure, and so within the error that is promised."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    exact = [(timedelta(seconds=each)).total_seconds() for each in times]
    steps = [step_of(start, start + timedelta(seconds=each)) for each in times]
    true = next(each for number, each in enumerate(sorted(exact), 1) if number >= part * len(exact))

    said = quantile({step: steps.count(step) for step in steps}, part)

    assert said is not None
    assert 0.59 * true <= said <= 1.67 * true
