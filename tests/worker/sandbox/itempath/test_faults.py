"""Each fault of ItemPath over HTTP, and that the seed decides whom it hits."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.sandbox.harness import until
from worker.sandbox.faults import FAULTS, NOT_IN_ALL

if TYPE_CHECKING:
    from tests.worker.sandbox.itempath.house import House


def test_import_slow(house: House) -> None:
    """The import takes so much longer."""
    house.use("demo-application-token")
    house.change(faults={"import-slow": 1.0}, slow_import_seconds=1_000, jitter=0)
    house.create("KIT", "BOLT")
    house.imported()
    assert house.numbers() == [1, 2, 3]
    house.change(advance=1_000)
    assert house.numbers() == [1, 2, 3, 4]


def test_import_refused(house: House) -> None:
    """Accepted and logged with 200, it never shows, and no effect is counted."""
    house.change(faults={"import-refused": 1.0})
    assert house.create("KIT", "BOLT").status_code == 200
    assert house.http.put(f"/kit_lines/{house.line_id('KIT', 'NUT')}", json={"quantity": 1}).status_code == 200
    house.change(advance=10_000, faults={"import-refused": 0})
    house.use("demo-application-token")
    assert house.stored("KIT") == [("BOLT", "4", 1), ("NUT", "8", 2), ("PLATE", "1", 3)]
    counts = house.counts()
    assert (counts["imports"], counts["effects"]["creates"]) == ({"waiting": 0, "done": 0, "refused": 2}, 0)


def test_timeout_closed(house: House) -> None:
    """The write runs and is logged with its answer; its connection ends without one. Reads are spared."""
    house.change(faults={"itempath-timeout": 1.0})
    with pytest.raises(httpx.RemoteProtocolError):
        house.create("KIT", "BOLT", number=7)
    (call,) = house.logged(("endpoint", "POST /api/kit_lines"))
    assert call["code"] == 200
    house.imported()
    assert (house.numbers(), house.counts()["routes"]["POST /api/kit_lines"]) == ([1, 2, 3, 7], {"0": 1})


def test_timeout_held(house: House) -> None:
    """If so set, the connection is held for longer than the caller's patience; the write ran."""
    house.change(faults={"itempath-timeout": 1.0}, itempath_no_answer="hold")
    form = {"kitId": house.kit_id("KIT"), "materialId": house.material_id("BOLT"), "number": 7}
    with pytest.raises(httpx.ReadTimeout):
        house.http.post("/kit_lines", json=form, timeout=0.2)
    house.imported()
    assert house.numbers() == [1, 2, 3, 7]
    until(lambda: house.counts()["routes"]["POST /api/kit_lines"] == {"0": 1})


def test_held_is_bounded(house: House) -> None:
    """A held connection is closed in the end, and other calls are answered meanwhile."""
    house.change(faults={"itempath-timeout": 1.0}, itempath_no_answer="hold", itempath_hold_seconds=0.3)
    ended = threading.Event()

    def write() -> None:
        with contextlib.suppress(httpx.RemoteProtocolError):
            house.create("KIT", "BOLT")
        ended.set()

    threading.Thread(target=write, daemon=True).start()
    until(lambda: house.counts()["imports"]["waiting"] == 1)
    assert house.numbers() == [1, 2, 3]
    assert ended.wait(5)


def test_refused_by_server(house: House) -> None:
    """500, 502 and 503 without effect; some bodies are no JSON. They are in the log."""
    house.change(faults={"itempath-5xx": 1.0})
    answers = [house.http.get("/kit_lines") for _ in range(12)]
    assert {answer.status_code for answer in answers} == {500, 502, 503}
    assert {answer.headers["Content-Type"].partition(";")[0] for answer in answers} == {"application/json", "text/html"}


def test_broken_after_effect(house: House) -> None:
    """5xx although the write was accepted; the log has what really was answered."""
    house.change(faults={"itempath-5xx-after": 1.0})
    assert house.create("KIT", "BOLT").status_code >= 500
    assert [call["code"] for call in house.logged(("endpoint", "POST /api/kit_lines"))] == [200]
    house.imported()
    assert house.effects()["creates"] == 1


def test_storm(house: House) -> None:
    """A storm refuses every call with Retry-After, but for the login, and ends."""
    house.change(faults={"itempath-429": 1.0}, storm_seconds=100)
    refused = house.http.get("/kit_lines")
    assert refused.status_code == 429
    assert 60 <= int(refused.headers["Retry-After"]) <= 100
    house.change(faults={"itempath-429": 0})
    assert (house.http.get("/kits").status_code, house.login().status_code) == (429, 200)
    house.change(advance=101)
    assert house.http.get("/kits").status_code == 200


