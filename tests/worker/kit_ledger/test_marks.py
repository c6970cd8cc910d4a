"""Echoes of our own writes, and what source and target last agreed on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.worker.kit_ledger.acting import ERP, NOW, Clock, book_of
from worker.kit_ledger.model import Agreement
from worker.kit_ledger.rounds import prune

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook

HOURS = timedelta(hours=4)


def test_own_write_is_echo(db: Database, book: KitBook) -> None:
    """What we made of a kit is our echo there, and nowhere else."""
    book.wrote(ERP, "Bike", "f1")
    assert book.is_echo(ERP, "bike", "f1", HOURS)
    assert not book.is_echo(ERP, "bike", "f2", HOURS)
    assert not book.is_echo(ERP, "cart", "f1", HOURS)
    assert not book.is_echo("intacct", "bike", "f1", HOURS)
    assert not book_of(db, tenant="other").is_echo(ERP, "bike", "f1", HOURS)


def test_echo_fades(book: KitBook, clock: Clock) -> None:
    """An echo is one for some time only, counted from the last time we wrote that."""
    book.wrote(ERP, "A", "f1")
    clock.turn(hours=3)
    book.wrote(ERP, "A", "f1")
    clock.turn(hours=4)
    assert book.is_echo(ERP, "A", "f1", HOURS)
    clock.turn(seconds=1)
    assert not book.is_echo(ERP, "A", "f1", HOURS)


def test_both_writes_echo(book: KitBook) -> None:
    """Two different writes to one kit are both remembered: their events may come late, and out of order."""
    book.wrote(ERP, "A", "f1")
    book.wrote(ERP, "A", "f2")
    assert book.is_echo(ERP, "A", "f1", HOURS)
    assert book.is_echo(ERP, "A", "f2", HOURS)


def test_old_writes_are_pruned(db: Database, book: KitBook, clock: Clock) -> None:
    """Writes are forgotten after a day, those since then are kept."""
    book.wrote(ERP, "A", "f1")
    clock.turn(hours=24, seconds=1)
    book.wrote(ERP, "B", "f1")
    with db.write() as connection:
        assert prune(db, connection, clock.now) == 1
        assert prune(db, connection, clock.now) == 0
    assert book.is_echo(ERP, "B", "f1", HOURS)


def test_last_agreement_counts(db: Database, book: KitBook, clock: Clock) -> None:
    """An agreement is between one source and one target, and the last one counts."""
    book.agree("visma", ERP, "Bike", "s1", "t1")
    clock.turn(hours=1)
    book.agree("visma", ERP, "BIKE", "s2", "t2")
    book.agree(ERP, "visma", "bike", "s3", "t3")
    later = NOW + timedelta(hours=1)
    assert book.agreed("visma", ERP, ["bike", "none"]) == {"bike": Agreement("s2", "t2", later)}
    assert book.agreed(ERP, "visma", ["bike"]) == {"bike": Agreement("s3", "t3", later)}
    assert book.agreed("intacct", ERP, ["bike"]) == {}
    assert book_of(db, tenant="other").agreed("visma", ERP, ["bike"]) == {}


def test_asked_once(book: KitBook, clock: Clock) -> None:
    """What an ERP was asked to make is not asked for again, in any spelling, until its time is over or the call did nothing."""
    assert book.ask(ERP, "Bike", HOURS)
    assert not book.ask(ERP, "BIKE", HOURS)
    assert book.ask("intacct", "Bike", HOURS)
    book.unask(ERP, "bike")
    assert book.ask(ERP, "Bike", HOURS)
    clock.turn(hours=4, seconds=1)
    assert book.ask(ERP, "Bike", HOURS)
