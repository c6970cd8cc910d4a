"""The log of calls: what ran, and with what answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worker.sandbox.itempath.house import House


def test_create_is_logged(house: House) -> None:
    """Verb and path, body, code, answer and user of a write; the answers of reads are not kept."""
    answer = house.create("KIT", "BOLT", quantity=2)
    (call,) = house.logged(("endpoint", "POST /api/kit_lines"))
    assert set(call) == {"id", "body", "code", "creationDate", "duration", "endpoint", "error", "response", "username"}
    assert (call["code"], call["username"], call["error"]) == (200, "demo-user", None)
    assert json.loads(call["response"]) == answer.json()
    assert json.loads(call["body"])["quantity"] == 2
    assert {read["response"] for read in house.logged(("endpoint", "[like]GET"))} == {""}


def test_refusal_is_logged(house: House) -> None:
    """A refused call has its error; what has no token is not in the log."""
    house.http.put("/kit_lines/NONE", json={"quantity": 2})
    house.http.get("/kits", headers={"Authorization": ""})
    (call,) = house.logged(("code", "[gt]399"))
    assert (call["code"], call["endpoint"], "not found" in call["error"]) == (404, "PUT /api/kit_lines/NONE", True)


def test_by_time_and_user(house: House) -> None:
    """Filters by moment and by user; the moment that a call has is one to ask for."""
    house.lines()
    house.use("demo-application-token")
    house.change(advance=100)
    house.lines()
    first, second = house.logged(("endpoint", "GET /api/kit_lines"))
    assert house.logged(("creationDate", f"[gt]{first['creationDate']}"), ("endpoint", "GET /api/kit_lines")) == [second]
    assert house.logged(("creationDate", second["creationDate"])) == [second]
    assert [call["username"] for call in house.logged(("userId", "1"))] == ["demo-user"]
    assert house.logged(("creationDate", "2001-01-01")) == []
    assert house.http.get("/calls", params={"creationDate": "1.1.2001"}).status_code == 400


def test_paged_like_others(house: House) -> None:
    """Oldest first; limit, page and countOnly as everywhere."""
    for _ in range(3):
        house.lines()
    assert house.http.get("/calls", params={"countOnly": "true"}).json() == {"count": 3}
    page = house.logged(("limit", "2"), ("page", "0"), ("orderBy", "creationDate"))
    assert page[0]["creationDate"] < page[1]["creationDate"]


@pytest.mark.parametrize("most", [2])
def test_log_is_short(house: House, most: int) -> None:
    """Only so many calls are kept; the setting holds from the next start."""
    house.change(itempath_log=most)
    house.owner.post("/reset", json={"keep_settings": True})
    house.use("demo-application-token")
    for _ in range(4):
        house.lines()
    assert len(house.logged()) == most
