"""Write what a target lacks: missing kits and items first where that is wanted, then the lines; and what the answers mean for the job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.errors import AuthRefused, BadAnswer, CallError, Fault, KitFault, NotSent, RateLimited, Unclear
from worker.jobs.states import State
from worker.jobs.verdicts import accepted, again, doubt, failed
from worker.kits.model import CreateLine, Item, UpdateLine
from worker.refusals import before_sending, error_of
from worker.sync import reports
from worker.sync.known import look
from worker.sync.system import Order, Sent
from worker.sync.targeting import missing_items, writes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.kit_ledger.book import KitBook
    from worker.kits.model import Line, Write
    from worker.settings import Retries, Sync
    from worker.sync.aims import Aim
    from worker.sync.memory import Memory
    from worker.sync.options import Options
    from worker.sync.system import KitSystem, Written
    from worker.sync.translation import Translation

MOST_WRITES: Final = 200
"""So many writes go out in one round; the rest follows when they are seen."""

IMPORT_WAITS: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
OPERATION_WAITS: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds until the next look; the last one from then on."""


@dataclass(frozen=True, slots=True)
class Applying:
    """One tenant's writes to one system."""

    system: KitSystem
    sync: Sync
    translation: Translation
    retries: Retries
    book: KitBook

    def write(self, job: Job, memory: Memory, options: Options, target: Aim, now: float) -> Verdict:
        """Send what is missing. Raises `CallError` for reads, and `KitFault` for what can't be written."""
        if not target.kit.id and self.system.traits.makes_kits == "empty":
            return self._make_kit(job, memory, target.kit.code, now)
        codes, items = self._items(target)
        missing = missing_items(target.difference.creates, items)
        if missing and self.sync.create_missing and self.system.traits.imports:
            return self._make(job, memory, missing, codes, now)
        theirs = {codes[code]: item for code, item in items.items()}
        generation = job.starts if memory.generation is None else memory.generation
        order = Order(job.id, target.kit, self._writes(target, items), theirs, generation, MOST_WRITES)
        written = self.system.write(order)
        unclear = any(each.outcome == "unclear" for each in written.sent) and not written.spent
        return self._written(job, replace(memory, generation=generation if unclear else None), options, written, now)

    def may_have_sent(self, target: Aim, at: float) -> tuple[Sent, ...]:
        """What a worker that stopped in the middle may have sent: all that is still missing. Raises `CallError` and `KitFault`."""
        _, items = self._items(target)
        return tuple(_unclear(write, at) for write in self._writes(target, items)[:MOST_WRITES])

    def _items(self, target: Aim) -> tuple[dict[str, str], dict[str, Item]]:
        """The target's codes of what is to be created (or has a cost that counts), and its items, both by our codes."""
        costs_count = self.system.traits.shares_revenue and self.sync.revenue == "by_cost"
        lines = target.wanted.lines if costs_count else target.difference.creates
        codes = self.translation.theirs(self.system.traits.erp, {line.component for line in lines})
        there = self.system.items(tuple(codes.values())) if codes else {}
        return codes, {code: there[their_code] for code, their_code in codes.items() if their_code in there}

    def _writes(self, target: Aim, items: dict[str, Item]) -> tuple[Write, ...]:
        return writes_of(target, items, self.sync, self.system.traits, self.translation)

    def _make_kit(self, job: Job, memory: Memory, code: str, now: float) -> Verdict:
        """An empty kit, to be filled when it is there."""
        erp = self.system.traits.erp
        self._ask(code, lambda: self.system.create_kit(code, job.id, job.starts))
        made = [*memory.reports.get(erp, {}).get("made", []), code]
        memory = reports.noted(replace(memory, stage="target", wrote=True, polls=0, made_at=now), erp, made=made)
        return look(f"made the kit {code}", memory, wait=wait_of(IMPORT_WAITS, 0))

    def _make(self, job: Job, memory: Memory, missing: list[Line], codes: dict[str, str], now: float) -> Verdict:
        """Kits and materials that the target lacks, each asked for once; they show after their import."""
        erp = self.system.traits.erp
        made: list[str] = memory.reports.get(erp, {}).get("made", [])
        wanted = [line for line in missing if codes[line.component] not in made]
        if not wanted:
            return self.not_there_yet(memory, ", ".join(codes[line.component] for line in missing), now)
        for line in wanted:
            code = codes[line.component]
            self._ask(code, partial(self._make_one, line, code, job))
            made = [*made, code]
        memory = reports.noted(replace(memory, stage="target", wrote=True, polls=0, made_at=now), erp, made=made)
        return look(f"made {len(wanted)} that {erp} lacked", memory, wait=wait_of(IMPORT_WAITS, 0))

    def _make_one(self, line: Line, code: str, job: Job) -> None:
        if line.type == "item":
            self.system.create_item(Item(id="", code=code, unit=line.unit), job.id, job.starts)
        else:
            self.system.create_kit(code, job.id, job.starts)

    def _ask(self, code: str, create: Callable[[], None]) -> None:
        """Ask for it, unless some sync did so and its import may still come.

        What may have been made is taken for made: it shows, or a person is told; it is not made twice by guess. So it is written down
        first, and struck out again only when the ERP surely did nothing.
        """
        erp, within = self.system.traits.erp, timedelta(seconds=self.system.traits.import_timeout)
        if not self.book.ask(erp, code, within):
            return
        try:
            create()
        except (Unclear, BadAnswer):
            return
        except CallError:
            self.book.unask(erp, code)
            raise

    def not_there_yet(self, memory: Memory, what: str, now: float) -> Verdict:
        """What was made is waited for, by the clock: looks that somebody asks for cost nothing. Raises `KitFault` after too long."""
        made_at = now if memory.made_at is None else memory.made_at
        waited = now - made_at
        if waited > self.system.traits.import_timeout:
            fault = Fault(f"{self.system.traits.erp}: {what}", f"was made, and is not there after {waited:.0f} s")
            raise KitFault("timeout", (fault,))
        memory = replace(memory, stage="target", polls=memory.polls + 1, made_at=made_at)
        return look(f"{what} was made and is not there yet", memory, wait=wait_of(IMPORT_WAITS, memory.polls))

    def _written(self, job: Job, memory: Memory, options: Options, written: Written, now: float) -> Verdict:
        erp = self.system.traits.erp
        some = any(each.outcome in {"accepted", "unclear"} for each in written.sent)
        memory = reports.applied(memory, erp, written.sent)
        if not some:
            return self._nothing_written(job, memory, options, written, now)
        memory = replace(
            memory,
            stage="shown",
            round=memory.round + 1,
            sent=written.sent,
            sent_at=now,
            operation=written.operation,
            polls=0,
            wrote=True,
        )
        kept = {**reports.remembering(memory), "sent_at": now}
        if isinstance(written.error, Unclear) or any(each.outcome == "unclear" for each in written.sent):
            error = written.error or CallError("it is not known whether it ran", error_class="in_doubt")
            return doubt(error_of(error), wait=self._first_wait(written), **kept)
        if written.error is not None and not isinstance(written.error, (NotSent, RateLimited, AuthRefused)):
            return reports.with_result(failed(error_of(written.error), sent_at=now), memory, options)
        count = sum(each.outcome == "accepted" for each in written.sent)
        cause = f"{erp} accepted {count} write{'s' if count != 1 else ''}"
        return accepted(cause, wait=self._first_wait(written), erp_id=written.operation, doubt=None, **kept)

    def _first_wait(self, written: Written) -> float:
        if written.operation is not None:
            return OPERATION_WAITS[0]
        return IMPORT_WAITS[0] if self.system.traits.imports else 0.0

    def _nothing_written(self, job: Job, memory: Memory, options: Options, written: Written, now: float) -> Verdict:
        kept = reports.remembering(memory)
        if written.error is None:
            return again("there was nothing to send", wait=1.0, **kept)
        verdict = before_sending(job, written.error, now, self.retries)
        verdict = replace(verdict, progress={**verdict.progress, **kept})
        return reports.with_result(verdict, memory, options) if verdict.state in {State.FAILED, State.RETRYING} else verdict


def _unclear(write: Write, at: float) -> Sent:
    if isinstance(write, CreateLine):
        return Sent("create", write.line.component, "unclear", at, None, f"{write.line.quantity:f}", write.number)
    component, line = write.remote.line.component, write.remote.id
    if isinstance(write, UpdateLine):
        quantity = None if write.quantity is None else f"{write.quantity:f}"
        return Sent("update", component, "unclear", at, line, quantity, write.number)
    return Sent("delete", component, "unclear", at, line)


def wait_of(waits: tuple[float, ...], poll: int) -> float:
    """How long until look number `poll`, from 0, in seconds."""
    return waits[min(poll, len(waits) - 1)]
