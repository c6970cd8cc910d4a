"""Batches: each by itself, or all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.intacct.harness import COMPONENTS, fault

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books

ATOMIC = {"X-IA-API-Param-Transaction": "true"}


@pytest.fixture
def kit(books: Books) -> Books:
    """A kit K without components, and the items A, B and C."""
    books.items("A", "B", "C")
    books.put("K")
    return books


def forms(*components: str) -> list[dict[str, Any]]:
    """One component of K for each."""
    return [{"kit": {"id": "K"}, "component": {"id": component}, "numberOfUnits": 1} for component in components]


def test_create_many(kit: Books) -> None:
    """An array makes all of its elements; the answer has their references in order."""
    answer = kit.http.post(COMPONENTS, json=forms("A", "B"))
    assert (answer.status_code, answer.json()["ia::meta"]) == (201, {"totalCount": 2, "totalSuccess": 2, "totalError": 0})
    assert [kit.record(one["key"])["component"]["id"] for one in answer.json()["ia::result"]] == ["A", "B"]


def test_mixed(kit: Books) -> None:
    """Where some fail, each element has its status, its reference or error, and the good ones took effect."""
    answer = kit.http.post(COMPONENTS, json=[*forms("A", "NONE"), {"color": 1}])
    results = answer.json()["ia::result"]
    assert (answer.status_code, [one["ia::status"] for one in results]) == (207, [201, 422, 400])
    assert ("key" in results[0], "ia::error" in results[0], "ia::error" in results[1]) == (True, False, True)
    assert answer.json()["ia::meta"] == {"totalCount": 3, "totalSuccess": 1, "totalError": 2}
    assert [line[0] for line in kit.lines("K")] == ["A"]


def test_all_fail_alike(kit: Books) -> None:
    """One status that holds for all is the answer's."""
    assert kit.http.post(COMPONENTS, json=forms("NONE", "NEITHER")).status_code == 422


def test_atomic(kit: Books) -> None:
    """With the header a failure takes back all: nothing is there, counted, or told."""
    answer = kit.http.post(COMPONENTS, json=[*forms("A", "NONE"), {"color": 1}], headers=ATOMIC)
    codes = [one["ia::error"]["code"] for one in answer.json()["ia::result"]]
    assert (answer.status_code, codes) == (207, ["unprocessed", "operationFailed", "invalidRequest"])
    assert (kit.lines("K"), kit.counts()["effects"]["creates"], kit.counts()["notifications"]["due"]) == ([], 0, 0)


def test_atomic_undoes_numbers(kit: Books) -> None:
    """What a taken number moved is back, too."""
    kit.made("K", "A")
    before = kit.kit("K")
    kit.http.post(COMPONENTS, json=[{**forms("B")[0], "lineNumber": 1}, *forms("NONE")], headers=ATOMIC)
    assert kit.kit("K") == before


def test_update_many(kit: Books) -> None:
    """Each element of a batch of changes has its key; one without is refused alone."""
    keys = [kit.made("K", component) for component in ("A", "B")]
    answer = kit.http.patch(
        COMPONENTS, json=[{"key": keys[0], "numberOfUnits": 5}, {"key": "999", "numberOfUnits": 1}, {"numberOfUnits": 1}]
    )
    assert [one["ia::status"] for one in answer.json()["ia::result"]] == [200, 404, 400]
    assert kit.lines("K") == [("A", "5", 1), ("B", "1", 2)]


def test_read_many(kit: Books) -> None:
    """Several keys give several records."""
    keys = [kit.made("K", component) for component in ("A", "B")]
    answer = kit.http.get(f"{COMPONENTS}/{','.join(keys)}")
    assert (answer.status_code, [one["component"]["id"] for one in answer.json()["ia::result"]]) == (200, ["A", "B"])


def test_delete_many(kit: Books) -> None:
    """All gone is 204; partly gone is 207, and what was deleted carries no key."""
    keys = [kit.made("K", component) for component in ("A", "B", "C")]
    answer = kit.http.delete(f"{COMPONENTS}/{keys[0]},999")
    results = answer.json()["ia::result"]
    assert (answer.status_code, results[0], results[1]["ia::status"]) == (207, {"ia::status": 204}, 404)
    assert kit.http.delete(f"{COMPONENTS}/{keys[1]},{keys[2]}").status_code == 204
    assert kit.lines("K") == []


@pytest.mark.parametrize("count", [0, 501])
def test_most(kit: Books, count: int) -> None:
    """A batch has 1 to 500 elements."""
    assert fault(kit.http.post(COMPONENTS, json=forms(*["A"] * count))) == (400, "REST-1064")
    assert kit.lines("K") == []
