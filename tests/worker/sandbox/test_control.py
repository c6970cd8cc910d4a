"""The owner's routes: documents in bulk, kits, settings, reset, and who may use them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from worker.sandbox.control import is_loopback

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp

ERPS = ("visma", "itempath", "intacct")


def test_many_documents(erp: Erp) -> None:
    """A hundred thousand balanced documents are made in seconds."""
    began = time.monotonic()
    made = erp.make(100_000)
    assert time.monotonic() - began < 60
    assert made == {"count": 100_000, "first": "P/000001", "last": "P/100000"}
    assert erp.counts()["documents_now"] == {"H": 0, "B": 100_000, "R": 0}


def test_documents_as_asked(erp: Erp) -> None:
    """Type, status, quantity and item may be named."""
    erp.make(2, type="D", status="H", quantity=2.5, item="KIT-0007")
    record = erp.http.get("/v1/kitassembly/D/000002").json()
    assert (record["status"], record["quantity"], record["itemID"]) == ("H", 2.5, "KIT-0007")


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"count": "2"}, {"type": "X"}, {"status": "R"}, {"quantity": 0}, {"item": "PART-0001"}, {"company": "nobody"}],
)
def test_documents_refused(erp: Erp, wrong: dict[str, Any]) -> None:
    """What cannot be made is refused, and nothing is made."""
    assert erp.owner.post("/documents", json=wrong).status_code == 422
    assert erp.counts()["documents_now"]["B"] == 0


def test_document_dropped(erp: Erp) -> None:
    """A document may vanish as if somebody had deleted it; that is no effect of a call."""
    erp.make()
    assert erp.owner.delete("/documents/demo/P/000001").status_code == 204
    assert erp.http.get("/v1/kitassembly/P/000001").status_code == 404
    assert erp.counts()["effects"]["deletes"] == 0
    assert erp.owner.delete("/documents/demo/P/000001").status_code == 404


def test_calls_by_route(erp: Erp) -> None:
    """Calls are counted by route template and status, tokens and calls without one apart."""
    erp.make(2)
    erp.release(1)
    erp.release(2)
    erp.get()
    erp.http.get("/v1/kitassembly/P/000404")
    erp.http.get("/v1/kitassembly", headers={"Authorization": "Bearer none"})
    counts = erp.counts()
    assert counts["routes"] == {
        "GET /v1/kitassembly/{type}/{refNo}": {"200": 1, "404": 1},
        "POST /v1/kitassembly/{type}/{refNo}/action/release": {"202": 2},
    }
    assert (counts["calls"], counts["token_calls"], erp.owner.get("/counts").json()["visma"]["unauthorized"]) == (4, 1, 1)


def test_reset_forgets(erp: Erp) -> None:
    """After a reset there are no documents, tokens, operations or counts, and the first settings hold again."""
    erp.change(faults={"lost": 1.0}, accept_ms=1)
    erp.make()
    operation_id = erp.release().json()["id"]
    erp.owner.post("/reset")
    assert erp.http.get("/v1/kitassembly").status_code == 401
    erp.sign_in()
    assert erp.http.get("/v1/kitassembly").json()["totalCount"] == 0
    assert erp.http.get(f"/v1/background/{operation_id}").status_code == 404
    settings = erp.owner.get("/settings").json()
    assert (settings["faults"], settings["accept_ms"], erp.counts()["operations"]["accepted"]) == ({}, 0, 0)


def test_reset_keeps_settings(erp: Erp) -> None:
    """If asked, changed settings outlive a reset."""
    erp.change(accept_ms=7, faults={"lost": 0.5})
    erp.owner.post("/reset", json={"keep_settings": True})
    settings = erp.owner.get("/settings").json()
    assert (settings["accept_ms"], settings["faults"]) == (7, {"lost": 0.5})


def test_reset_ends_what_runs(erp: Erp) -> None:
    """An operation that was under way at a reset touches nothing after it."""
    erp.change(finish_ms=100)
    erp.make()
    erp.release()
    erp.owner.post("/reset")
    erp.sign_in()
    erp.make()
    time.sleep(0.15)
    assert erp.status() == "B"


@pytest.mark.parametrize(
    "wrong",
    [
        {"nothing": 1},
        {"accept_ms": "5"},
        {"accept_ms": -1},
        {"workers": 1.5},
        {"notify_empty": 1},
        {"port": 1},
        {"faults": {"gone": 1}},
        {"faults": {"lost": 2}},
        {"faults": ["lost"]},
        {"companies": {"nobody": {}}},
        {"companies": {"demo": {"client_secret": "x"}}},
        {"companies": {"demo": 1}},
        {"advance": -1},
        {"down": "yes"},
        {"down": {"oracle": True}},
        {"itempath_delete": "neither"},
        {"itempath_no_form": 500},
    ],
)
def test_settings_refused(erp: Erp, wrong: dict[str, Any]) -> None:
    """Wrong settings are refused as a whole; nothing changes."""
    before = erp.owner.get("/settings").json()
    assert erp.change(finish_ms=77, **wrong).status_code == 422
    assert erp.owner.get("/settings").json() == before


def test_same_kits_everywhere(erp: Erp) -> None:
    """The same kits with the same lines stand in every ERP after one call; loading is no effect of a call."""
    answer = erp.owner.post("/kits", json={"count": 3, "lines_each": 4})
    assert answer.json() == {"count": 3, "first": "KIT-00001", "last": "KIT-00003", "erps": list(ERPS)}
    for name in ERPS:
        assert erp.owner.get(f"/kits/{name}/demo").json() == {"codes": ["KIT-00001", "KIT-00002", "KIT-00003"]}
        assert erp.owner.get(f"/kits/{name}/other").json() == {"codes": []}
    for code in ("KIT-00001", "KIT-00003"):
        kits = [[lines_of(erp, name, code)] for name in ERPS]
        assert kits[0] == kits[1] == kits[2]
        assert len(kits[0][0]) == 4
    counts = erp.owner.get("/counts").json()
    assert [counts[name]["companies"]["demo"]["calls"] for name in ERPS] == [0, 0, 0]


@pytest.mark.parametrize("name", ERPS)
def test_kit_edited_and_gone(erp: Erp, name: str) -> None:
    """A person's edit replaces all lines, in each ERP; a kit that is taken away is gone; codes may hold any characters."""
    path = f"/kits/{name}/demo/KIT%2F1%20a"
    erp.owner.put(path, json={"lines": [{"component": "C-1", "quantity": "2"}, {"component": "C-2", "quantity": 0.5}]})
    kit = erp.owner.put(path, json={"lines": [{"component": "C-2", "quantity": "1.50"}, {"component": "C-3", "quantity": 3}]}).json()
    assert (kit["code"], [(line["component"], line["quantity"]) for line in kit["lines"]]) == ("KIT/1 a", [("C-2", "1.5"), ("C-3", "3")])
    assert all(line["id"] for line in kit["lines"])
    assert erp.owner.delete(path).status_code == 204
    assert [erp.owner.request(verb, path).status_code for verb in ("GET", "DELETE")] == [404, 404]


