"""How fast the last batches went, as far as they can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import ended_batch, later
from worker.jobs import speeds
from worker.jobs.speeds import LEAST, LOOKED_BACK, MOST, MOST_BATCHES, End, Speed, measured, speed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.engine import Database

KIND = "release_kit_assembly"


def ends(times: Sequence[float], took: float = 4.0) -> list[End]:
    """Jobs that ended at these seconds, each after so long."""
    return [End(later(each - took), later(each)) for each in times]


def speed(db: Database, seconds: float = 3_600, tenant: str = "acme", kind: str = KIND) -> Speed | None:
    """What is believed then."""
    with db.read() as connection:
        return speed_of(connection, tenant, kind, later(seconds))


@given(st.integers(LEAST, 500), st.floats(0.25, 60.0))
def test_steady_is_exact(count: int, every: float) -> None:
    """Where one ends every so many seconds, that is the speed, however many there were."""
    found = measured(ends([every * n for n in range(count)]))
    assert found is not None
    assert found.per_second == pytest.approx(1 / every, rel=1e-4)
    assert found.each == pytest.approx(4)


@given(st.integers(4, 20), st.floats(1.0, 10_000.0), st.floats(1.0, 10_000.0))
def test_beginning_and_tail_tell_nothing(part: int, late: float, tail: float) -> None:
    """How long it took to get under way, and how long the last ones were waited for, changes nothing."""
    steady = [late + n for n in range(100)]
    slow = [*steady[: 100 - part], *(each + tail for each in steady[100 - part :])]
    assert measured(ends(slow)) == measured(ends(steady))


@given(st.lists(st.floats(0.0, 100_000.0), max_size=150).map(sorted), st.integers(0, 10_000))
def test_speed_is_finite(times: list[float], count: int) -> None:
    """Whatever ended when: a speed is above nothing, and more jobs take no less time."""
    found = measured(ends(times))
    if found is None:
        return
    assert 0 < found.per_second <= len(times) / speeds.LEAST_SPAN
    assert 0 <= found.seconds(count) <= found.seconds(count + 1)


def test_few_tell_nothing() -> None:
    """Too few jobs are no measure, nor are many that one look told of."""
    assert measured(ends([float(n) for n in range(LEAST - 1)])) is None
    assert measured(ends([n / 1_000 for n in range(500)])) is None
    assert measured([]) is None


def test_one_job_takes_its_time() -> None:
    """A single job is not done in a part of a second because a hundred are done in one; none takes none."""
    assert [Speed(100.0, 4.0).seconds(count) for count in (0, 1, 101)] == [0.0, 4.0, 5.0]


def test_starts_that_are_unknown() -> None:
    """Jobs that somebody said were done may never have been started: they have no time of their own."""
    found = measured([End(None, each.finished_at) for each in ends([float(n) for n in range(100)])])
    assert found == Speed(1.0, 0.0)


def test_best_batch_is_believed(db: Database) -> None:
    """The fastest of the last few batches of the kind and the tenant; older ones are past."""
    assert speed(db) is None
    ended_batch(db, 0.5)
    ended_batch(db, 0.25, tenant="other")
    for _ in range(MOST_BATCHES - 1):
        ended_batch(db, 2.0)
    assert speed(db) == Speed(2.0, 4.0)
    ended_batch(db, 3.0)
    assert speed(db) == Speed(0.5, 4.0)
    assert speed(db, kind="delete_kit_assembly") is None
    assert speed(db, LOOKED_BACK.total_seconds() + 1) is None


def test_what_did_not_succeed_tells_nothing(db: Database) -> None:
    """Jobs that failed or were cancelled may have asked nothing of the ERP; and what is too small is passed by."""
    ended_batch(db, 1.0, state="failed")
    ended_batch(db, 1.0, state="cancelled")
    for _ in range(MOST_BATCHES):
        ended_batch(db, 1.0, LEAST - 1)
    assert speed(db) is None


def test_only_the_first_are_looked_at(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a batch is, a bounded number of its jobs is read."""
    assert MOST <= 5_000
    monkeypatch.setattr(speeds, "MOST", 60)
    batch = ended_batch(sqlite_db, 1.0, 200)
    with sqlite_db.read() as connection:
        found = speeds._first_ends(connection, batch)
    assert [each.finished_at for each in found] == [later(n) for n in range(1, 61)]
