"""Kit components, one by one: forms, rules, line numbers, effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.intacct.harness import COMPONENTS, ITEMS, fault

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books


@pytest.fixture
def kit(books: Books) -> Books:
    """A kit K without components, and the items A, B and C."""
    books.items("A", "B", "C")
    books.put("K")
    return books


def test_create_by_key(kit: Books) -> None:
    """A component is made by keys; the answer is a reference, the record has everything, with defaults."""
    keys = kit.keys("K", "A")
    body = {"kit": {"key": keys["K"]}, "component": {"key": keys["A"]}, "numberOfUnits": 0.1}
    answer = kit.http.post(COMPONENTS, json=body)
    reference = answer.json()["ia::result"]
    assert (answer.status_code, set(reference), answer.json()["ia::meta"]) == (201, {"key", "id", "href"}, {"totalCount": 1})
    record = kit.record(reference["key"])
    assert (record["id"], record["kit"]["id"], record["component"]["id"]) == (reference["key"], "K", "A")
    assert (record["numberOfUnits"], record["lineNumber"], record["revenuePercentage"]) == (0.1, 1, None)
    assert (record["defaultDeliveryStatus"], record["defaultDeferralStatus"]) == ("delivered", "deferUntilItemIsDelivered")
    assert record["component"]["unitOfMeasure"] == "Piece"
    assert record["audit"]["createdByUser"]["id"] == "relay"


def test_update_keeps_rest(kit: Books) -> None:
    """Fields that are not sent stay; who changed it and when stands in the record."""
    key = kit.made("K", "A", 3, revenuePercentage=25)
    before = kit.record(key)
    kit.change(advance=60)
    answer = kit.http.patch(f"{COMPONENTS}/{key}", json={"numberOfUnits": 4, "component": {"id": "B"}})
    after = kit.record(key)
    assert (answer.status_code, answer.json()["ia::result"]["key"]) == (200, key)
    assert (after["numberOfUnits"], after["component"]["id"], after["revenuePercentage"]) == (4, "B", 25)
    assert after["audit"]["modifiedDateTime"] > before["audit"]["modifiedDateTime"] == after["audit"]["createdDateTime"]


def test_delete(kit: Books) -> None:
    """204 without a body; then there is none."""
    key = kit.made("K", "A")
    answer = kit.http.delete(f"{COMPONENTS}/{key}")
    assert (answer.status_code, answer.content) == (204, b"")
    again = [kit.http.request(method, f"{COMPONENTS}/{key}", json={"numberOfUnits": 1}) for method in ("GET", "PATCH", "DELETE")]
    assert [fault(one) for one in again] == [(404, "notFound")] * 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "REST-1028"),
        (b"{", "REST-1030"),
        (b'"x"', "REST-1064"),
        (b"{}", "REST-1064"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":"1"}', "REST-1064"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":true}', "REST-1064"),
        (b'{"kit":{},"component":{"id":"A"},"numberOfUnits":1}', "REST-1064"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":1,"uom":"x"}', "REST-1043"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":1,"key":"9"}', "REST-1050"),
        (b'{"kit":{"id":"K"},"component":{"id":"A","name":"n"},"numberOfUnits":1}', "REST-1050"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":1,"revenuePercentage":101}', "REST-1064"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":1,"lineNumber":1.5}', "REST-1064"),
        (b'{"kit":{"id":"K"},"component":{"id":"A"},"numberOfUnits":1,"defaultDeliveryStatus":"x"}', "REST-1064"),
    ],
)
def test_bodies_refused(kit: Books, body: bytes, code: str) -> None:
    """What does not fit the schema is 400 with its code, inside `ia::result`, and nothing is made."""
    answer = kit.http.post(COMPONENTS, content=body)
    assert fault(answer) == (400, code)
    assert "ia::error" in answer.json()["ia::result"]
    assert kit.lines("K") == []


def test_faults_together(kit: Books) -> None:
    """All that is wrong with a body is named at once, each with its place."""
    answer = kit.http.post(COMPONENTS, json={"kit": {"id": "K"}, "numberOfUnits": "x", "color": 1})
    details = answer.json()["ia::result"]["ia::error"]["details"]
    assert {detail["target"] for detail in details} == {"/component", "/numberOfUnits", "/color"}


@pytest.mark.parametrize(
    ("kit_facts", "item_facts", "allowed"),
    [
        ({}, {"type": "inventory"}, True),
        ({}, {"type": "kit"}, True),
        ({}, {"type": "stockableKit"}, True),
        ({"type": "stockableKit"}, {"type": "stockableKit"}, True),
        ({"type": "stockableKit"}, {"type": "kit"}, False),
        ({"type": "stockableKit"}, {"type": "nonInventory"}, True),
        ({}, {"type": "nonInventory"}, True),
    ],
)
def test_what_goes_into_kits(books: Books, kit_facts: dict[str, Any], item_facts: dict[str, Any], allowed: bool) -> None:  # noqa: FBT001 - a table's column
    """A stockable kit takes no plain kit; all else that is active may go in."""
    books.items("X", **item_facts)
    books.put("K", **kit_facts)
    answer = books.create("K", "X")
    assert answer.status_code == (201 if allowed else 422)
    assert allowed or fault(answer) == (422, "BL01001973")


@pytest.mark.parametrize("facts", [{"status": "inactive"}, {"type": "nonInventory", "fulfilment": False}])
def test_item_not_ready(books: Books, facts: dict[str, Any]) -> None:
    """An inactive item, and a non-inventory item without fulfilment, go into no kit."""
    books.items("X", **facts)
    books.put("K")
    assert fault(books.create("K", "X")) == (422, "BL01001973")


def test_unknown_references(kit: Books) -> None:
    """A kit or component that does not exist is 422, with its place; an item that is no kit takes no component."""
    assert fault(kit.create("NONE", "A")) == (422, "invalidKey")
    assert fault(kit.create("K", "NONE")) == (422, "invalidKey")
    assert fault(kit.create("A", "B")) == (422, "BL01001973")


def test_kit_stays(kit: Books) -> None:
    """A component's kit may be named in a change but not changed."""
    kit.put("L")
    key = kit.made("K", "A")
    assert kit.http.patch(f"{COMPONENTS}/{key}", json={"kit": {"id": "K"}, "numberOfUnits": 2}).status_code == 200
    assert fault(kit.http.patch(f"{COMPONENTS}/{key}", json={"kit": {"id": "L"}})) == (422, "BL01001973")
    assert kit.lines("L") == []


