"""Kits as people edit them in the warehouse, and what Data Push tells about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.harness import until

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Receiver
    from tests.worker.sandbox.itempath.house import House


@pytest.fixture
def told(house: House, module_receiver: Receiver) -> Receiver:
    """The receiver, empty, and Data Push set to it."""
    module_receiver.clear()
    house.change(companies={"demo": {"itempath_push_url": module_receiver.url, "itempath_push_secret": "Bearer push"}})
    return module_receiver


def test_edit_keeps_ids(house: House) -> None:
    """A line whose component stays keeps its id; an edit shows at once and is no effect of a call."""
    nut = house.line_id("KIT", "NUT")
    house.put("KIT", ("NUT", 9, 5), ("SPRING", 1, 6))
    assert house.line_id("KIT", "NUT") == nut
    assert house.numbers() == [5, 6]
    assert (house.counts()["effects"], house.logged()[0]["endpoint"]) == ({"creates": 0, "updates": 0, "deletes": 0}, "GET /api/kit_lines")


def test_edit_meets_import(house: House) -> None:
    """A write that waits for import finds the kit as the person left it: what is gone can't be changed."""
    line = f"/kit_lines/{house.line_id('KIT', 'NUT')}"
    house.http.put(line, json={"quantity": 1})
    house.create("KIT", "PLATE", quantity=7)
    house.put("KIT", ("BOLT", 4, 1), ("PLATE", 1, 4))
    house.imported()
    assert house.stored("KIT") == [("BOLT", "4", 1), ("PLATE", "1", 4), ("PLATE", "7", 5)]
    assert house.counts()["imports"] == {"waiting": 0, "done": 1, "refused": 1}


def test_rename_is_pushed(house: House, told: Receiver) -> None:
    """A new name is a transaction of type 15, told with the secret header; the kit keeps its id."""
    kit = house.kit_id("KIT")
    house.put("KIT", ("BOLT", 4, 1), announce=True, rename="KIT-2")
    (received,) = told.wait()
    assert received.headers["authorization"] == "Bearer push"
    assert (received.content["type"], received.content["kitName"], received.content["previousName"]) == (15, "KIT-2", "KIT")
    assert (received.content["kitId"], house.kit_id("KIT-2")) == (kit, kit)
    assert house.http.get("/kits", params={"name": "KIT"}).json() == {"kits": []}


def test_own_mapping(house: House, told: Receiver) -> None:
    """What a push holds is the customer's to choose."""
    house.put("KIT", announce=True, rename="KIT-2", push_body={"k": ["KIT-2"]})
    assert told.wait()[0].content == {"k": ["KIT-2"]}


def test_changes_are_not_pushed(house: House, told: Receiver) -> None:
    """Nothing tells about changed lines (documented: no such event), nor about a name that nobody announces."""
    house.put("KIT", ("BOLT", 5, 1), announce=True)
    house.put("KIT", ("BOLT", 5, 1), rename="KIT-2")
    house.put("KIT-2", ("BOLT", 5, 1), announce=True, rename="KIT-3")
    assert [received.content["kitName"] for received in told.wait()] == ["KIT-3"]
    assert house.counts()["pushes"]["sent"] == 1


def test_push_once_again(house: House, told: Receiver) -> None:
    """A push that nobody takes is tried once more (documented default), then given up."""
    told.statuses += [500, 503]
    house.put("KIT", announce=True, rename="KIT-2")
    until(lambda: house.counts()["pushes"]["given_up"] == 1)
    assert len(told.received) == 2


def test_push_nowhere(house: House) -> None:
    """Without an address nothing is sent, and that is counted."""
    house.put("KIT", announce=True, rename="KIT-2")
    assert house.counts()["pushes"]["without_address"] == 1


@pytest.mark.parametrize("more", [{"rename": "OTHER"}, {"rename": "x" * 51}, {"rename": 5}])
def test_wrong_names(house: House, more: dict[str, object]) -> None:
    """A name that is taken or too long is refused, and the kit stays as it is."""
    house.put("OTHER")
    assert house.owner.put("/kits/itempath/demo/KIT", json={"lines": [], **more}).status_code == 422
    assert len(house.stored("KIT")) == 3


def test_clock_without_zone(house: House) -> None:
    """The installation's clock may be hours from UTC, and no answer says so."""
    house.lines()
    house.change(itempath_offset=7_200)
    house.lines()
    first, second = (call["creationDate"] for call in house.logged(("endpoint", "GET /api/kit_lines")))
    hours = (int(second[11:13]) - int(first[11:13])) % 24
    assert hours in {2, 3}
    assert len(first) == len("2022-01-01T00:00:00.000000")
