"""What an ERP's answers say of its connection: calls used and left, health, ordered waits. For every ERP alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.connections import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.clients.answers import Answer
    from worker.connections import Meter

UNAUTHORISED: Final = 401
_REFUSAL_WAIT: Final = 30.0


def observer(meter: Meter) -> Callable[[Answer], None]:
    """Tells the meter what each answer says about the connection."""
    return lambda answer: meter.saw(report_of(answer, datetime.now(UTC)))


def report_of(answer: Answer, now: datetime) -> Report:
    """What one answer says of budget and health. A refusal of the request is a sign of life; 429 is neither good nor bad."""
    counted = 0 if answer.token else 1
    resets_at = None if answer.resets_in is None else now + timedelta(seconds=answer.resets_in)
    budget = {"calls": counted, "left": answer.remaining, "resets_at": resets_at, "ms": round(answer.ms)}
    if answer.error_class == "rate_limited":
        wait = answer.retry_after or answer.resets_in or _REFUSAL_WAIT
        return Report(**budget, blocked_until=now + timedelta(seconds=max(wait, 1.0)))  # type: ignore[arg-type]
    if answer.status is None or answer.error_class in {"unavailable", "timeout"}:
        why = f"answers {answer.status}" if answer.status else "does not answer"
        return Report(**budget, failures=1, why=why)  # type: ignore[arg-type]
    if answer.token and answer.error_class is not None:
        return Report(**budget, failures=1, refused=True, why="the token endpoint refuses our credentials")  # type: ignore[arg-type]
    if answer.status == UNAUTHORISED:
        return Report(**budget)  # type: ignore[arg-type]
    return Report(**budget, oks=1, last_ok_at=now)  # type: ignore[arg-type]
