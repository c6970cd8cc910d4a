"""Kits as people see and save them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.intacct.harness import ITEM

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books


def test_saved_and_shown(books: Books) -> None:
    """What is saved is shown, with what only Intacct knows."""
    line = {
        "component": "A",
        "quantity": "0.25",
        "number": 3,
        "unit": "Each",
        "percentage": "33.33",
        "deferral": "deferBundleUntilItemIsDelivered",
    }
    kit = books.put("K", [line], type="stockableKit", posting="kitLevel")
    assert (kit["type"], kit["posting"]) == ("stockableKit", "kitLevel")
    (shown,) = kit["lines"]
    assert {name: shown[name] for name in line} == line


def test_keys_stay(books: Books) -> None:
    """A line whose component stays keeps its key; what is gone is gone, what is new has a new one."""
    lines = [{"component": component, "quantity": "1"} for component in ("A", "B", "A")]
    before = [line["id"] for line in books.put("K", lines)["lines"]]
    after = books.put("K", [{"component": "A", "quantity": "2"}, {"component": "C", "quantity": "1"}])["lines"]
    assert after[0]["id"] == before[0]
    assert after[1]["id"] not in before
    assert len(books.rows(object=ITEM, filters=[{"$in": {"id": ["A", "B", "C"]}}])) == 3


def test_facts_change(books: Books) -> None:
    """A fact of an item that changes shows on its other lines; what is not said stays."""
    books.put("K", [{"component": "A", "quantity": "1", "unit": "Each"}])
    books.put("L", [{"component": "A", "quantity": "1", "unit": "Box"}])
    books.put("M", [{"component": "A", "quantity": "1"}])
    assert {row["component.unitOfMeasure"] for row in books.rows(fields=["component.unitOfMeasure"])} == {"Box"}


def test_codes_and_removal(books: Books) -> None:
    """Kits are listed by code; one that is removed is gone with its lines, its components stay."""
    books.put("K", [{"component": "A", "quantity": "1"}])
    books.put("B")
    path = "/kits/intacct/demo"
    assert books.owner.get(path).json() == {"codes": ["B", "K"]}
    assert books.owner.delete(f"{path}/K").status_code == 204
    assert (books.owner.get(f"{path}/K").status_code, books.rows(), list(books.keys("A", "K"))) == (404, [], ["A"])


def test_loaded_everywhere(books: Books) -> None:
    """Generated kits come in as they are defined."""
    assert books.owner.post("/kits", json={"count": 3, "lines_each": 2, "erps": ["intacct"]}).status_code == 201
    assert [len(books.lines(f"KIT-0000{number}")) for number in (1, 2, 3)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("code", "line", "more"),
    [
        ("K" * 31, {}, {}),
        ("A", {}, {}),
        ("K", {"component": "P"}, {"type": "stockableKit"}),
        ("K", {"component": "C" * 31}, {}),
        ("K", {"component": "P", "type": "inventory"}, {}),
        ("K", {"status": "gone"}, {}),
        ("K", {"percentage": "much"}, {}),
        ("K", {}, {"color": "red"}),
        ("K", {}, {"posting": "nowhere"}),
    ],
)
def test_refused(books: Books, code: str, line: dict[str, Any], more: dict[str, Any]) -> None:
    """What Intacct can't hold is refused, and nothing changes."""
    books.put("P", [{"component": "A", "quantity": "1"}])
    body = {"lines": [{"component": "B", "quantity": "1", **line}], **more}
    assert books.owner.put(f"/kits/intacct/demo/{code}", json=body).status_code == 422
    assert books.owner.get("/kits/intacct/demo").json() == {"codes": ["P"]}
