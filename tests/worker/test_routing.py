"""One connection's handler: which work does which job, and what its meter hears."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from worker.connections import Limits, Meter
from worker.errors import AuthRefused, CallError, RateLimited
from worker.handling import Finding, Look, Page
from worker.jobs.limits import ConnectionState
from worker.jobs.model import Batch, Job, JobError
from worker.jobs.states import BatchState, State
from worker.jobs.verdicts import Verdict, done, failed, later
from worker.routing import TOGETHER, OneByOne, Router
from worker.settings import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def job_of(kind: str, number: int = 1) -> Job:
    """A job of a kind."""
    return Job(f"{kind}-{number}", "acme", "itempath", kind, {}, "x", NOW, NOW, "a test", 8, state=State.RUNNING)


def batch_of(kind: str) -> Batch:
    """A selection."""
    return Batch("b", "acme", "itempath", kind, "all", BatchState.PLANNING, "a test", NOW, {"all": True})


@dataclass
class Fake:
    """A work, and a handler for what has none."""

    says: Verdict = field(default_factory=lambda: done("seen"))
    fails: bool = False
    started: list[str] = field(default_factory=list)
    looked: list[list[str]] = field(default_factory=list)
    limits: Limits = field(default_factory=lambda: Limits(1))
    rules: Retries = field(default_factory=Retries)
    meter: Meter = field(default_factory=Meter)

    def start(self, job: Job, now: float = 0.0) -> Any:  # noqa: ARG002 - the protocol's; as a handler it is asked for a finding
        """Note it."""
        self.started.append(job.id)
        return self.says

    def looks(self, jobs: Sequence[Job], now: float) -> list[tuple[Job, Verdict]]:  # noqa: ARG002 - the protocol's
        """Note it."""
        self.looked.append([job.id for job in jobs])
        if self.fails and (len(jobs) > 1 or jobs[0].id.endswith("-3")):
            raise RuntimeError("oh")
        return [(job, later("not yet", wait=1.0)) for job in jobs]


class Base(Fake):
    """A handler."""

    def start(self, job: Job, now: float = 0.0) -> Any:  # noqa: ARG002 - the handler's has no time
        """Note it."""
        self.started.append(job.id)
        return Finding(job, self.says)

    def looks(self, jobs: Sequence[Job], state: Any, now: Any = None) -> Any:  # type: ignore[override] # noqa: ARG002 - the handler's
        """One for all."""
        return [Look(tuple(jobs), list)]

    def plan(self, batch: Batch) -> Page:  # noqa: ARG002 - the handler's
        """Nothing."""
        return Page([], {"by": "base"}, last=True)

    def probe(self) -> None:
        """Nothing."""


def router(work: Fake, *, base: Base | None = None, read: Callable[[], object] = lambda: None) -> Router:
    """A router that gives syncs to `work`."""
    plans = {"sync": lambda _batch: Page([], {"by": "plan"}, last=True)}
    return Router(Limits(1), Retries(), Meter(), {"sync": work}, plans, read, lambda: 0.0, base)


def test_start_by_kind() -> None:
    """A job goes to the work of its kind, and to the base where there is none."""
    work, base = Fake(), Base()
    both = router(work, base=base)

    found = [both.start(job_of(kind)).verdict.state for kind in ("sync", "release")]

    assert (found, work.started, base.started) == ([State.SUCCEEDED] * 2, ["sync-1"], ["release-1"])


def test_nobody_does_it() -> None:
    """A kind that nobody does here fails as our fault."""
    finding = router(Fake()).start(job_of("release"))

    assert finding.verdict.error is not None
    assert finding.verdict.error.error_class == "bug"


def test_looks_together() -> None:
    """Jobs of one kind are looked at together, in portions; the others are the base's."""
    work, base = Fake(), Base()
    jobs = [job_of("sync", number) for number in range(TOGETHER + 1)]

    looks = router(work, base=base).looks([*jobs, job_of("release")], ConnectionState(), NOW)
    findings = [finding for look in looks for finding in look.run()]

    assert [len(look.jobs) for look in looks] == [TOGETHER, 1, 1]
    assert len(findings) == TOGETHER + 1


def test_faulty_look() -> None:
    """A fault of ours in a look ends the one job that it comes from; the others are looked at alone."""
    work = Fake(fails=True)
    jobs = [job_of("sync", number) for number in (1, 2, 3)]

    with capture_logs():
        found = {finding.job.id: finding.verdict.state for finding in router(work).looks(jobs, ConnectionState(), NOW)[0].run()}

    assert found == {"sync-1": State.WAITING, "sync-2": State.WAITING, "sync-3": State.FAILED}


def test_plan_by_kind() -> None:
    """A selection is read by the plan of its kind, else by the base; one that nobody reads fails."""
    both = router(Fake(), base=Base())

    assert [both.plan(batch_of(kind)).planned["by"] for kind in ("sync", "release")] == ["plan", "base"]
    with pytest.raises(CallError):
        router(Fake()).plan(batch_of("release"))


def test_kept_out_counts() -> None:
    """That we are not let in opens the breaker: one job's failure would be every job's."""
    refused = Fake(says=failed(JobError("auth", "no", 401)))
    both = router(refused)

    both.start(job_of("sync"))

    assert both.meter.take(0).failures == 1


@pytest.mark.parametrize(
    ("error", "failures"), [(RateLimited("too many"), 1), (AuthRefused("no", status=401), 1), (CallError("refused", status=400), 0)]
)
def test_probe(error: CallError, failures: int) -> None:
    """A probe that is refused for all calls counts as a failure; a refusal of the read itself is a sign of life."""

    def read() -> None:
        raise error

    both = router(Fake(), read=read)

    both.probe()

    assert both.meter.take(0).failures == failures


def test_one_by_one() -> None:
    """A work that looks at one job at a time serves as well."""

    class Single:
        def start(self, job: Job, now: float) -> Verdict:
            return done(f"{job.id} at {now:g}")

        def look(self, job: Job, now: float) -> Verdict:
            return later(f"{job.id} at {now:g}", wait=1.0)

    work = OneByOne(Single())
    jobs = [replace(job_of("sync"), id=name) for name in "ab"]

    assert work.start(jobs[0], 3.0).cause == "a at 3"
    assert [verdict.cause for _, verdict in work.looks(jobs, 4.0)] == ["a at 4", "b at 4"]