def test_down(house: House) -> None:
    """All is 503 while it is down, the login too; Visma is not."""
    house.change(down={"itempath": 100})
    refused = house.http.get("/kits")
    assert (refused.status_code, refused.headers["Retry-After"], house.login().status_code) == (503, "100", 503)
    house.change(down=True)
    house.change(advance=101)
    assert house.http.get("/kits").status_code == 200


def test_down_by_rate(house: House) -> None:
    """As a fault it takes a share of the time."""
    house.use("demo-application-token")
    house.change(faults={"itempath-down": 0.5}, down_seconds=10)
    statuses = []
    for _ in range(24):
        statuses.append(house.http.get("/kits").status_code)
        house.change(advance=10)
    assert set(statuses) == {200, 503}


def test_or_unsupported(house: House) -> None:
    """An older installation refuses [or] and [nor] in a filter; the other operators work, and the text in a field that is none."""
    house.change(faults={"or-unsupported": 1.0})
    statuses = [house.http.get("/kit_lines", params={"number": value}).status_code for value in ("[or]1;2", "[nor]1;2", "[not]1", "1")]
    assert statuses == [400, 400, 200, 200]
    assert house.http.get("/kits", params={"other": "[or]1;2"}).status_code == 200


def refused_lines(house: House, order: list[int]) -> set[int]:
    """Which creates the imports of a run refuse."""
    house.change(faults={"import-refused": 0.3})
    house.put("LONG", *((f"C-{number}", 1, number) for number in order))
    house.put("EMPTY")
    for number in order:
        house.create("EMPTY", f"C-{number}", number=number)
    house.imported()
    return set(order) - {number for _, _, number in house.stored("EMPTY")}


def test_seed_decides(house: House) -> None:
    """The same seed hits the same lines in whatever order they come; another seed hits others."""
    order = list(range(1, 31))
    first = refused_lines(house, order)
    assert _anew(house, order[::-1]) == first
    assert _anew(house, order, seed=2) != first
    assert 0 < len(first) < 30


def _anew(house: House, order: list[int], **changes: int) -> set[int]:
    """The same after a reset."""
    house.owner.post("/reset")
    house.change(import_ms=60_000, itempath_write_ms=0, **changes)
    house.use("demo-application-token")
    return refused_lines(house, order)


def test_all_at_once(house: House) -> None:
    """With every fault on, a client that waits for the import and looks before it writes again makes each line once."""
    house.put("EMPTY")
    house.put("LONG", *((f"C-{number}", 1, number) for number in range(1, 13)))
    forms = [
        {"kitId": house.kit_id("EMPTY"), "materialId": house.material_id(f"C-{number}"), "number": number, "quantity": 2}
        for number in range(1, 13)
    ]
    house.use("demo-application-token")
    house.change(faults={name: 0.15 for name, fault in FAULTS.items() if fault.erp == "itempath" and name not in NOT_IN_ALL})
    for form in forms:
        _make(house, form)
    house.change(faults=dict.fromkeys(house.owner.get("/settings").json()["faults"], 0), advance=100)
    counts = house.counts()
    assert house.stored("EMPTY") == [(f"C-{number}", "2", number) for number in range(1, 13)]
    assert (counts["created_twice"], counts["effects"]["creates"], counts["violations"]["writers"]) == (0, 12, 0)
    assert set(house.owner.get("/counts").json()["faults"]) >= {"import-refused", "itempath-timeout", "itempath-5xx", "itempath-5xx-after"}


def _make(house: House, form: dict[str, Any]) -> None:
    """Write, wait, look; until it is there."""
    for _ in range(40):
        with contextlib.suppress(httpx.RemoteProtocolError):
            house.http.post("/kit_lines", json=form)
        house.change(advance=100)  # longer than a late import, and than a storm
        if _there(house, form):
            return
    pytest.fail("it never came")


def _there(house: House, form: dict[str, Any]) -> bool:
    """Whether the line is there."""
    for _ in range(40):
        answer = house.http.get("/kit_lines", params={"kitId": form["kitId"], "number": form["number"]})
        if answer.status_code == 200:
            return bool(answer.json()["kit_lines"])
        house.change(advance=3)
    pytest.fail("no read got through")
