"""How many jobs ended when, and how long they took: counted as they end, five minutes to a row, for charts of the last hours and days.

Each round of ends adds rows, which wait for nobody; now and then equal ones are summed into one. A job's time is from its first start to
its end, and is kept as a step of a fixed scale (`SCALE`). Notices are no work that anybody asked for: they are not in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, delete, func, insert, select, type_coerce

from worker.jobs.states import FINAL, State
from worker.jobs.tables import paces as rows
from worker.settings import NOTICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Label

    from worker.jobs.model import Job

SCALE: Final = (
    *(0.25, 0.4, 0.6, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0, 20.0, 30.0, 45.0),
    *(60.0, 90.0, 120.0, 180.0, 270.0, 420.0, 600.0, 900.0, 1_200.0, 1_800.0, 2_700.0),
    *(3_600.0, 5_400.0, 7_200.0, 10_800.0, 16_200.0, 25_200.0, 36_000.0, 54_000.0, 86_400.0),
)
"""Seconds: step n holds what took more than the border before it and no more than its own; one step more holds what took over a day."""

UNSTARTED: Final = -1
"""The step of jobs that ended before any worker had them: cancelled, mostly."""

SPAN: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=14)
MOST_BUCKETS: Final = 2_016
"""So many are given at once, at most: a week of five minutes."""

FOLDED: Final = 1_000
"""So many counts are made one row of in one go, at most, and only of the last day: older ones were, or stay as they are."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_NAMES: Final = ("at", "tenant", "erp", "state", "step")
_WORKED: Final = frozenset({State.SUCCEEDED.value, State.FAILED.value})

Place = tuple[datetime, str, str, str, int]
"""When the five minutes began, tenant, ERP, state, step."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What ended in one stretch of time, from `at` on. `counts` has every final state.

    `median` and `p95` are seconds from first start to end of the jobs that succeeded or failed, None where none did. They are read off
    the scale: the true figure lies in the same step, so it is at most two thirds above or two fifths below what is said (above 0.25 s;
    under it by no more than 0.25 s). What took over a day counts as a day.
    """

    at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    median: float | None = None
    p95: float | None = None


def ended(pairs: Iterable[tuple[Job, Job]], now: datetime) -> Counter[Place]:
    """What moves add: each job before and after. One that had ended already, and is discarded, ended then and not again."""
    found: Counter[Place] = Counter()
    for before, after in pairs:
        if after.state in FINAL and before.state not in FINAL and after.erp != NOTICES:
            end = after.finished_at or now
            found[_begin(end), after.tenant, after.erp, after.state.value, step_of(after.started_at, end)] += 1
    return found


def place(tenant: str, erp: str, state: State, started_at: datetime | None, end: datetime) -> Place:
    """Where one job's end counts."""
    return _begin(end), tenant, erp, state.value, step_of(started_at, end)


def step_of(started_at: datetime | None, end: datetime) -> int:
    """The step of the scale for a time; a clock that went back makes it the first."""
    return UNSTARTED if started_at is None else bisect_left(SCALE, (end - started_at).total_seconds())


def add(connection: Connection, changes: Mapping[Place, int]) -> None:
    """Write down what ended, in the transaction that ends it."""
    found = [dict(zip(_NAMES, where, strict=True), jobs=count) for where, count in changes.items() if where[2] != NOTICES]
    if found:
        connection.execute(_INSERT, found)


def paces(
    connection: Connection,
    tenants: Sequence[str] | None,
    since: datetime,
    until: datetime,
    tenant: str | None = None,
    erp: str | None = None,
    width: timedelta = SPAN,
) -> list[Pace]:
    """The pace in each stretch of `width` that touches `since` to `until` (not included), oldest first, also where nothing ended.

    `tenants` is what the asker may see, None for all. `width` is a whole number of five minutes; stretches begin at multiples of it since
    1970 in UTC. Raises `ValueError` for another width, and for more than `MOST_BUCKETS` stretches.
    """
    if width < SPAN or width % SPAN:
        raise ValueError(f"a stretch is a whole number of five minutes, not {width}")
    starts = _starts(since, until, width)
    if not starts:
        return []
    begin = _floor(width)
    statement = (
        select(begin, rows.c.state, rows.c.step, func.sum(rows.c.jobs).label("n"))
        .where(rows.c.at >= starts[0], rows.c.at < starts[-1] + width)
        .group_by(begin, rows.c.state, rows.c.step)
    )
    if tenants is not None:
        statement = statement.where(rows.c.tenant.in_(tenants))
    for column, value in ((rows.c.tenant, tenant), (rows.c.erp, erp)):
        if value is not None:
            statement = statement.where(column == value)
    found: defaultdict[datetime, list[tuple[str, int, int]]] = defaultdict(list)
    for row in connection.execute(statement):
        found[_EPOCH + row.begin * _MICROSECOND].append((row.state, row.step, int(row.n)))
    return [_pace(start, found.get(start, [])) for start in starts]


def fold(connection: Connection, now: datetime) -> None:
    """Make one row of those that count the same. Two that do it at once take different rows."""
    same = [rows.c[name] for name in _NAMES]
    several = select(rows.c.at).where(rows.c.at >= now - _DAY).group_by(*same).having(func.count() > 1).limit(FOLDED)
    taken: Counter[Place] = Counter()
    for at in set(connection.execute(several).scalars()):
        for row in connection.execute(delete(rows).where(rows.c.at == at).returning(*same, rows.c.jobs)):
            taken[row.at, row.tenant, row.erp, row.state, row.step] += row.jobs
    add(connection, taken)


def quantile(steps: Mapping[int, int], part: float) -> float | None:
    """The time that `part` of the jobs took no longer than; within a step they are taken to be spread evenly. None for no jobs."""
    total = sum(steps.values())
    if not total:
        return None
    wanted, passed = part * total, 0
    for step, count in sorted(steps.items()):
        if passed + count >= wanted:
            low, high = _borders(step)
            return round(low + (high - low) * (wanted - passed) / count, 3)
        passed += count
    return SCALE[-1]


def _pace(start: datetime, found: Sequence[tuple[str, int, int]]) -> Pace:
    counts = dict.fromkeys((state.value for state in sorted(FINAL)), 0)
    steps: Counter[int] = Counter()
    for state, step, count in found:
        counts[state] += count
        if state in _WORKED and step != UNSTARTED:
            steps[step] += count
    return Pace(start, counts, quantile(steps, 0.5), quantile(steps, 0.95))


def _borders(step: int) -> tuple[float, float]:
    if step >= len(SCALE):
        return SCALE[-1], SCALE[-1]
    return (SCALE[step - 1] if step else 0.0), SCALE[step]


def _begin(moment: datetime, width: timedelta = SPAN) -> datetime:
    return moment - (moment - _EPOCH) % width


def _starts(since: datetime, until: datetime, width: timedelta) -> list[datetime]:
    first = _begin(since, width)
    count = -((first - until) // width) if until > since else 0
    if count > MOST_BUCKETS:
        raise ValueError(f"{count} stretches are more than {MOST_BUCKETS}: ask for wider ones, or for less time")
    return [first + number * width for number in range(count)]


def _floor(width: timedelta) -> Label[int]:
    plain = type_coerce(rows.c.at, BigInteger)
    return (plain - plain % (width // _MICROSECOND)).label("begin")


_INSERT: Final = insert(rows)
