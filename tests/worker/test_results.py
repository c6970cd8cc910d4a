"""What comes back from calls, gathered and given out in portions."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread
from time import monotonic

from hypothesis import given
from hypothesis import strategies as st

from worker.handling import Finding
from worker.jobs.model import Job
from worker.jobs.verdicts import done
from worker.results import PORTION, Came, Results

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def came(first: int, count: int) -> Came:
    """So many findings of one look."""
    jobs = [Job(f"job-{number}", "acme", "visma", "x", {}, "x", NOW, NOW, "a test", 8) for number in range(first, first + count)]
    return Came(tuple(Finding(job, done("seen")) for job in jobs), tuple(job.id for job in jobs), spent={"batch": 2})


def test_gathers_all() -> None:
    """What is there is taken at once, pokes apart."""
    results = Results()
    results.put(came(0, 1))
    results.poke()
    results.put(came(1, 1))

    real, poked = results.gather(5.0, behind=False)

    assert (len(real), poked, len(results)) == (2, True, 2)


def test_waits_for_the_first() -> None:
    """With nothing there it waits as long as it may, and ends with the first that comes."""
    results = Results()
    assert results.gather(0.0, behind=False) == ([], False)
    thread = Thread(target=lambda: results.put(came(0, 1)))
    thread.start()
    began = monotonic()

    real, _ = results.gather(30.0, behind=True)

    thread.join()
    assert len(real) == 1
    assert monotonic() - began < 25.0


@given(st.lists(st.integers(0, 3 * PORTION), max_size=12))
def test_portions(sizes: list[int]) -> None:
    """Portions give out every finding once, in order, with the jobs that were looked at, and are never larger than they should be.

    The calls of each look are given out once, too, however many portions its findings take.
    """
    results = Results()
    first = 0
    for size in sizes:
        results.put(came(first, size))
        first += size
    results.gather(0.0, behind=False)
    given_out: list[str] = []
    looked: list[str] = []
    calls = 0

    while portion := results.portion():
        findings = [finding.job.id for each in portion for finding in each.findings]
        assert len(findings) <= PORTION
        given_out += findings
        looked += [job for each in portion for job in each.looked]
        calls += sum(each.spent.get("batch", 0) for each in portion)

    assert given_out == [f"job-{number}" for number in range(first)]
    assert sorted(looked) == sorted(given_out)
    assert calls == 2 * len(sizes)
    assert len(results) == 0
