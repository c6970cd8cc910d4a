"""Whether a target shows what was sent to it, and what to do when it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.errors import CallError, RateLimited, Unclear
from worker.jobs.model import JobError
from worker.jobs.verdicts import again, doubt, failed, later
from worker.refusals import error_of, unseen
from worker.sync import reports
from worker.sync.applying import IMPORT_WAITS, OPERATION_WAITS, wait_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.kits.difference import Difference
    from worker.sync.aims import Aim
    from worker.sync.memory import Memory
    from worker.sync.options import Options
    from worker.sync.system import KitSystem, Sent

MOST_ROUNDS: Final = 6
"""So many rounds of writes may come no nearer before a person is told."""
_MARGIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Showing:
    """One tenant's look at one system, at the time `now` (epoch seconds)."""

    system: KitSystem
    now: float
    ours: Callable[[str], str]

    def operation(self, job: Job, memory: Memory, options: Options) -> Verdict | None:
        """What the ERP's background operation says; None: it has ended well, or there is none to ask."""
        if memory.operation is None:
            return None
        try:
            ended = self.system.operation_done(memory.operation)
        except CallError as error:
            return unseen(job, error, self.now)
        if ended is False:
            wait = wait_of(OPERATION_WAITS, memory.polls + 1)
            return later("the ERP is at it", wait=wait, **reports.remembering(replace(memory, polls=memory.polls + 1)))
        if isinstance(ended, (Unclear, RateLimited)):
            return self._broken(memory, ended)
        if isinstance(ended, CallError):
            return reports.with_result(failed(error_of(ended)), memory, options)
        return None

    def not_shown(self, job: Job, memory: Memory, options: Options, target: Aim, sent: Sequence[Sent]) -> Verdict:
        """The target differs still. Wait for its import, ask what became of an unclear write, or write once more."""
        since = memory.sent_at or sent_at(job)
        unclear = [each for each in sent if each.outcome == "unclear"]
        if unclear:
            left = self.system.traits.second_look - (self.now - max(since, stopped_at(job)))
            if left > 0:
                return later("nobody can tell yet whether it ran", wait=left + _MARGIN, **reports.remembering(memory))
            ran, unknown = self._asked(unclear, target)
            sent = (*(each for each in sent if each.outcome != "unclear"), *ran)
            if unknown and self.system.traits.imports:
                message = f"it can't be told whether this ran: {', '.join(reports.words(each) for each in unknown)}"
                return reports.with_result(failed(JobError("in_doubt", message)), memory, options)
        pending = _still_open(sent, target.difference, self.ours) if self.system.traits.imports else []
        if pending:
            return self._importing(replace(memory, sent=tuple(sent)), options, pending, since)
        return self._another_round(memory, options, target)

    def _broken(self, memory: Memory, error: CallError) -> Verdict:
        """The ERP failed at it, and may have done it before it failed: the kit tells, and nothing is sent before the second look."""
        sent = tuple(replace(each, outcome="unclear") for each in memory.sent)
        return doubt(error_of(error), wait=0.0, **reports.remembering(replace(memory, operation=None, sent=sent)))

    def _importing(self, memory: Memory, options: Options, pending: Sequence[Sent], since: float) -> Verdict:
        what = ", ".join(reports.words(each) for each in pending[:5]) + (f" and {len(pending) - 5} more" if len(pending) > 5 else "")  # noqa: PLR2004 - as many as are read at a glance
        left = self.system.traits.import_timeout - (self.now - since)
        if left <= 0:
            message = f"accepted, and not imported within {self.system.traits.import_timeout:g} s: {what}"
            return reports.with_result(failed(JobError("timeout", message)), memory, options)
        wait = min(wait_of(IMPORT_WAITS, memory.polls + 1), left + _MARGIN)
        return later(f"not imported yet: {what}", wait=wait, doubt=None, **reports.remembering(replace(memory, polls=memory.polls + 1)))

    def _another_round(self, memory: Memory, options: Options, target: Aim) -> Verdict:
        """One that came nearer does not count: a kit of very many lines, or an ERP that takes few at a time, needs many."""
        left = target.difference.size
        if memory.least is None or left < memory.least:
            memory = replace(memory, round=0, least=left)
        if memory.round >= MOST_ROUNDS:
            message = f"it differs still after {memory.round} rounds of writes: is something else writing to it?"
            memory = reports.noted(memory, self.system.traits.erp, left=target.difference.to_json())
            return reports.with_result(failed(JobError("conflict", message)), memory, options)
        memory = replace(memory, stage="write", sent=(), sent_at=None, operation=None, polls=0, kit=target.kit, read_at=self.now)
        return again("there is more to write", doubt=None, **reports.remembering(memory))

    def _asked(self, unclear: Sequence[Sent], target: Aim) -> tuple[list[Sent], list[Sent]]:
        """The unclear writes that ran, and those of which nobody knows. Raises `CallError`."""
        told = self.system.happened(unclear, target.kit)
        ran = [replace(each, outcome="accepted") for each, answer in zip(unclear, told, strict=True) if answer]
        unknown = [each for each, answer in zip(unclear, told, strict=True) if answer is None]
        return ran, unknown


def sent_at(job: Job) -> float:
    """When the job's last write may have gone out, in epoch seconds."""
    at: float = job.progress.get("sent_at") or job.created_at.timestamp()
    return at


def stopped_at(job: Job) -> float:
    """When its worker was found dead, if it was: a start of many writes may have sent the last of them just before."""
    at: float = job.progress.get("stopped_at") or 0.0
    return at


def _still_open(sent: Sequence[Sent], difference: Difference, ours: Callable[[str], str]) -> list[Sent]:
    """Accepted writes whose effect is still missing. `ours`: our code for the target's."""
    lines = {change.remote.id for change in difference.updates} | {remote.id for remote in difference.deletes}
    creates = {line.component for line in difference.creates}
    accepted = [each for each in sent if each.outcome == "accepted"]
    return [each for each in accepted if (ours(each.component) in creates if each.write == "create" else each.line in lines)]
