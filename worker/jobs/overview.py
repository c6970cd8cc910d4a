"""Questions about the ledger as a whole: how much is open, how old the oldest due work is, and whether anything moves."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, func, or_, select, text, true

from worker.jobs import endings
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches, deliveries, exchanges, in_state, jobs, moves
from worker.settings import ERPS, NOTICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Lane

_IN_LINE: Final = (State.QUEUED, State.WAITING, State.RETRYING)
_IN_DOUBT: Final = "in_doubt"


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs of a connection stand in a state."""

    tenant: str
    erp: str
    state: str
    jobs: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a connection's jobs stand. `failed` are those that nothing closed since, `in_doubt` those of them that a person must judge."""

    tenant: str
    erp: str
    queued: int = 0
    running: int = 0
    waiting: int = 0
    retrying: int = 0
    in_doubt: int = 0
    failed: int = 0


def open_counts(connection: Connection, tenants: Sequence[str] | None = None) -> list[Count]:
    """Open jobs, of these tenants or all, by connection and state.

    Cheap however many jobs there are in all, because each of these states has its own index.
    """
    found = []
    for state in _IN_LINE:
        found += _counts(connection, and_(in_state(state), _of(tenants)), state)
    return found + _counts(connection, and_(jobs.c.owner.is_not(None), in_state(State.RUNNING), _of(tenants)), State.RUNNING)


def standing(connection: Connection, tenants: Sequence[str] | None) -> list[Standing]:
    """How the jobs of these tenants, or all, stand that are not over, by connection, where there are any; likewise cheap."""
    found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for count in open_counts(connection, tenants):
        found[count.tenant, count.erp][count.state] = count.jobs
    doubtful = func.sum(case((jobs.c.error_class == _IN_DOUBT, 1), else_=0))
    failed: Any = select(jobs.c.tenant, jobs.c.erp, func.count().label("n"), doubtful.label("doubtful"))
    failed = failed.where(in_state(State.FAILED), jobs.c.closed_at.is_(None), _of(tenants)).group_by(jobs.c.tenant, jobs.c.erp)
    for row in connection.execute(failed):
        found[row.tenant, row.erp] |= {"failed": row.n, "in_doubt": int(row.doubtful)}
    return [Standing(tenant, erp, **counts) for (tenant, erp), counts in sorted(found.items())]


def final_counts(connection: Connection) -> list[Count]:
    """Jobs that came to an end and were not pruned, by connection and state: they are counted as they end."""
    found: Counter[tuple[str, str, str]] = Counter()
    for (tenant, erp, _, state), count in endings.counts(connection).items():
        found[tenant, erp, state] += count
    return [Count(*place, jobs=count) for place, count in sorted(found.items())]


def in_line(connection: Connection, tenant: str, erp: str | None = None) -> int:
    """A tenant's open jobs, of one ERP or all. Notices are no work that anybody asked for: they count only where they are named."""
    counts = (count for count in open_counts(connection) if count.tenant == tenant)
    return sum(count.jobs for count in counts if count.erp == erp or (erp is None and count.erp != NOTICES))


def oldest_due(connection: Connection, lane: Lane, now: datetime) -> datetime | None:
    """Since when the lane's longest due job waits for its start or its look; None if nothing is due. Paused batches don't count."""
    given = {"tenant": lane.tenant, "erp": lane.erp, "now": now}
    found = [connection.execute(statement, given).scalar() for statement in _OLDEST]
    return min((each for each in found if each is not None), default=None)


def last_move(connection: Connection) -> datetime | None:
    """When a job last moved."""
    return connection.execute(select(moves.c.at).order_by(moves.c.id.desc()).limit(1)).scalar()


def in_open_release(connection: Connection, tenant: str, kind: str, subjects: Iterable[str]) -> set[str]:
    """Which of the documents have an open job of this kind already."""
    return subjects_with(connection, tenant, kind, subjects, (*_IN_LINE, State.RUNNING))


