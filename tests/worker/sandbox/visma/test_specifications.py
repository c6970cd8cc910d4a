"""Kit specifications of the simulated Visma, over HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.harness import BACKGROUND, until

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp, Receiver

SPECIFICATIONS = "/v1/KitSpecifications"
LAMP = f"{SPECIFICATIONS}/LAMP/1"
TWO_LINES = [{"component": "BULB", "quantity": "4"}, {"component": "WORK", "quantity": "0.5", "stocked": False, "unit": "Hour"}]


def wrapped(**fields: Any) -> dict[str, Any]:
    """A write form of these fields."""
    return {name: {"value": value} for name, value in fields.items()}


def line(operation: str, **fields: Any) -> dict[str, Any]:
    """A line's write form."""
    return {"operation": operation, **wrapped(**fields)}


def put(erp: Erp, code: str = "LAMP", lines: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The kit as a person saves it in Visma's own screens."""
    content = {"lines": TWO_LINES if lines is None else lines, **more}
    answer = erp.owner.put(f"/kits/visma/{erp.company}/{code}", json=content)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def quantities(erp: Erp, path: str = LAMP) -> list[tuple[int, str, float]]:
    """Number, component and quantity of all lines."""
    record = erp.http.get(path).raise_for_status().json()
    lines = record["stockComponentLines"] + record["nonStockComponentLines"]
    return [(one["lineNbr"], one["componentID"], one["componentQty"]) for one in lines]


def refusal(answer: Any) -> str:
    """The prose of a refusal with 400."""
    assert answer.status_code == 400
    return str(answer.json()["message"])


def test_put_and_read(erp: Erp) -> None:
    """What the owner saves is read by all three reading calls, in two lists and unwrapped; it counts as no effect."""
    told = put(erp)

    record = erp.http.get(LAMP).json()

    assert record == erp.http.get(f"{SPECIFICATIONS}/lamp").json() == erp.http.get(SPECIFICATIONS).json()["records"][0]
    assert (record["kitInventoryID"], record["revision"], record["isActive"]) == ("LAMP", "1", True)
    assert [(one["componentID"], one["componentQty"], one["uom"]) for one in record["stockComponentLines"]] == [("BULB", 4.0, "Piece")]
    assert [(one["componentID"], one["componentQty"], one["uom"]) for one in record["nonStockComponentLines"]] == [("WORK", 0.5, "Hour")]
    assert [(one["component"], one["quantity"], one["id"]) for one in told["lines"]] == [
        ("BULB", "4", "stock:1"),
        ("WORK", "0.5", "nonstock:1"),
    ]
    assert erp.counts()["specifications"] == {
        "creates": 0,
        "updates": 0,
        "refused": 0,
        "lines": {"creates": 0, "updates": 0, "deletes": 0, "created_twice": 0},
    }


def test_missing_answers(erp: Erp) -> None:
    """What is not there is 404, for a kit, a revision and a write; there is no DELETE."""
    put(erp)
    answers = [
        erp.http.get(f"{SPECIFICATIONS}/NONE"),
        erp.http.get(f"{SPECIFICATIONS}/LAMP/2"),
        erp.http.put(f"{SPECIFICATIONS}/LAMP/2", json={}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert erp.http.delete(LAMP).status_code == 405


def test_create(erp: Erp) -> None:
    """A POST makes a revision with its lines, numbered by the server; its place is in Location."""
    form = wrapped(kitInventoryID="KIT-0001", revisionID="B", descr="New", isActive=True)
    form["stockComponentLines"] = [line("Insert", compInventoryID=f"PART-000{number}", dfltCompQty=number) for number in (3, 1)]
    form["nonStockComponentLines"] = [line("Insert", compInventoryID="LABOUR", dfltCompQty=0.5)]

    answer = erp.http.post(SPECIFICATIONS, json=form)

    assert (answer.status_code, answer.content) == (201, b"")
    path = answer.headers["Location"].removeprefix(erp.url)
    assert path == f"{SPECIFICATIONS}/KIT-0001/B"
    assert quantities(erp, path) == [(1, "PART-0003", 3.0), (2, "PART-0001", 1.0), (1, "LABOUR", 0.5)]
    counts = erp.counts()
    assert (counts["specifications"]["creates"], counts["specifications"]["lines"]["creates"]) == (1, 3)
    assert counts["effects"]["creates"] == 0
    assert "already exists" in refusal(erp.http.post(SPECIFICATIONS, json=form))


def test_update_lines(erp: Erp) -> None:
    """One PUT inserts, updates and deletes; a number that was given up is not given again; what is not named stays."""
    put(erp)
    insert = line("Insert", compInventoryID="PART-0001", dfltCompQty=2, uom="BOX", minCompQty=1, allowQtyVariation=True)
    erp.http.put(LAMP, json={"stockComponentLines": [insert, line("Update", lineNbr=1, dfltCompQty=3)]}).raise_for_status()
    erp.http.put(LAMP, json={"stockComponentLines": [line("Delete", lineNbr=2)], "nonStockComponentLines": [line("Delete", lineNbr=1)]})

    answer = erp.http.put(LAMP, json={"stockComponentLines": [insert]})

    assert answer.status_code == 204
    assert quantities(erp) == [(1, "BULB", 3.0), (3, "PART-0001", 2.0)]
    newest = erp.http.get(LAMP).json()["stockComponentLines"][1]
    assert (newest["uom"], newest["minComponentQty"], newest["allowComponentQtyVariance"]) == ("BOX", 1.0, True)
    assert erp.counts(documents=True)["kits"]["LAMP"] == {"creates": 2, "updates": 1, "deletes": 2, "created_twice": 0, "refused": 0}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            [line("Insert", compInventoryID=code, dfltCompQty=1) for code in ("BULB", "NONE", "NIL")],
            "'NONE' cannot .* 'NIL' cannot be found",
        ),
        ([line("Insert", compInventoryID="LAMP", dfltCompQty=1)], "component of itself"),
        ([line("Insert", compInventoryID="WORK", dfltCompQty=1)], "'WORK' is not a stock item"),
        ([line("Insert", compInventoryID="PART-0001")], "greater than 0"),
        ([line("Insert", dfltCompQty=1)], "'Component ID' cannot be empty"),
        ([line("Update", lineNbr=1, dfltCompQty=9), line("Delete", lineNbr=7)], "Line number '7' cannot be found"),
        ([line("Update", lineNbr=1, dfltCompQty="two")], "invalid"),
        ([{"operation": "Update", "lineNbr": 1}], "invalid"),
    ],
)
def test_refused_whole(erp: Erp, lines: list[dict[str, Any]], words: str) -> None:
    """A write with one fault says which, and nothing of it takes effect."""
    put(erp)
    before = erp.http.get(LAMP).json()

    answer = erp.http.put(LAMP, json={"descr": {"value": "Other"}, "stockComponentLines": lines})

    assert re.search(words, refusal(answer))
    assert erp.http.get(LAMP).json() == before
    assert erp.counts()["specifications"] | {"lines": None} == {"creates": 0, "updates": 0, "refused": 1, "lines": None}


