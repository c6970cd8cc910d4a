"""Rows into a ledger as fast as its database takes them: without indexes, which are made when all is there."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Table, text

from tests.bench import ledger_stock as stock
from worker.jobs.endings import fold
from worker.jobs.rows import values_of
from worker.jobs.states import OPEN, BatchState, State
from worker.jobs.tables import attempts, batches, deliveries, delivery_jobs, endings, exchanges, job_tags, job_terms, jobs, moves
from worker.jobs.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job

PORTION: Final = 10_000
FILLED: Final = (batches, jobs, job_tags, job_terms, moves, attempts, exchanges, deliveries, delivery_jobs, endings)
Rows = dict[Table, list[dict[str, Any]]]


def fill(db: Database, total: int, seed: int, told: Callable[[int], None]) -> None:
    """A ledger of so many jobs, and what belongs to them; `told` hears how many are there."""
    chance = random.Random(seed)
    every = stock.groups(total, chance)
    made = stock.jobs_of(every, total, chance)
    with db.write() as connection:
        _without_indexes(connection)
        put(connection, {batches: [stock.batch_row(group, _state(group, every)) for group in every if group.batch is not None]})
    done = 0
    while portion := list(islice(made, PORTION)):
        with db.write() as connection:
            put(connection, rows_of(portion, done, chance))
        done += len(portion)
        told(done)
    with db.write() as connection:
        fold(connection)
    with db.write() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0")) if not db.is_sqlite else None
        for table in FILLED:
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                index.create(connection)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)" if db.is_sqlite else "VACUUM ANALYZE"))


def rows_of(portion: list[Job], before: int, chance: random.Random) -> Rows:
    """All rows that belong to these jobs."""
    rows: Rows = {table: [] for table in FILLED}
    for number, job in enumerate(portion, before):
        rows[jobs].append(values_of(job))
        rows[endings] += _ended(job)
        rows[job_tags] += _tagged(job)
        rows[job_terms] += [{"job": job.id, "term": term, "tenant": job.tenant} for term in sorted(terms_of(job))]
        rows[moves] += _moves(job)
        if number % 5 == 0:
            _called(rows, job)
            told = stock.delivery_row(job, number, chance)
            rows[deliveries].append(told)
            if told["state"] == "accepted":
                rows[delivery_jobs].append({"delivery": told["id"], "job": job.id})
    return rows


def put(connection: Connection, rows: Mapping[Table, list[dict[str, Any]]]) -> None:
    """Insert rows, as the driver takes them fastest."""
    for table, given in rows.items():
        if not given:
            continue
        names = list(given[0])
        read = [_reader(table.c[name].type, connection) for name in names]
        lines = ([reader(row[name]) if reader else row[name] for name, reader in zip(names, read, strict=True)] for row in given)
        quoted = ", ".join(f'"{name}"' for name in names)
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" for _ in names)
            connection.connection.executemany(f"INSERT INTO {table.name} ({quoted}) VALUES ({marks})", lines)  # noqa: S608 - our own names
        else:
            _copy(connection, f"COPY {table.name} ({quoted}) FROM STDIN", lines)


def _copy(connection: Connection, statement: str, lines: Iterable[list[Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copying:
        for line in lines:
            copying.write_row(line)


def _reader(kind: Any, connection: Connection) -> Any:
    return kind.bind_processor(connection.dialect)


def _moves(job: Job) -> Iterator[dict[str, Any]]:
    if job.state is State.QUEUED:
        return
    line = {"job": job.id, "at": job.created_at, "by": "worker"}
    yield {**line, "origin": State.QUEUED.value, "target": State.RUNNING.value, "cause": "started"}
    if job.state not in OPEN:
        yield {**line, "at": job.finished_at, "origin": State.RUNNING.value, "target": job.state.value, "cause": "seen"}


def _ended(job: Job) -> list[dict[str, Any]]:
    return [] if job.state in OPEN else [{"tenant": job.tenant, "erp": job.erp, "kind": job.kind, "state": job.state.value, "jobs": 1}]


def _tagged(job: Job) -> list[dict[str, Any]]:
    ended = None if job.state in OPEN else job.state.value
    return [{"tag": tag, "job": job.id, "tenant": job.tenant, "kind": job.kind, "ended": ended, "batch": job.batch} for tag in job.tags]


def _called(rows: Rows, job: Job) -> None:
    call = stock.call_of(job)
    rows[attempts].append({"job": job.id, "number": 1, "started_at": job.created_at, "ended_at": job.finished_at, "outcome": "sent"})
    rows[exchanges].append(
        {
            "job": job.id,
            "attempt": 1,
            **{name: getattr(call, name) for name in ("at", "method", "url", "status", "request", "response", "headers")},
            "ms": 40,
        }
    )


def _state(group: stock.Group, every: list[stock.Group]) -> BatchState:
    return (
        BatchState.RUNNING if group.at > every[-len(every) // 50].at else BatchState.FINISHED if group.size > 20 else BatchState.SUCCEEDED
    )


def _without_indexes(connection: Connection) -> None:
    for table in FILLED:
        for index in table.indexes:
            index.drop(connection)
