"""What a verdict makes of a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import NOW, RULES, wanted
from worker.jobs import verdicts
from worker.jobs.making import job_from
from worker.jobs.model import JobError
from worker.jobs.states import FINAL, State
from worker.jobs.verdicts import Verdict, after

if TYPE_CHECKING:
    from worker.jobs.model import Job

ERROR = JobError("unavailable", "Visma is down", 503)
errors = st.none() | st.just(ERROR)
waits = st.none() | st.floats(0, 100_000)
chances = st.floats(0, 1, exclude_max=True)
keys = st.text("abc", min_size=1, max_size=3)
memories = st.dictionaries(keys, st.none() | st.integers() | st.booleans())
verdict_records = st.builds(
    Verdict,
    st.sampled_from(sorted(set(State) - {State.RUNNING, State.CANCELLED})),
    st.just("because"),
    wait=waits,
    counts=st.booleans(),
    error=errors,
    progress=memories,
).filter(lambda verdict: verdict.counts or verdict.state is not State.RETRYING)


def running(**values: object) -> Job:
    """A job that a worker has."""
    job = replace(job_from(wanted(), "ops", NOW), state=State.RUNNING, owner="w", lease_until=NOW, starts=1, fence=1)
    return replace(job, **values)  # type: ignore[arg-type]


@given(verdict_records, chances)
def test_lease_ends(verdict: Verdict, chance: float) -> None:
    """Whatever the verdict, nobody holds the job after it, and its fence is kept for the comparison."""
    then = after(running(), verdict, NOW, RULES, chance)
    assert (then.owner, then.lease_until, then.fence) == (None, None, 1)


@given(verdict_records, chances)
def test_finish_is_final(verdict: Verdict, chance: float) -> None:
    """A job has an end exactly while it stands in a final state."""
    then = after(running(finished_at=NOW), verdict, NOW, RULES, chance)
    assert (then.finished_at is not None) is (then.state in FINAL)


@given(verdict_records, chances, st.integers(0, 2))
def test_failed_starts_count(verdict: Verdict, chance: float, attempt: int) -> None:
    """Only a start that failed counts, and once."""
    then = after(running(attempt=attempt), verdict, NOW, RULES, chance)
    assert then.attempt == attempt + verdict.counts
    assert then.attempt <= then.max_attempts


@given(verdict_records, chances, memories)
def test_memory_is_merged(verdict: Verdict, chance: float, memory: dict[str, object]) -> None:
    """The handler's memory is the old one with the new over it; None takes a key out."""
    then = after(running(progress=memory), verdict, NOW, RULES, chance)
    kept = {key: value for key, value in then.progress.items() if key != "failed_at"}
    assert kept == {key: value for key, value in {**memory, **verdict.progress}.items() if value is not None}


@given(verdict_records, chances)
def test_due_is_never_past(verdict: Verdict, chance: float) -> None:
    """A job is due now or later, and a wait that was asked for is kept within an hour."""
    then = after(running(), verdict, NOW, RULES, chance)
    assert then.due_at >= NOW + timedelta(seconds=min(verdict.wait or 0, 3599.9))


def test_attempts_run_out() -> None:
    """The last attempt's failure is the job's, with its error."""
    then = after(running(attempt=2), verdicts.retry(ERROR), NOW, RULES, 0)
    assert (then.state, then.attempt, then.error, then.finished_at) == (State.FAILED, 3, ERROR, NOW)


def test_failures_spread_out() -> None:
    """The third try of a request comes no sooner than five minutes after the first failure but one."""
    job = after(running(max_attempts=8), verdicts.retry(ERROR), NOW, RULES, 0)
    assert job.due_at < NOW + timedelta(seconds=10)
    then = after(replace(job, state=State.RUNNING), verdicts.retry(ERROR), job.due_at, RULES, 0)
    assert then.due_at >= NOW + timedelta(seconds=299.9)


def test_failures_remembered_are_few() -> None:
    """Only the newest failures are kept: memory does not grow with attempts."""
    job = running(max_attempts=1000)
    for _ in range(40):
        job = replace(after(job, verdicts.retry(ERROR), NOW, RULES, 0), state=State.RUNNING)
    assert len(job.progress["failed_at"]) == 16


def test_success_clears_error() -> None:
    """A job that made it shows no error of an earlier try."""
    then = after(running(error=ERROR), verdicts.done("seen", {"status": "R"}), NOW, RULES, 0)
    assert (then.state, then.error, then.result) == (State.SUCCEEDED, None, {"status": "R"})


def test_wait_keeps_error() -> None:
    """While it is unclear what became of a start, people see why."""
    job = after(running(), verdicts.doubt(JobError("timeout", "no answer"), wait=5), NOW, RULES, 0)
    then = after(job, verdicts.later("still at it", wait=5), NOW, RULES, 0)
    assert then.error == JobError("timeout", "no answer")


def test_operation_is_kept() -> None:
    """A later verdict without an operation's id does not forget it."""
    job = after(running(), verdicts.accepted("taken", wait=30, erp_id="op-1", sent_at=1.0), NOW, RULES, 0)
    assert after(job, verdicts.later("not yet", wait=30), NOW, RULES, 0).erp_id == "op-1"


@pytest.mark.parametrize("verdict", [verdicts.failed(ERROR), verdicts.retry(ERROR)])
def test_doubt_counts_once(verdict: Verdict) -> None:
    """A start whose end was unclear counted when it became unclear; what a look finds of it later is not another failed start."""
    job = after(running(attempt=1), verdicts.doubt(ERROR, wait=5), NOW, RULES, 0)
    assert after(job, verdict, NOW, RULES, 0).attempt == 2


def test_last_doubt_fits() -> None:
    """A job whose last attempt ended unclear fails as attempt 3 of 3, not 4 of 3."""
    job = after(running(attempt=2), verdicts.doubt(ERROR, wait=5), NOW, RULES, 0)
    then = after(job, verdicts.failed(JobError("in_doubt", "nobody can tell")), NOW, RULES, 0)
    assert (then.state, then.attempt) == (State.FAILED, 3)


def test_dead_workers_job_may_retry() -> None:
    """A job freed from a dead worker has no failures in its memory yet and may be tried again all the same."""
    job = running(attempt=1, progress={"doubt": True})
    then = after(replace(job, state=State.WAITING), verdicts.retry(ERROR), NOW, RULES, 0)
    assert (then.state, then.attempt) == (State.RETRYING, 1)
    assert then.due_at > NOW
