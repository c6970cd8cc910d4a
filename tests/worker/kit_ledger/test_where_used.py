"""Where kits are used: parents and all above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worker.kit_ledger.acting import ERP, book_of, seen
from worker.kit_ledger import tables

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook


def test_parents_as_shown(book: KitBook) -> None:
    """Direct parents by the code asked for, their codes as they are written; of this ERP only."""
    book.keep(ERP, [seen("Bike", "WHEEL", "Bell"), seen("Cart", "wheel"), seen("Fleet", "bike")])
    book.keep("intacct", [seen("Sled", "Wheel")])
    assert book.parents(ERP, ["Wheel", "bell", "Fleet"]) == {"Wheel": ("Bike", "Cart"), "bell": ("Bike",)}


def test_parents_follow(book: KitBook) -> None:
    """A part that is taken out leaves the index, one that is put in enters it."""
    book.keep(ERP, [seen("Bike", "Wheel", "Bell")])
    book.keep(ERP, [seen("Bike", "Bell", "Lamp", fingerprint="f2")])
    assert book.parents(ERP, ["Wheel", "Bell", "Lamp"]) == {"Bell": ("Bike",), "Lamp": ("Bike",)}


def test_ancestors_nearest_first(book: KitBook) -> None:
    """All above a kit, the nearest first, each once however many ways lead there."""
    book.keep(ERP, [seen("C", "D"), seen("B", "C", "D"), seen("A", "B", "C"), seen("Z", "Y")])
    assert book.ancestors(ERP, "d") == ["B", "C", "A"]
    assert book.ancestors(ERP, "d", most_depth=1) == ["B", "C"]
    assert book.ancestors(ERP, "none") == []


def test_cycles_end(book: KitBook) -> None:
    """A kit that holds itself through others has the others above it, not itself."""
    book.keep(ERP, [seen("A", "B"), seen("B", "A"), seen("S", "S")])
    assert book.ancestors(ERP, "A") == ["B"]
    assert book.ancestors(ERP, "S") == []


NAMES = "abcdefg"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), max_size=7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(before=GRAPHS, after=GRAPHS)
def test_ancestors_are_all(sqlite_db: Database, before: dict[str, set[str]], after: dict[str, set[str]]) -> None:
    """Ancestors are what one comes to by going up, in the recipes that were read last."""
    with sqlite_db.write() as connection:
        connection.execute(tables.snapshots.delete())
    book = book_of(sqlite_db)
    for recipes in (before, after):
        book.keep(ERP, [seen(code, *sorted(parts)) for code, parts in recipes.items()])
    holds = {**before, **after}
    for name in NAMES:
        above, level = set[str](), {name}
        while level := {code for code, parts in holds.items() if parts & level} - above:
            above |= level
        assert set(book.ancestors(ERP, name)) == above - {name}