def test_read_names_ignored(erp: Erp) -> None:
    """The read form's names are none of the write form's: such a line has no component."""
    put(erp)
    assert "cannot be empty" in refusal(
        erp.http.put(LAMP, json={"stockComponentLines": [line("Insert", componentID="BULB", componentQty=1)]})
    )


def test_in_background(erp: Erp, receiver: Receiver) -> None:
    """With the background header a write is queued; its operation ends with 204, or with 400 and the words; create is notified."""
    put(erp)
    headers = {BACKGROUND: "subscription:kitrelay-job=7"}
    good = erp.http.put(LAMP, json={"stockComponentLines": [line("Update", lineNbr=1, dfltCompQty=5)]}, headers=headers)
    bad = erp.http.put(LAMP, json={"stockComponentLines": [line("Delete", lineNbr=9)]}, headers=headers)
    new = erp.http.post(SPECIFICATIONS, json=wrapped(kitInventoryID="LAMP", revisionID="2"), headers=headers)

    states = [erp.ended(answer) for answer in (good, bad, new)]

    assert [(state["status"], state["statusCode"]) for state in states] == [("Finished", 204), ("Finished", 400), ("Finished", 201)]
    assert "Line number '9'" in erp.http.get(f"/v1/background/{states[1]['id']}/content").json()["message"]
    assert states[2]["responseHeaders"]["Location"].endswith(f"{SPECIFICATIONS}/LAMP/2")
    assert quantities(erp)[0] == (1, "BULB", 5.0)
    until(lambda: len(receiver.received) >= 2)
    assert {one.headers["kitrelay-job"] for one in receiver.received} == {"7"}
    assert erp.counts()["effects"] == {"releases": 0, "creates": 0, "updates": 0, "deletes": 0}


