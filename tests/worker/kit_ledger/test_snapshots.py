"""What kits were when last read: kept, walked through, and dropped when a whole round did not see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.worker.kit_ledger.acting import ERP, NOW, Clock, book_of, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook


@pytest.fixture
def written(db: Database) -> Iterator[list[tuple[str, int]]]:
    """The first words of all statements that write, with how many rows each was given."""
    found: list[tuple[str, int]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's
        words = statement.split()
        if words[0] in {"INSERT", "UPDATE", "DELETE"}:
            found.append((" ".join(words[:3]), len(parameters) if many else 1))

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_kept_is_found(book: KitBook) -> None:
    """A snapshot is read back as it was, with the time, by its code in any case."""
    kept = seen("Bike", "Wheel", revision="R2", round="r1")
    book.keep(ERP, [kept])
    assert book.snapshots(ERP, ["bike", "none"]) == {"bike": replace(kept, parts=None, seen_at=NOW)}
    assert book.snapshots("intacct", ["bike"]) == {}


def test_last_reading_counts(book: KitBook, clock: Clock) -> None:
    """A kit that reads otherwise replaces what was kept; of two in one list the last counts."""
    book.keep(ERP, [seen("A", "x"), seen("a", "y", fingerprint="f2")])
    assert book.snapshots(ERP, ["A"])["A"].fingerprint == "f2"
    clock.turn(seconds=1)
    book.keep(ERP, [seen("A", "z", fingerprint="f3")])
    found = book.snapshots(ERP, ["A"])["A"]
    assert (found.fingerprint, found.recipe, found.seen_at) == ("f3", {"lines": [["z", "1"]]}, NOW + timedelta(seconds=1))
    assert book.parents(ERP, ["x", "y", "z"]) == {"z": ("A",)}


def test_older_reading_is_late(book: KitBook) -> None:
    """A page that was read before what is kept, and comes after it, changes nothing but the round that saw the kit."""
    book.keep(ERP, [seen("A", "new", fingerprint="f2")])
    book.keep(ERP, [seen("A", "old", seen_at=NOW - timedelta(seconds=9), round="r1")])
    found = book.snapshots(ERP, ["A"])["A"]
    assert (found.fingerprint, found.seen_at, found.round) == ("f2", NOW, "r1")
    assert book.parents(ERP, ["old", "new"]) == {"new": ("A",)}


def test_reading_leaves_round(book: KitBook) -> None:
    """A sync that reads a kit while a round is on does not take it out of the round, changed or not."""
    book.keep(ERP, [seen("A", round="r1"), seen("B", round="r1")])
    book.keep(ERP, [seen("A"), seen("B", fingerprint="f2")])
    assert book.fingerprints(ERP, "r1") == {"a": "f1", "b": "f2"}


def test_same_is_marked_only(book: KitBook, clock: Clock, written: list[tuple[str, int]]) -> None:
    """A thousand kits that read as before are marked by two statements, and no recipe is written again."""
    kits = [seen(f"K{n:04}", f"P{n:04}") for n in range(1_000)]
    book.keep(ERP, kits)
    written.clear()
    clock.turn(minutes=15)
    book.keep(ERP, [replace(each, round="r2") for each in kits])
    assert written == [("UPDATE kit_snapshots SET", 1)] * 2
    assert len(book.fingerprints(ERP, "r2")) == 1_000


def test_parts_can_be_told_later(book: KitBook) -> None:
    """Nothing said of parts leaves them; parts said of a kit that reads as before are kept."""
    book.keep(ERP, [replace(seen("A"), parts=None)])
    book.keep(ERP, [replace(seen("A"), parts=("x",))])
    book.keep(ERP, [replace(seen("A"), parts=None)])
    assert book.parents(ERP, ["x"]) == {"x": ("A",)}
    book.keep(ERP, [replace(seen("A"), parts=())])
    assert book.parents(ERP, ["x"]) == {}


def test_glimpse_leaves_news(book: KitBook) -> None:
    """What was only glimpsed is shown as it was read; until a sync reads it, it is told what syncs have acted on last."""
    book.keep(ERP, [seen("A"), seen("B")])
    book.keep(ERP, [seen("A", "x", fingerprint="f2"), seen("B"), seen("New")], glimpsed=True)
    book.keep(ERP, [seen("A", "y", fingerprint="f3")], glimpsed=True)
    found = book.snapshots(ERP, ["A", "B", "New"])
    assert {code: (each.fingerprint, each.followed) for code, each in found.items()} == {
        "A": ("f3", "f1"),
        "B": ("f1", None),
        "New": ("f1", None),
    }
    assert book.parents(ERP, ["x", "y"]) == {"y": ("A",)}
    book.keep(ERP, [seen("A", "y", fingerprint="f3")])
    assert book.snapshots(ERP, ["A"])["A"].followed is None


def test_glimpse_of_change_taken_back(book: KitBook) -> None:
    """A kit that was glimpsed otherwise and reads again as syncs left it is no news; an older reading settles nothing."""
    book.keep(ERP, [seen("A")])
    book.keep(ERP, [seen("A", fingerprint="f2")], glimpsed=True)
    book.keep(ERP, [seen("A", seen_at=NOW - timedelta(seconds=9))])
    assert book.snapshots(ERP, ["A"])["A"].followed == "f1"
    book.keep(ERP, [seen("A")], glimpsed=True)
    assert (book.snapshots(ERP, ["A"])["A"].fingerprint, book.snapshots(ERP, ["A"])["A"].followed) == ("f1", None)


def test_walk_is_whole(book: KitBook) -> None:
    """Walking in portions gives each kit once, in the order of its key by code points, on both databases."""
    codes = ["b", "A", "_", "Å", "a-1", "a1", "a 1", "Z", "é", "zz", "10", "9", "𝄞", "￥"]
    book.keep(ERP, [seen(code) for code in codes])
    found: list[str] = []
    while portion := book.walk(ERP, None, found[-1] if found else "", 4):
        assert len(portion) <= 4
        found += [each.code for each in portion]
    assert found == sorted(codes, key=str.casefold)


def test_walk_of_round(book: KitBook) -> None:
    """Walking through a round gives what that round saw."""
    book.keep(ERP, [seen("A", round="r1"), seen("B", round="r2"), seen("C", round="r1")])
    assert [each.code for each in book.walk(ERP, "r1", "", 9)] == ["A", "C"]
    assert [each.code for each in book.walk(ERP, "r1", "A", 9)] == ["C"]


def test_unseen_is_dropped(db: Database, book: KitBook, clock: Clock) -> None:
    """Kits that a whole round did not see are named once and forgotten, with where they were used; other shelves stay."""
    book.keep(ERP, [seen("A", "x", round="r1"), seen("B", "x", round="r1"), seen("C", "x")])
    book.keep("intacct", [seen("B")])
    book_of(db, clock, "other").keep(ERP, [seen("B")])
    clock.turn(minutes=15)
    book.keep(ERP, [seen("A", "x", round="r2")])
    assert book.drop_unseen(ERP, "r2") == ["B", "C"]
    assert book.drop_unseen(ERP, "r2") == []
    assert book.parents(ERP, ["x"]) == {"x": ("A",)}
    assert [len(each.walk(erp, None, "", 9)) for each, erp in ((book, "intacct"), (book_of(db, tenant="other"), ERP))] == [1, 1]


def test_made_meanwhile_stays(book: KitBook, clock: Clock) -> None:
    """A kit that a sync read since the round began is not taken for gone, though its page had passed."""
    book.keep(ERP, [seen("Old", round="r1")])
    clock.turn(minutes=15)
    book.keep(ERP, [seen("A", round="r2")])
    clock.turn(seconds=5)
    book.keep(ERP, [seen("New")])
    assert book.drop_unseen(ERP, "r2") == ["Old"]
    assert book.snapshots(ERP, ["New"]).keys() == {"New"}


def test_empty_round_drops_all(book: KitBook) -> None:
    """A whole round that saw nothing means that nothing is there."""
    book.keep(ERP, [seen("A", round="r1")])
    assert book.drop_unseen(ERP, "r2") == ["A"]


def test_nothing_is_nothing(book: KitBook, written: list[tuple[str, int]]) -> None:
    """Empty lists ask and write nothing."""
    book.keep(ERP, [])
    book.learn(ERP, [])
    assert (book.snapshots(ERP, []), book.parents(ERP, []), book.links(ERP, "kit", [])) == ({}, {}, {})
    assert written == []