def test_kits_of_some(erp: Erp) -> None:
    """Only the named ERPs get the kits, in the named company."""
    erp.owner.post("/kits", json={"count": 1, "erps": ["itempath"], "company": "other"})
    codes = [erp.owner.get(f"/kits/{name}/other").json()["codes"] for name in ERPS]
    assert codes == [[], ["KIT-00001"], []]


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"count": True}, {"lines_each": "x"}, {"erps": ["oracle"]}, {"erps": "itempath"}, {"company": "nobody"}, {"seed": -1}],
)
def test_kits_refused(erp: Erp, wrong: dict[str, Any]) -> None:
    """What cannot be loaded is refused."""
    assert erp.owner.post("/kits", json=wrong).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"lines": {}},
        {"lines": [1]},
        {"lines": [{"component": "", "quantity": 1}]},
        {"lines": [{"component": "C", "quantity": 0}]},
        {"lines": [{"component": "C", "quantity": "NaN"}]},
        {"lines": [{"component": "C", "quantity": 1, "number": "1"}]},
        {"lines": [], "announce": 1},
        {"lines": [], "colour": "red"},
    ],
)
@pytest.mark.parametrize("name", ERPS)
def test_edits_refused(erp: Erp, name: str, wrong: dict[str, Any]) -> None:
    """Lines that are none, and words that an ERP does not know, are refused; no kit is made."""
    assert erp.owner.put(f"/kits/{name}/demo/KIT", json=wrong).status_code == 422
    assert erp.owner.get(f"/kits/{name}/demo").json() == {"codes": []}


def test_kit_routes_unknown(erp: Erp) -> None:
    """Unknown ERPs and companies are 422, verbs that there are not 405."""
    assert [erp.owner.get(path).status_code for path in ("/kits/oracle/demo", "/kits/itempath/nobody")] == [422, 422]
    assert erp.owner.post("/kits/itempath/demo").status_code == 405


def lines_of(erp: Erp, name: str, code: str) -> list[tuple[str, str, str]]:
    """A kit's components with quantity and unit."""
    lines = erp.owner.get(f"/kits/{name}/demo/{code}").json()["lines"]
    return [(line["component"], line["quantity"], line["unit"]) for line in lines]


def test_unknown_route(erp: Erp) -> None:
    """What is no route of the owner is 404, and what is no JSON object 422."""
    assert erp.owner.get("/nothing").status_code == 404
    assert erp.owner.post("/reset", content=b"[]").status_code == 422
    assert erp.owner.post("/reset", content=b"{").status_code == 422
    assert erp.http.get("/").status_code == 404


@pytest.mark.parametrize(("remote", "own"), [("127.0.0.1", True), ("::1", True), ("10.0.0.7", False), ("", False), (None, False)])
def test_loopback_only(remote: str | None, own: bool) -> None:  # noqa: FBT001 - a table's column
    """Only peers on this machine may use the owner's routes."""
    assert is_loopback(remote) is own
