"""Identities: found by code and by id, trusted by id, with the names they had before."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.worker.kit_ledger.acting import ERP, NOW, Clock, book_of, kit
from worker.kit_ledger import tables
from worker.kit_ledger.model import Link, Rename

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook


def ids(book: KitBook, *codes: str) -> dict[str, str]:
    """Which id each code leads to."""
    return {code: link.id for code, link in book.links(ERP, "kit", codes).items()}


def test_learned_is_found(book: KitBook) -> None:
    """What was learned is found by its code, however its case is written, and by its id, with all that was told."""
    book.learn(ERP, [kit("Bike", "1", unit="EA", facts={"number": 7}), kit("Bell", "2", kind="item")])
    whole = Link("kit", "Bike", "1", "EA", {"number": 7}, NOW, NOW)
    assert book.links(ERP, "kit", ["BIKE", "bike", "Bell", "none"]) == {"BIKE": whole, "bike": whole}
    assert book.linked(ERP, "kit", ["1", "2", "3"]) == {"1": whole}
    assert book.links(ERP, "item", ["Bell"])["Bell"].id == "2"


def test_shelves_are_apart(db: Database, book: KitBook) -> None:
    """Neither another ERP nor another tenant sees it."""
    book.learn(ERP, [kit("A", "1")])
    assert book.links("intacct", "kit", ["A"]) == {}
    assert book_of(db, tenant="other").links(ERP, "kit", ["A"]) == {}


def test_rename_keeps_names(book: KitBook) -> None:
    """A known id with another code is renamed: all its names lead to it, and it bears the last one."""
    book.learn(ERP, [kit("A", "1")])
    assert book.learn(ERP, [kit("B", "1")]) == (Rename("kit", "1", "A", "B"),)
    assert book.learn(ERP, [kit("C", "1")]) == (Rename("kit", "1", "B", "C"),)
    assert ids(book, "A", "b", "C") == {"A": "1", "b": "1", "C": "1"}
    assert book.links(ERP, "kit", ["A"])["A"].code == "C"


def test_taken_name_leads_elsewhere(book: KitBook) -> None:
    """Once another id takes a former name it leads to that one, also after that one is renamed or gone."""
    book.learn(ERP, [kit("A", "1")])
    book.learn(ERP, [kit("B", "1")])
    book.learn(ERP, [kit("A", "2")])
    assert ids(book, "A", "B") == {"A": "2", "B": "1"}
    book.learn(ERP, [kit("D", "2")])
    assert ids(book, "A", "B", "D") == {"A": "2", "B": "1", "D": "2"}
    book.forget(ERP, "kit", ["2"])
    assert ids(book, "A", "B", "D") == {"B": "1"}


def test_names_can_swap(book: KitBook) -> None:
    """Two kits that swap their names in one reading have no former ones left."""
    book.learn(ERP, [kit("A", "1"), kit("B", "2")])
    book.learn(ERP, [kit("B", "1"), kit("A", "2")])
    assert ids(book, "A", "B") == {"A": "2", "B": "1"}
    book.forget(ERP, "kit", ["2"])
    assert ids(book, "A", "B") == {"B": "1"}


def test_name_comes_back(book: KitBook) -> None:
    """A kit that gets its old name again bears it, and the one between is a former one."""
    for code in ("A", "B", "A"):
        book.learn(ERP, [kit(code, "1")])
    assert {asked: link.code for asked, link in book.links(ERP, "kit", ["A", "B"]).items()} == {"A": "A", "B": "A"}


def test_case_is_shown(book: KitBook) -> None:
    """A code that differs in case alone is shown as told last, and leaves no former name behind."""
    book.learn(ERP, [kit("bike", "1")])
    assert book.learn(ERP, [kit("BIKE", "1")]) == (Rename("kit", "1", "bike", "BIKE"),)
    book.learn(ERP, [kit("car", "1")])
    assert ids(book, "bike", "car") == {"bike": "1", "car": "1"}


def test_kinds_are_apart(book: KitBook) -> None:
    """A kit and an item may have one code, one id, and each its own former names."""
    book.learn(ERP, [kit("A", "1"), kit("A", "1", kind="item")])
    book.learn(ERP, [kit("B", "1", kind="item")])
    assert book.links(ERP, "kit", ["A", "B"]).keys() == {"A"}
    assert book.links(ERP, "item", ["A", "B"]).keys() == {"A", "B"}


def test_made_again_wins(book: KitBook, clock: Clock) -> None:
    """Of two ids with one code the one seen last is meant: a kit that was deleted and made again has a new id."""
    book.learn(ERP, [kit("A", "9")])
    clock.turn(minutes=5)
    book.learn(ERP, [kit("A", "1")])
    assert ids(book, "A") == {"A": "1"}
    clock.turn(hours=2)
    book.learn(ERP, [kit("A", "9")])
    assert ids(book, "A") == {"A": "9"}


def test_seen_is_hourly(book: KitBook, clock: Clock) -> None:
    """The time it was last seen moves at most once an hour, the first never."""
    book.learn(ERP, [kit("A", "1")])
    clock.turn(minutes=59)
    book.learn(ERP, [kit("A", "1")])
    assert book.linked(ERP, "kit", ["1"])["1"].last_seen == NOW
    clock.turn(minutes=1)
    book.learn(ERP, [kit("A", "1")])
    found = book.linked(ERP, "kit", ["1"])["1"]
    assert (found.first_seen, found.last_seen) == (NOW, NOW + timedelta(hours=1))


def test_less_told_keeps(book: KitBook) -> None:
    """A reading that says less takes nothing away; one that says something else counts."""
    book.learn(ERP, [kit("A", "1", unit="EA", facts={"a": 1, "b": 2})])
    book.learn(ERP, [kit("A", "1", facts={"b": 3})])
    found = book.linked(ERP, "kit", ["1"])["1"]
    assert (found.unit, found.facts) == ("EA", {"a": 1, "b": 3})
    book.learn(ERP, [kit("A", "1", unit="BOX")])
    assert book.linked(ERP, "kit", ["1"])["1"].unit == "BOX"


def test_many_at_once(book: KitBook) -> None:
    """More than one statement's list holds: all are learned, found, renamed and forgotten."""
    many = range(603)
    book.learn(ERP, [kit(f"K{n}", f"id{n}") for n in many])
    assert len(book.learn(ERP, [kit(f"N{n}", f"id{n}") for n in many])) == len(many)
    assert len(book.links(ERP, "kit", [f"K{n}" for n in many])) == len(many)
    book.forget(ERP, "kit", [f"id{n}" for n in many])
    assert book.links(ERP, "kit", [f"K{n}" for n in many]) == {}


