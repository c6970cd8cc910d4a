"""Kits and materials by name and id, in few calls."""

from __future__ import annotations

import pytest

from tests.worker.clients.itempath.installation import Installation, refused, uid
from worker.clients.itempath import finding
from worker.clients.itempath.finding import Finder
from worker.errors import CallError, Rejected


@pytest.fixture
def there() -> Installation:
    """Some kits and materials."""
    made = Installation()
    for name in ("BOLT", "NUT", "A;B", "Plate"):
        made.material(name)
    made.kit("KIT-1")
    return made


def test_names_in_one_call(there: Installation) -> None:
    """Names are asked together, but for those that a list can't hold; what is not there is left out."""
    found = Finder(there.client()).materials_named(["BOLT", "NUT", "A;B", "NONE", " ", "[or]x"])

    assert {name: [each.name for each in records] for name, records in found.items()} == {"BOLT": ["BOLT"], "NUT": ["NUT"], "A;B": ["A;B"]}
    assert there.asked == [
        "GET /api/materials?name=[or]BOLT;NUT;NONE&limit=1000&page=0&orderBy=name",
        "GET /api/materials?name=A;B&limit=1000&page=0&orderBy=name",
    ]


def test_capitals_of_names(there: Installation) -> None:
    """A name in other capitals is found; of two the one spelt as asked."""
    there.material("bolt")
    finder = Finder(there.client())

    assert [each.name for each in finder.materials_named(["PLATE"])["PLATE"]] == ["Plate"]
    assert [each.name for each in finder.materials_named(["bolt"])["bolt"]] == ["bolt"]
    assert len(finder.materials_named(["Bolt"])["Bolt"]) == 2


def test_older_installations(there: Installation) -> None:
    """One that refuses `[or]` with 400 is asked one by one, and not offered a list again."""
    there.or_known = False
    finder = Finder(there.client())

    first = finder.materials_named(["BOLT", "NUT"])
    ids = finder.materials_with([uid("material BOLT"), uid("material NUT").lower()])

    assert (set(first), set(ids)) == ({"BOLT", "NUT"}, {uid("material BOLT"), uid("material NUT")})
    assert there.count("GET /api/materials?name=[or]") == 1
    assert there.count("GET /api/materials") == 5


def test_list_taken_literally(there: Installation) -> None:
    """One that looks for the list as for a word shows nothing: what is there is not taken for missing, and no list is offered again."""
    there.or_literal = True
    finder = Finder(there.client())

    first = finder.materials_named(["NONE", "BOLT", "NUT"])
    ids = finder.materials_with([uid("material BOLT"), uid("material NUT")])

    assert (set(first), set(ids)) == ({"BOLT", "NUT"}, {uid("material BOLT"), uid("material NUT")})
    assert there.count("GET /api/materials?name=[or]") == 1


def test_empty_list_is_believed(there: Installation) -> None:
    """Where a list has shown something once, an empty one means that there is nothing: no call more."""
    finder = Finder(there.client())
    finder.materials_named(["BOLT", "NUT"])

    assert finder.materials_named(["X", "Y", "Z"]) == {}
    assert len(there.asked) == 2


def test_other_refusals_are_told(there: Installation) -> None:
    """Only a 400 means that lists are not known."""
    there.reads.append(refused(422))

    with pytest.raises(Rejected):
        Finder(there.client()).kits_named(["A", "B"])
    there.reads.append(refused(503))
    with pytest.raises(CallError):
        Finder(there.client()).kits_named(["A", "B"])


def test_many_ids_are_read_as_pages(there: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a page of all costs fewer calls than lists of ids, all are read."""
    monkeypatch.setattr(finding, "LONGEST", 100)
    ids = [there.material(f"M{number}") for number in range(40)]

    found = Finder(there.client()).materials_with(ids)

    assert set(found) == set(ids)
    assert len(there.asked) == 2


def test_lists_are_not_too_long(there: Installation) -> None:
    """A query stays within what servers take, whatever the number of names."""
    names = [f"NAME-{number:03}-{'x' * 40}" for number in range(300)]
    for name in names:
        there.material(name)

    found = Finder(there.client()).materials_named(names)

    assert len(found) == 300
    assert max(map(len, there.asked)) < 4000
    assert len(there.asked) < 6
