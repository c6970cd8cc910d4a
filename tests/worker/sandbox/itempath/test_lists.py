"""Lists: filters and their operators, order, pages, counts; single records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.itempath.filters import Column, kept, split

if TYPE_CHECKING:
    from tests.worker.sandbox.itempath.house import House

texts = st.text("[]notrlike; aB%", max_size=8)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ([("number", "2")], [2]),
        ([("number", "[not]2")], [1, 3]),
        ([("number", "[or]1;3")], [1, 3]),
        ([("number", "[nor]1;3")], [2]),
        ([("number", "[gt]1")], [2, 3]),
        ([("number", "[gt]1"), ("number", "[lt]3")], [2]),
        ([("quantity", "4")], [1]),
        ([("quantity", "[like]8")], [2]),
        ([("quantity", "[notlike]8")], [1, 3]),
        ([("hasStock", "1")], [1, 2, 3]),
        ([("hasStock", "0")], []),
        ([("nothing", "7")], [1, 2, 3]),
    ],
)
def test_operators(house: House, asked: list[tuple[str, str]], numbers: list[int]) -> None:
    """Each operator; a key that is repeated must hold each time; unknown keys are no filters."""
    assert house.numbers(*asked) == numbers


def test_ids_in_any_case(house: House) -> None:
    """Ids are upper-case UUIDs and found in either case, also percent-encoded in a list."""
    kit, bolt, nut = house.kit_id("KIT"), house.material_id("BOLT"), house.material_id("NUT")
    house.put("OTHER", ("BOLT", 1, 9))
    assert kit == kit.upper()
    assert house.numbers(("kitId", kit.lower())) == [1, 2, 3]
    assert house.numbers(("kitId", kit), ("materialId", f"[or]{bolt.lower()};{nut}")) == [1, 2]
    assert house.numbers(("id", house.line_id("OTHER", "BOLT"))) == [9]


def test_filters_in_body(house: House) -> None:
    """The samples send arguments as the JSON body of a GET; that works as well as the query."""
    answer = house.http.request("GET", "/kit_lines", json={"number": ["[gt]1", "[lt]3"]})
    assert [line["number"] for line in answer.json()["kit_lines"]] == [2]
    assert house.http.request("GET", "/kit_lines", json={"countOnly": True}).json() == {"count": 3}
    assert len(house.http.request("GET", "/kit_lines", content=b"{").json()["kit_lines"]) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "x"},
        {"number": "[gte]1"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "x"},
        {"page": "-1"},
        {"orderBy": "colour"},
    ],
)
def test_wrong_arguments(house: House, wrong: dict[str, str]) -> None:
    """Values of the wrong kind, limits out of range and unknown orders are refused; there is no operator gte."""
    assert house.http.get("/kit_lines", params=wrong).status_code == 400


def test_pages(house: House) -> None:
    """Pages count from 0 in units of limit; one after the last is empty."""
    asked = [("orderBy", "number"), ("limit", "2")]
    pages = [[line["number"] for line in house.lines(*asked, ("page", str(page)))] for page in range(3)]
    assert pages == [[1, 2], [3], []]


@pytest.mark.parametrize("key", ["orderBy", "orderby", "oderBy"])
def test_order(house: House, key: str) -> None:
    """By one field or several; every spelling of the pages works."""
    house.put("OTHER", ("BOLT", 1, 1))
    lines = house.lines((key, "quantity,number"))
    assert [(line["quantity"], line["number"]) for line in lines] == [(1.0, 1), (1.0, 3), (4.0, 1), (8.0, 2)]


def test_no_order_promised(house: House) -> None:
    """Without orderBy lines do not come by number."""
    house.put("LONG", *((f"C-{number}", 1, number) for number in range(1, 30)))
    (kit,) = house.http.get("/kits", params={"name": "LONG"}).json()["kits"]
    numbers = [line["number"] for line in kit["lines"]]
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(1, 30))


def test_default_limit(house: House) -> None:
    """A thousand rows unless said; 250 at an older installation, where a page without limit returns everything."""
    house.put("LONG", *((f"C-{number}", 1, number) for number in range(1, 1_100)))
    assert len(house.lines()) == 1_000
    house.change(itempath_limit=250)
    assert len(house.lines()) == 250
    house.change(itempath_page_alone_all=True)
    assert len(house.lines(("page", "0"))) == 1_102


@pytest.mark.parametrize(("shape", "answer"), [("count", {"count": 2}), ("rows", {"kit_lines": 2}), ("bare", 2)])
def test_count_only(house: House, shape: str, answer: Any) -> None:
    """Only the number, in whatever shape; the limit does not cut it."""
    house.change(itempath_count=shape)
    assert house.http.get("/kit_lines", params={"countOnly": "true", "number": "[gt]1", "limit": "1"}).json() == answer


def test_list_is_clean(house: House) -> None:
    """In lists numbers are numbers and ids clean, exactly the documented fields."""
    (line,) = house.lines(("number", "2"))
    assert line == {
        "hasStock": 1,
        "id": house.line_id("KIT", "NUT"),
        "kitId": house.kit_id("KIT"),
        "materialId": house.material_id("NUT"),
        "number": 2,
        "quantity": 8.0,
    }
    assert house.http.get(f"/kit_lines/{line['id'].lower()}").json() == {"kit_line": line}


def test_older_lines(house: House) -> None:
    """An older installation names the material and not the kit."""
    house.change(itempath_old_lines=True)
    (line,) = house.lines(("number", "2"))
    assert (line["materialName"], "kitId" in line) == ("NUT", False)


def test_kits_of_all_levels(house: House) -> None:
    """Kits with their lines in one read, by name, by id or several; inner kits too. A line names a kit like a material."""
    house.put("OUTER", ("KIT", 2, 1), ("BOX", 1, 2))
    (outer,) = house.http.get("/kits", params={"name": "OUTER"}).json()["kits"]
    inner = house.http.get("/kits", params={"id": house.kit_id("KIT").lower()}).json()["kits"][0]
    assert {line["materialId"] for line in outer["lines"]} == {inner["id"], house.material_id("BOX")}
    assert {frozenset(line) for line in inner["lines"]} == {frozenset({"id", "hasStock", "materialId", "number", "quantity"})}
    both = house.http.get("/kits", params={"name": "[or]OUTER;KIT;NONE", "orderBy": "name"}).json()["kits"]
    assert [kit["name"] for kit in both] == ["KIT", "OUTER"]
    assert house.http.get(f"/kits/{outer['id']}").json()["kit"] == outer


def test_materials(house: House) -> None:
    """Materials by name or by part of it, with their unit; not kits."""
    house.owner.put("/kits/itempath/demo/M", json={"lines": [{"component": "OIL", "quantity": "0.5", "unit": "Liter"}]})
    (oil,) = house.http.get("/materials", params={"name": "[like]oi"}).json()["materials"]
    assert (oil["name"], oil["unitOfMeasure"], oil["isBlocked"]) == ("OIL", "Liter", 0)
    assert house.http.get("/materials", params={"name": "KIT"}).json() == {"materials": []}
    assert house.http.get("/materials", params={"creationDate": "today", "name": "OIL"}).json()["materials"] == [oil]
    assert house.http.get("/materials", params={"creationDate": "lastWeek"}).json() == {"materials": []}


def test_nothing_there(house: House) -> None:
    """Unknown ids and paths are 404; a verb that a path has not is 405."""
    statuses = [house.http.get(path).status_code for path in ("/kit_lines/none", "/kits/none", "/materials/none", "/nothing", "/kits/a/b")]
    assert statuses == [404] * 5
    assert house.http.delete("/kits").status_code == 405


@given(texts, st.lists(texts, max_size=5))
def test_plain_text_is_itself(wanted: str, others: list[str]) -> None:
    """Equality and `[not]` part any rows in two, whatever the text; a text with an operator's look is the only exception."""
    rows = [wanted, *others]
    columns = {"name": Column("text", str)}
    operator, rest = split(wanted)
    if operator:
        return
    same, different = (kept(rows, columns, [("name", f"{word}{wanted}")], 0.0) for word in ("", "[not]"))
    assert rest == wanted
    assert same == [row for row in rows if row == wanted]
    assert different == [row for row in rows if row != wanted]