def subjects_with(connection: Connection, tenant: str, kind: str, subjects: Iterable[str], states: Iterable[State]) -> set[str]:
    """Which of the subjects have a job of this kind in one of the states."""
    named = [state.value for state in states]
    found: set[str] = set()
    for chunk in _chunks(subjects):
        mine = and_(jobs.c.tenant == tenant, jobs.c.subject.in_(chunk), jobs.c.state.in_(named), jobs.c.kind == kind)
        found.update(connection.execute(select(jobs.c.subject).where(mine)).scalars())
    return found


def failed_last(connection: Connection, tenant: str, kind: str, subjects: Iterable[str], since: datetime) -> set[str]:
    """The subjects whose last job of this kind that ended `since` then failed: one that succeeded after it makes it past."""
    ended = [State.FAILED.value, State.SUCCEEDED.value]
    found: set[str] = set()
    for chunk in _chunks(subjects):
        mine = and_(
            jobs.c.tenant == tenant, jobs.c.subject.in_(chunk), jobs.c.kind == kind, jobs.c.state.in_(ended), jobs.c.finished_at >= since
        )
        rows = connection.execute(select(jobs.c.subject, jobs.c.state).where(mine).order_by(jobs.c.finished_at, jobs.c.id))
        last = {row.subject: row.state for row in rows}
        found |= {subject for subject, state in last.items() if state == State.FAILED.value}
    return found


def _chunks(subjects: Iterable[str]) -> Iterator[list[str]]:
    wanted = list(subjects)
    yield from (wanted[start : start + 500] for start in range(0, len(wanted), 500))


@dataclass(frozen=True, slots=True)
class Oldest:
    """When the oldest was made that is still kept; None where there is none."""

    jobs: datetime | None = None
    exchanges: datetime | None = None
    deliveries: datetime | None = None


def oldest_kept(connection: Connection) -> Oldest:
    """The oldest of all tenants, each found at the end of an index."""
    columns = (jobs.c.created_at, exchanges.c.at, deliveries.c.received_at)
    return Oldest(*(connection.execute(select(func.min(each, type_=each.type))).scalar() for each in columns))


def can_store(db: Database) -> None:
    """Raise `LedgerUnavailable` unless deliveries can be stored now: the tables are there and a write transaction may begin."""
    with db.write() as connection:
        connection.execute(select(deliveries.c.id).limit(1))
        if not db.is_sqlite and connection.execute(text("SHOW transaction_read_only")).scalar() != "off":
            connection.execute(text("CREATE TEMPORARY TABLE never (id int)"))  # refused, with the database's own words


def _of(tenants: Sequence[str] | None) -> ColumnElement[bool]:
    """Said so that no index is used for it: those of the states lead, and are far shorter than all that a tenant has."""
    return true() if tenants is None else jobs.c.tenant.concat("").in_(tenants)


def _counts(connection: Connection, condition: ColumnElement[bool], state: State) -> list[Count]:
    grouped: Any = select(jobs.c.tenant, jobs.c.erp, func.count().label("n")).where(condition).group_by(jobs.c.tenant, jobs.c.erp)
    return [Count(row.tenant, row.erp, state.value, row.n) for row in connection.execute(grouped)]


_OVERDUE: Final = (
    jobs.c.tenant == bindparam("tenant"),
    jobs.c.erp == bindparam("erp"),
    jobs.c.due_at <= bindparam("now", type_=jobs.c.due_at.type),
)
_ACTIVE: Final = select(batches.c.id).where(
    batches.c.tenant == bindparam("tenant"), batches.c.erp.in_(ERPS), batches.c.state == BatchState.RUNNING.value
)
_FIRST: Final = select(func.min(jobs.c.due_at, type_=jobs.c.due_at.type)).where(*_OVERDUE)
_OLDEST: Final = (
    _FIRST.where(in_state(State.QUEUED), or_(jobs.c.batch.is_(None), jobs.c.batch.in_(_ACTIVE))),
    _FIRST.where(in_state(State.WAITING)),
)