def test_two_learn_at_once(db: Database) -> None:
    """Writers that learn the same in another order wait for each other, and neither fails."""
    told = [kit(f"K{n}", f"id{n}") for n in range(120)]
    start = Barrier(4)
    faults: list[Exception] = []

    def run(order: int) -> None:
        book = book_of(db)
        try:
            start.wait(30)
            for turn in range(2):
                book.learn(ERP, [kit(f"{link.code}-{order}-{turn}", link.id) for link in told[:: -1 if order % 2 else 1]])
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            faults.append(error)

    threads = [Thread(target=run, args=(order,)) for order in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert len(book_of(db).linked(ERP, "kit", [link.id for link in told])) == len(told)


TURNS = st.lists(st.tuples(st.sampled_from("123"), st.sampled_from("ABCD")), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(turns=TURNS)
def test_names_lead_where_told(sqlite_db: Database, turns: list[tuple[str, str]]) -> None:
    """However ids change names: a code leads to an id that bears it, else to the one that gave it up last."""
    with sqlite_db.write() as connection:
        connection.execute(tables.links.delete())
    clock = Clock()
    book = book_of(sqlite_db, clock)
    bears: dict[str, str] = {}
    gave_up: dict[str, str] = {}
    for number, code in turns:
        clock.turn(hours=2)
        book.learn(ERP, [kit(code, number)])
        if number in bears:
            gave_up[bears[number]] = number
        bears[number] = code
    found = ids(book, *"ABCD")
    for code in "ABCD":
        expected: set[str | None] = {number for number, borne in bears.items() if borne == code} or {gave_up.get(code)}
        assert found.get(code) in expected
    with sqlite_db.read() as connection:
        former = {row.key for row in connection.execute(select(tables.former_names.c.key))}
    assert former.isdisjoint(code.casefold() for code in bears.values())
