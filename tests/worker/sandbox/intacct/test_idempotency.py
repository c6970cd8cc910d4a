"""Idempotency keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.intacct.harness import COMPONENTS, fault
from worker.sandbox.intacct.idempotency import Idempotency
from worker.sandbox.intacct.refusals import Refused

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books

HOUR = 3_600
CACHED = "x-ia-idempotency-cached-date"


@pytest.fixture
def kit(books: Books) -> Books:
    """A kit K without components, and the items A and B."""
    books.change(intacct_token_seconds=10_000_000)
    books.sign_in()
    books.items("A", "B")
    books.put("K")
    return books


def test_replay(kit: Books) -> None:
    """The same key and body give the same answer again and no second effect; the header says since when."""
    first, again = kit.create("K", "A", key="one"), kit.create("K", "A", key="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert (CACHED in first.headers, CACHED in again.headers, again.headers["Idempotency-Key"]) == (False, True, "one")
    assert (kit.lines("K"), kit.counts()["replays"]) == ([("A", "1", 1)], 1)


def test_failure_replayed(kit: Books) -> None:
    """A failure is stored, too: it comes again after its cause is gone."""
    assert kit.create("K", "LATER", key="one").status_code == 422
    kit.items("LATER")
    again = kit.create("K", "LATER", key="one")
    assert (again.status_code, CACHED in again.headers) == (422, True)
    assert kit.create("K", "LATER", key="two").status_code == 201


def test_other_body(kit: Books) -> None:
    """Another body, or another path, under the same key is 409."""
    key = kit.create("K", "A", key="one").json()["ia::result"]["key"]
    assert fault(kit.create("K", "B", key="one")) == (409, "conflict")
    assert kit.http.patch(f"{COMPONENTS}/{key}", json={"numberOfUnits": 2}, headers={"Idempotency-Key": "one"}).status_code == 409
    assert kit.lines("K") == [("A", "1", 1)]


def test_ages(kit: Books) -> None:
    """Replayed for 48 hours, refused for 60 days, new after that."""
    kit.create("K", "A", key="one")
    kit.change(advance=47 * HOUR)
    assert kit.create("K", "A", key="one").status_code == 201
    kit.change(advance=2 * HOUR)
    assert kit.create("K", "A", key="one").status_code == 409
    kit.change(advance=58 * 24 * HOUR)
    assert kit.create("K", "A", key="one").status_code == 201
    assert len(kit.lines("K")) == 2


def test_twins(kit: Books) -> None:
    """Of two at the same time one runs, and the other is 409."""
    kit.change(intacct_ms=400)
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: kit.create("K", "A", key="one"), range(2)))
    assert statuses in ([201, 409], [201, 201])
    assert len(kit.lines("K")) == 1


def test_patch_keyed(kit: Books) -> None:
    """PATCH takes a key; DELETE and queries do not look at it; it has 256 characters at most."""
    component = kit.made("K", "A")
    path, head = f"{COMPONENTS}/{component}", {"Idempotency-Key": "one"}
    for units in (2, 3):
        kit.http.patch(path, json={"numberOfUnits": 2}, headers=head)
        kit.put("K", [{"component": "A", "quantity": str(units)}])
    assert kit.record(component)["numberOfUnits"] == 3
    assert kit.http.delete(path, headers=head).status_code == 204
    assert fault(kit.create("K", "A", key="x" * 257)) == (400, "REST-1064")


def test_in_use() -> None:
    """A key whose first call has not ended is refused; one whose first call ended without an answer is free."""
    keys = Idempotency()
    assert keys.begin("one", b"same", 0.0) is None
    with pytest.raises(Refused, match="in use"):
        keys.begin("one", b"same", 0.0)
    keys.drop("one")
    assert keys.begin("one", b"same", 0.0) is None
