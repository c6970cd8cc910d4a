"""The questions of a tenant's kits use their indexes, however many kits there are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.worker.kit_ledger.acting import ERP, NOW, Clock, book_of, kit, seen
from worker.kit_ledger import rounds
from worker.kit_ledger.finding import find_kits
from worker.kit_ledger.known import known
from worker.settings import ItemPath, Secret, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook


def plans(db: Database, ask: Callable[[], object]) -> list[str]:
    """How SQLite carries out what `ask` reads and writes, a line for each table that it goes through."""
    heard: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            heard.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    lines = []
    with db.read() as connection:
        for statement, parameters in heard:
            one = parameters[0] if isinstance(parameters, list) else parameters
            lines += [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(one))]
    return [line for line in lines if line.startswith(("SCAN", "SEARCH", "USE TEMP"))]


@pytest.fixture
def full(sqlite_db: Database) -> Database:
    """Two tenants with some hundred kits, links, parts, writes, agreements and rounds."""
    for tenant in ("acme", "other"):
        book = book_of(sqlite_db, tenant=tenant)
        book.learn(ERP, [kit(f"K{n}", f"id{n}") for n in range(300)])
        book.learn(ERP, [kit(f"N{n}", f"id{n}") for n in range(100)])
        book.keep(ERP, [seen(f"K{n}", f"K{n + 1}", round="r1") for n in range(300)])
        for n in range(20):
            book.wrote(ERP, f"K{n}", "f1")
            book.agree("visma", ERP, f"K{n}", "s", "t")
        for n in range(20):
            with sqlite_db.write() as connection:
                began = NOW + timedelta(hours=n)
                rounds.begin_round(sqlite_db, connection, tenant, 1, began)
                rounds.end_round(connection, tenant, began, began)
    return sqlite_db


def _round(db: Database) -> None:
    now = NOW + timedelta(days=3)
    with db.write() as connection:
        assert rounds.begin_round(db, connection, "acme", 1, now)
        rounds.open_rounds(connection)
        rounds.end_round(connection, "acme", now, now)


def _prune(db: Database) -> None:
    with db.write() as connection:
        rounds.prune(db, connection, NOW + timedelta(days=90))


QUESTIONS: dict[str, tuple[Callable[[Database, KitBook], object], set[str]]] = {
    "links": (lambda _, book: book.links(ERP, "kit", ["K1", "N1", "K299"]), {"ix_kit_links_key", "sqlite_autoindex_kit_former_names_1"}),
    "linked": (lambda _, book: book.linked(ERP, "kit", ["id1", "id2"]), {"sqlite_autoindex_kit_links_1"}),
    "rename": (
        lambda _, book: book.learn(ERP, [kit("M1", "id1")]),
        {"sqlite_autoindex_kit_links_1", "sqlite_autoindex_kit_former_names_1", "ix_kit_links_key"},
    ),
    "forget": (lambda _, book: book.forget(ERP, "kit", ["id1"]), {"sqlite_autoindex_kit_links_1"}),
    "keep": (
        lambda _, book: book.keep(ERP, [seen("K1", "K9"), seen("K2", "K3")]),
        {"sqlite_autoindex_kit_snapshots_1", "ix_kit_parts_kit", "sqlite_autoindex_kit_parts_1"},
    ),
    "snapshots": (lambda _, book: book.snapshots(ERP, ["K1", "K2"]), {"sqlite_autoindex_kit_snapshots_1"}),
    "walk": (lambda _, book: book.walk(ERP, "r1", "K2", 50), {"sqlite_autoindex_kit_snapshots_1"}),
    "fingerprints": (lambda _, book: book.fingerprints(ERP, "r1"), {"sqlite_autoindex_kit_snapshots_1"}),
    "drop unseen": (lambda _, book: book.drop_unseen(ERP, "r2"), {"sqlite_autoindex_kit_snapshots_1"}),
    "ancestors": (
        lambda _, book: book.ancestors(ERP, "K9", 3),
        {"sqlite_autoindex_kit_parts_1", "sqlite_autoindex_kit_snapshots_1"},
    ),
    "echo": (lambda _, book: book.is_echo(ERP, "K1", "f1", timedelta(hours=1)), {"sqlite_autoindex_kit_writes_1"}),
    "agreed": (lambda _, book: book.agreed("visma", ERP, ["K1"]), {"sqlite_autoindex_kit_agreements_1"}),
    "round": (lambda db, _: _round(db), {"sqlite_autoindex_kit_rounds_1", "ux_kit_rounds_open"}),
    "prune": (lambda db, _: _prune(db), {"ix_kit_writes_at", "ix_kit_rounds_finished"}),
}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_indexes_are_used(question: str, full: Database) -> None:
    """No question goes through rows that are none of its tenant's and ERP's, and each uses the index that was made for it."""
    ask, indexes = QUESTIONS[question]
    book = book_of(full, Clock())
    found = plans(full, lambda: ask(full, book))
    assert found
    assert [line for line in found if line.startswith("SCAN") and not line.endswith("ux_kit_rounds_open")] == []
    assert {index for index in indexes if any(index in line for line in found)} == indexes


def test_pages_use_indexes(full: Database) -> None:
    """What a page shows of one kit, and kits by the beginning of their code, cost the same however many kits there are."""
    tenant = Tenant("acme", itempath=ItemPath("https://itempath.example", token=Secret("t")))

    with full.read() as connection:
        about_one = plans(full, lambda: known(connection, tenant, "K9"))
        by_beginning = plans(full, lambda: find_kits(connection, [tenant], "k1", 20, "acme/K10"))

    assert [line for line in (*about_one, *by_beginning) if line.startswith("SCAN")] == []
    assert [line for line in by_beginning if "ORDER BY" in line] == []
    assert all("tenant=? AND erp=? AND key>? AND key<?" in line for line in by_beginning)


def test_walk_does_not_sort(full: Database) -> None:
    """A walk comes out of the index in its order: each portion costs what it gives, not what there is."""
    found = plans(full, lambda: book_of(full).walk(ERP, None, "", 50))
    assert [line for line in found if "ORDER BY" in line] == []