def test_numbers_assigned(kit: Books) -> None:
    """Without a number a component comes after the last."""
    kit.made("K", "A", lineNumber=7)
    kit.made("K", "B")
    assert kit.lines("K") == [("A", "1", 7), ("B", "1", 8)]


def test_taken_number_pushes(kit: Books) -> None:
    """A taken number moves the line that has it, and that one the next; others stay."""
    for component in ("A", "B"):
        kit.made("K", component)
    kit.made("K", "A", 9, lineNumber=5)
    kit.made("K", "C", lineNumber=1)
    assert kit.lines("K") == [("C", "1", 1), ("A", "1", 2), ("B", "1", 3), ("A", "9", 5)]


def test_moved_line_pushes(kit: Books) -> None:
    """So does a change of a number."""
    keys = [kit.made("K", component) for component in ("A", "B", "C")]
    kit.http.patch(f"{COMPONENTS}/{keys[2]}", json={"lineNumber": 1})
    assert [line[0] for line in kit.lines("K")] == ["C", "A", "B"]


def test_list_has_references(kit: Books) -> None:
    """The list has references of its first hundred, whatever the query string asks."""
    kit.put("BIG", [{"component": f"P{number}", "quantity": "1"} for number in range(120)])
    page = kit.http.get(COMPONENTS, params={"start": 101}).json()
    assert (len(page["ia::result"]), set(page["ia::result"][0])) == (100, {"key", "id", "href"})
    total = page["ia::meta"]["totalCount"]
    assert page["ia::meta"] == {"totalCount": total, "start": 1, "pageSize": 100, "next": 101, "previous": None}
    assert total > 120


def test_item_with_components(kit: Books) -> None:
    """An item shows what it is and what it consists of."""
    kit.made("K", "A", 2)
    item = kit.http.get(f"{ITEMS}/{kit.keys('K')['K']}").json()["ia::result"]
    assert (item["id"], item["itemType"], item["kitRevenuePosting"], item["status"]) == ("K", "kit", "componentLevel", "active")
    assert [(each["component"]["id"], each["numberOfUnits"]) for each in item["kitComponents"]] == [("A", 2)]


def test_effects_counted(kit: Books) -> None:
    """Calls have effects, a person's edits have none; a component made twice by calls is counted."""
    key = kit.made("K", "A")
    kit.made("K", "A")
    kit.http.patch(f"{COMPONENTS}/{key}", json={"numberOfUnits": 5})
    kit.http.delete(f"{COMPONENTS}/{key}")
    kit.put("K", [{"component": "B", "quantity": "1"}])
    kit.made("K", "B")
    assert kit.counts()["effects"] == {"creates": 3, "updates": 1, "deletes": 1}
    assert kit.counts(kits=True)["kits"]["K"]["created_twice"] == 1


def test_routes(kit: Books) -> None:
    """What is no path is 404, another method 405."""
    assert kit.http.get("/objects/inventory-control/warehouse").status_code == 404
    assert kit.http.put(COMPONENTS, json={}).status_code == 405
    assert kit.http.post(ITEMS, json={}).status_code == 405


def test_model(kit: Books) -> None:
    """The model names fields, references, methods and whether keys are taken."""
    model = kit.http.get("/services/core/model", params={"name": "inventory-control/kit-component"}).json()["ia::result"]
    assert (model["httpMethods"], model["idempotenceSupported"]) == ("GET,POST,PATCH,DELETE", True)
    assert (model["fields"]["key"]["readOnly"], model["fields"]["numberOfUnits"]["readOnly"]) == (True, False)
    assert fault(kit.http.get("/services/core/model", params={"name": "x/y"})) == (400, "REST-1064")
