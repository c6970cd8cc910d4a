"""The line of jobs for slots about to come free."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.model import Job, new_id
from worker.line import ROUND, Line


def job() -> Job:
    """Any job."""
    now = datetime.now(UTC)
    return Job(new_id(), "acme", "visma", "release_kit_assembly", {}, "P/1", now, now, "test", 3)


def test_closed_line_gives_nothing() -> None:
    """Threads take from an open line only; the loop always may; order is kept."""
    line, jobs = Line(), [job(), job(), job()]
    line.add(jobs)
    assert line.follow() is None
    line.open = True
    assert line.follow() == jobs[0]
    line.open = False
    assert line.take(5) == jobs[1:]
    assert line.follow() is None


def test_cleared_line_is_empty() -> None:
    """What is cleared is given back whole, once."""
    line, jobs = Line(), [job(), job()]
    line.add(jobs)
    assert line.clear() == jobs
    assert (line.clear(), len(line)) == ([], 0)


@given(slots=st.integers(0, 200), seconds=st.floats(0.0, 60.0))
def test_length_fits_pace(slots: int, seconds: float) -> None:
    """The line is at most half the slots, and holds what comes free in one round at the pace seen; none before one is known."""
    line = Line()
    assert line.length(slots) == 0
    line.took(seconds)
    assert 0 <= line.length(slots) <= slots // 2
    if seconds > ROUND:
        assert line.length(slots) <= slots * ROUND / seconds + 1
