"""A connection's limits, pure: slots shared fairly, a budget of calls read from the ERP's headers, a breaker for an ERP that is down.

What all workers know is in the ledger (`worker.jobs.limits`); what one worker saw since it last looked there is a `Report`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOUR: Final = timedelta(hours=1)
FAILURES_TO_OPEN: Final = 5
"""So many failures in a row, with no good answer between them, and the ERP counts as down."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 120.0
SLOW_MS: Final = 5_000
"""Above this, a connection's usual answer counts as slow."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call on a connection as it is kept: redacted, bodies cut.

    `url` is path and query, `ms` milliseconds; no `status` when no answer came. `headers` are those of the request that not every call
    has; None for none, and where they were not kept.
    """

    at: datetime
    method: str
    url: str
    status: int | None
    ms: float
    request: str | None
    response: str | None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings allow a connection.

    Calls under way at once, calls an hour (None: no ceiling of ours), and how many calls one share may hold.
    """

    slots: int
    calls_per_hour: int | None = None
    grant: int = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker saw on a connection since its last refresh.

    `calls` counted against the budget; `under_way` calls now; `failures` in a row at the end and `oks` in all; `left` and `resets_at` as
    the ERP's headers had them last; `blocked_until` where it ordered a wait; `ms` the usual time of an answer; `learned` facts about the
    ERP worth sharing.
    """

    calls: int = 0
    under_way: int = 0
    oks: int = 0
    failures: int = 0
    last_ok_at: datetime | None = None
    left: int | None = None
    resets_at: datetime | None = None
    blocked_until: datetime | None = None
    ms: int | None = None
    why: str | None = None
    refused: bool = False
    learned: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breaker:
    """`opened` is how often in a row it opened; 0 is closed. After `open_until` one harmless read tells whether to close it."""

    failures: int = 0
    opened: int = 0
    open_until: datetime | None = None
    why: str | None = None

    @property
    def closed(self) -> bool:
        """Whether work may go on."""
        return self.opened == 0

    def asks(self, now: datetime) -> bool:
        """Whether it is time for the harmless read."""
        return self.opened > 0 and (self.open_until is None or self.open_until <= now)


def breaker_after(breaker: Breaker, report: Report, now: datetime, chance: float) -> Breaker:
    """The breaker after what a worker saw. `chance` in [0, 1) jitters the pause. A refusal of our credentials opens it at once."""
    if report.oks and not report.failures:
        return Breaker()
    if not report.failures:
        return breaker
    failures = report.failures + (0 if report.oks else breaker.failures)
    already_open = not breaker.closed and not breaker.asks(now)
    if already_open or (breaker.closed and failures < FAILURES_TO_OPEN and not report.refused):
        return replace(breaker, failures=failures, why=report.why or breaker.why)
    opened = breaker.opened + 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (opened - 1)) * (0.8 + 0.2 * chance)
    return Breaker(failures, opened, now + timedelta(seconds=pause), report.why or breaker.why)


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls of the hour: ours since `window_at`, and what the ERP said is left until `remote_resets_at`."""

    window_at: datetime | None = None
    calls: int = 0
    remote_left: int | None = None
    remote_resets_at: datetime | None = None

    def resets_at(self, now: datetime) -> datetime:
        """When calls come free again."""
        own = (self.window_at or now) + HOUR
        if self.remote_left is not None and self.remote_left <= 0 and self.remote_resets_at is not None:
            return self.remote_resets_at
        return own


def budget_after(budget: Budget, report: Report, now: datetime) -> Budget:
    """The budget after a worker's calls. Within one window of the ERP the lowest number it said holds: answers overtake each other."""
    own = budget if budget.window_at is not None and now < budget.window_at + HOUR else replace(budget, window_at=now, calls=0)
    own = replace(own, calls=own.calls + report.calls)
    expired = own.remote_resets_at is not None and now >= own.remote_resets_at
    if expired:
        own = replace(own, remote_left=None, remote_resets_at=None)
    if report.left is None:
        left = None if own.remote_left is None else max(0, own.remote_left - report.calls)
        return replace(own, remote_left=left)
    left = report.left if own.remote_left is None else min(report.left, own.remote_left)
    return replace(own, remote_left=left, remote_resets_at=report.resets_at or own.remote_resets_at or now + HOUR)


def budget_left(budget: Budget, ceiling: int | None, now: datetime) -> int | None:
    """Calls left in the hour, before what other workers hold; None where nobody set a limit."""
    own = None
    if ceiling is not None:
        fresh = budget.window_at is None or now >= budget.window_at + HOUR
        own = ceiling if fresh else ceiling - budget.calls
    remote = budget.remote_left
    if remote is not None and budget.remote_resets_at is not None and now >= budget.remote_resets_at:
        remote = None
    known = [max(0, each) for each in (own, remote) if each is not None]
    return min(known) if known else None


def fair_share(slots: int, worker: str, others: Sequence[str]) -> int:
    """This worker's part of the slots: equal parts, what is left over to the first names."""
    names = sorted({worker, *others})
    part, rest = divmod(slots, len(names))
    return part + (1 if names.index(worker) < rest else 0)


class Meter:
    """Counts what the threads of one worker see on one connection, until it is handed in. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._report = Report()

    def saw(self, report: Report) -> None:
        """One answer, or none, of one call, as a small report."""
        with self._lock:
            self._report = _joined(self._report, report)

    def take(self, under_way: int) -> Report:
        """Everything since the last time."""
        with self._lock:
            report, self._report = self._report, Report()
        return replace(report, under_way=under_way)

    def failures(self) -> int:
        """Calls that failed in a row since this was last handed in."""
        return self._report.failures

    def failing(self) -> bool:
        """Whether so many calls failed in a row, with no good answer between, that the breaker will open.

        No more until this was handed in.
        """
        return self._report.failures >= FAILURES_TO_OPEN

    def blocked_until(self) -> datetime | None:
        """A wait that the ERP ordered and that is not handed in yet."""
        return self._report.blocked_until


def _joined(old: Report, new: Report) -> Report:
    return Report(
        calls=old.calls + new.calls,
        oks=old.oks + new.oks,
        failures=0 if new.oks else old.failures + new.failures,
        last_ok_at=new.last_ok_at or old.last_ok_at,
        left=new.left if old.left is None else (old.left if new.left is None else min(old.left, new.left)),
        resets_at=new.resets_at or old.resets_at,
        blocked_until=max((each for each in (old.blocked_until, new.blocked_until) if each), default=None),
        ms=new.ms if old.ms is None or new.ms is None else round(old.ms * 0.9 + new.ms * 0.1),
        why=new.why or (None if new.oks else old.why),
        refused=new.refused or (old.refused and not new.oks),
        learned={**old.learned, **new.learned},
    )
