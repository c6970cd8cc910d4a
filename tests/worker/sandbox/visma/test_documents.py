"""The six operations on kit assemblies, called at once."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp

KITS = "/v1/kitassembly"


def wrapped(**fields: Any) -> dict[str, Any]:
    """A write form of these fields."""
    return {name: {"value": value} for name, value in fields.items()}


def created(erp: Erp, body: dict[str, Any]) -> str:
    """The path of a new document."""
    answer = erp.http.post(KITS, json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    return answer.headers["Location"].removeprefix(erp.url)


def refusal(answer: Any) -> str:
    """The prose of a refusal with 400."""
    assert answer.status_code == 400
    return str(answer.json()["message"])


def test_create_and_read(erp: Erp) -> None:
    """What is written wrapped is read bare, and `itemId` as `itemID`; the number is in Location only."""
    link = wrapped(orderType="SO", orderNumber="000042", orderLineNumber=3)
    path = created(erp, {"type": "P", "kitAssemblyLink": link, **wrapped(itemId="KIT-0002", quantity=3, description="for shop", uoM="BOX")})
    found = erp.http.get(path)
    record = found.json()
    assert path == f"{KITS}/P/000001"
    assert (record["itemID"], record["quantity"], record["status"], record["hold"]) == ("KIT-0002", 3.0, "B", False)
    assert (record["description"], record["uoM"], record["salesOrderLink"]) == ("for shop", "BOX", "SO 000042 3")
    assert [line["quantity"] for line in record["stockComponentLines"]] == [9.0, 3.0, 6.0]
    assert found.headers["ETag"] == f'"{record["timestamp"]}"'
    assert erp.counts()["effects"]["creates"] == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (wrapped(quantity=1), "'Inventory ID' cannot be empty."),
        (wrapped(itemId="NONE", quantity=1), "Inventory ID 'NONE' cannot be found in the system."),
        (wrapped(itemId="PART-0001", quantity=1), "Inventory ID 'PART-0001' is not a kit."),
        (wrapped(itemId="KIT-0001", quantity=0), "Quantity must be greater than 0."),
        ({"type": "X", **wrapped(itemId="KIT-0001", quantity=1)}, "Type 'X' is not valid. Possible values: P, D."),
        ({"refNo": "000001", **wrapped(itemId="KIT-0001", quantity=1)}, "Kit Assembly P, 000001 already exists."),
        ({"itemID": {"value": "KIT-0001"}, **wrapped(quantity=1)}, "'Inventory ID' cannot be empty."),
    ],
)
def test_create_refused(erp: Erp, fields: dict[str, Any], words: str) -> None:
    """A create that a rule forbids says why in prose, and makes nothing; the read form's `itemID` is not the write form's field."""
    erp.make()
    assert refusal(erp.http.post(KITS, json=fields)) == words
    assert erp.counts()["effects"]["creates"] == 0


def test_binding_faults(erp: Erp) -> None:
    """A bare value where a wrapped one is expected, and the other way round, are named together by field."""
    answer = erp.http.post(KITS, json={"type": {"value": "P"}, "itemId": "KIT-0001", **wrapped(quantity="two"), "stockComponentLines": [1]})
    assert answer.status_code == 400
    assert set(answer.json()["modelState"]) == {"type", "itemId", "quantity", "stockComponentLines[0]"}


def test_no_json(erp: Erp) -> None:
    """A body that is no JSON is refused with 400."""
    assert refusal(erp.http.post(KITS, content=b"{")) == "The request is invalid."


def test_hold_and_balance(erp: Erp) -> None:
    """A document on hold has status H and cannot be released; without hold it is balanced and can."""
    path = created(erp, wrapped(itemId="KIT-0001", quantity=1, hold=True))
    assert erp.status() == "H"
    assert "on hold" in refusal(erp.http.post(f"{path}/action/release"))
    assert erp.http.put(path, json=wrapped(hold=False)).status_code == 204
    released = erp.http.post(f"{path}/action/release")
    assert (released.status_code, released.json()["actionResult"], erp.status()) == (200, "Done", "R")


def test_released_stays(erp: Erp) -> None:
    """A released document can be neither released again, updated nor deleted; each is counted as refused."""
    erp.make()
    path = f"{KITS}/P/000001"
    erp.release(background=None)
    assert refusal(erp.release(background=None)) == "Kit Assembly can't be released because it is already released."
    assert refusal(erp.http.put(path, json=wrapped(description="x"))) == "Kit Assembly can't be updated because it is already released."
    assert refusal(erp.http.delete(path)) == "Kit Assembly can't be deleted because it is already released."
    told = erp.owner.get("/documents/demo/P/000001").json()
    assert (told["releases"], told["refused"], told["updates"], told["deletes"]) == (1, 3, 0, 0)


def test_update_keeps_rest(erp: Erp) -> None:
    """Fields that are not sent stay; an empty string and null clear; the lines follow the quantity; the version changes."""
    path = created(erp, wrapped(itemId="KIT-0001", quantity=1, description="old", reasonCode="R1", warehouse="2"))
    before = erp.get()
    erp.http.put(path, json={**wrapped(quantity=2, description=""), "reasonCode": None}).raise_for_status()
    after = erp.get()
    assert (after["description"], after["reasonCode"], after["warehouse"], after["quantity"]) == (None, None, "2", 2.0)
    assert [line["quantity"] for line in after["stockComponentLines"]] == [2 * line["quantity"] for line in before["stockComponentLines"]]
    assert after["timestamp"] != before["timestamp"]


def test_lines_written(erp: Erp) -> None:
    """Lines are inserted, updated and deleted by number; allocations are read as objects with a location."""
    allocation = {"operation": "Insert", **wrapped(location="A1", lotSerialNumber="L7", quantity=2.0, uom="STK")}
    lines = [
        {"operation": "Delete", **wrapped(lineNbr=1)},
        {"operation": "Update", **wrapped(lineNbr=2, quantity=9)},
        {"operation": 1, **wrapped(itemId="PART-0009", quantity=4), "stockComponentLineAllocations": [allocation]},
    ]
    path = created(erp, {**wrapped(itemId="KIT-0001", quantity=1), "stockComponentLines": lines, "kitAllocations": [allocation]})
    record = erp.http.get(path).json()
    assert [(line["lineNbr"], line["itemId"], line["quantity"]) for line in record["stockComponentLines"]] == [
        (2, "PART-0002", 9.0),
        (3, "PART-0003", 1.0),
        (4, "PART-0009", 4.0),
    ]
    assert record["stockComponentLines"][2]["allocations"] == record["kitAllocations"]
    assert record["kitAllocations"][0]["location"] == {"countryId": "NO", "id": "A1", "name": "Location A1"}


def test_unknown_line_refused(erp: Erp) -> None:
    """A line that does not exist cannot be updated, and nothing of the call takes effect."""
    erp.make()
    body = {**wrapped(description="x"), "nonStockComponentLines": [{"operation": "Update", **wrapped(lineNbr=7, quantity=1)}]}
    assert refusal(erp.http.put(f"{KITS}/P/000001", json=body)) == "Line number '7' cannot be found."
    assert erp.get()["description"] is None


def test_delete(erp: Erp) -> None:
    """A deleted document is gone: 404 from then on."""
    erp.make()
    assert erp.http.delete(f"{KITS}/P/000001").status_code == 204
    assert erp.http.get(f"{KITS}/P/000001").status_code == 404
    assert erp.owner.get("/documents/demo/P/000001").json()["deletes"] == 1


def test_coded_ids(erp: Erp) -> None:
    """A number with reserved characters stands in paths as `b64(…)`, in ours and in Location."""
    path = created(erp, {"refNo": "A/1 æ", **wrapped(itemId="KIT-0001", quantity=1)})
    coded = urlsafe_b64encode("A/1 æ".encode()).decode().rstrip("=")
    assert path == f"{KITS}/P/b64({coded})"
    assert erp.http.get(path).json()["refNo"] == "A/1 æ"


def test_companies_apart(erp: Erp, other: Erp) -> None:
    """Each company has its own documents."""
    erp.make(2)
    assert other.http.get(KITS).json()["totalCount"] == 0