def test_list_filters_and_pages(erp: Erp) -> None:
    """By kit, revision and time; unknown parameters are ignored; pages are cut to the maximum."""
    for code in ("A", "B", "C"):
        put(erp, code)
    put(erp, "B", revision="2")
    middle = erp.http.get(f"{SPECIFICATIONS}/B/2").json()["lastModifiedDateTime"]

    def found(**asked: Any) -> list[str]:
        records = erp.http.get(SPECIFICATIONS, params=asked).raise_for_status().json()["records"]
        return [f"{one['kitInventoryID']}{one['revision']}" for one in records]

    assert found() == found(kit="B") == ["A1", "B1", "B2", "C1"]
    assert found(kitInventoryID="b") == ["B1", "B2"]
    assert found(kitInventoryID="B", revisionID="2") == ["B2"]
    assert "B2" in found(lastModifiedDateTime=middle, lastModifiedDateTimeCondition=">=")
    assert found(lastModifiedDateTime=middle, lastModifiedDateTimeCondition=">") == []
    assert found(pageNumber=2, pageSize=3) == ["C1"]
    page = erp.http.get(SPECIFICATIONS, params={"pageSize": 5000}).json()
    assert (page["pageNumber"], page["pageSize"], page["totalCount"]) == (1, 1000, 4)
    assert erp.http.get(SPECIFICATIONS, params={"createdDateTime": middle}).status_code == 400


def test_assembly_takes_lines(erp: Erp) -> None:
    """An assembly of 10 kits has lines of 40 with 4 for one kit; a specification that changes later leaves it as it is."""
    put(erp)
    path = "/v1/kitassembly/P/000001"
    erp.http.post("/v1/kitassembly", json={"type": "P", **wrapped(itemId="LAMP", quantity=10)}).raise_for_status()

    put(erp, lines=[{"component": "BULB", "quantity": "7"}])

    record = erp.http.get(path).json()
    lines = record["stockComponentLines"] + record["nonStockComponentLines"]
    assert [(one["itemId"], one["quantity"], one["componentQty"], one["uoM"]) for one in lines] == [
        ("BULB", 40.0, 4.0, "Piece"),
        ("WORK", 5.0, 0.5, "Hour"),
    ]
    erp.make(item="LAMP")
    assert erp.get(2)["stockComponentLines"][0]["quantity"] == 7.0


def test_newest_active_counts(erp: Erp) -> None:
    """Of several revisions the active one that was changed last is the kit's; with none active the item is no kit."""
    put(erp, revision="1")
    put(erp, lines=[{"component": "BULB", "quantity": "6"}], revision="2")
    put(erp, lines=[{"component": "BULB", "quantity": "9"}], revision="3", active=False)
    assert erp.http.get(f"{SPECIFICATIONS}/LAMP").json()["revision"] == "2"

    for revision in ("1", "2"):
        erp.http.put(f"{SPECIFICATIONS}/LAMP/{revision}", json=wrapped(isActive=False)).raise_for_status()

    assert erp.http.get(f"{SPECIFICATIONS}/LAMP").json()["isActive"] is False
    assert "is not a kit" in refusal(erp.http.post("/v1/kitassembly", json={"type": "P", **wrapped(itemId="LAMP", quantity=1)}))


def test_owner_edits(erp: Erp, other: Erp) -> None:
    """A line that stays keeps its number; kits are each company's own; a kit that is taken away leaves its item."""
    put(erp, lines=[{"component": code, "quantity": "1"} for code in ("A", "B")])
    told = put(erp, lines=[{"component": code, "quantity": "2"} for code in ("B", "C")])

    assert [(one["component"], one["number"]) for one in told["lines"]] == [("B", 2), ("C", 3)]
    assert other.owner.get("/kits/visma/other").json() == {"codes": []}
    assert erp.owner.get("/kits/visma/demo").json() == {"codes": ["LAMP"]}
    assert erp.owner.delete("/kits/visma/demo/LAMP").status_code == 204
    assert erp.owner.get("/kits/visma/demo/LAMP").status_code == 404
    put(erp, "SET", [{"component": "LAMP", "quantity": "1"}])
    assert erp.owner.put("/kits/visma/demo/LAMP", json={"lines": [], "colour": "red"}).status_code == 422


def test_generated_kits(erp: Erp) -> None:
    """A thousand generated kits are as many specifications, none of them an effect."""
    assert erp.owner.post("/kits", json={"count": 1000, "lines_each": 2, "erps": ["visma"]}).status_code == 201
    page = erp.http.get(SPECIFICATIONS, params={"pageSize": 1000}).json()
    assert (page["totalCount"], len(page["records"])) == (1000, 1000)
    assert {len(one["stockComponentLines"]) for one in page["records"]} == {2}
