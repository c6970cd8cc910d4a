"""Calls at once, and the headers that speak of limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.worker.sandbox.intacct.harness import COMPONENTS, fault

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books


def test_headers(books: Books) -> None:
    """Limits and what is left stand on every answer, also on refusals."""
    for answer in (books.http.get(COMPONENTS), books.http.get(f"{COMPONENTS}/404")):
        assert (answer.headers["X-IA-Throttle-Limit"], answer.headers["X-IA-Throttle-Limit-Remaining"]) == ("2", "1")
        assert int(answer.headers["X-IA-Minute-Rate-Limit-Remaining"]) < int(answer.headers["X-IA-Minute-Rate-Limit"])


def test_too_many_at_once(books: Books) -> None:
    """More calls at once than slots are refused with GW-0010, counted, and without effect."""
    books.items("A")
    books.put("K")
    books.change(intacct_ms=2_000)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda units: books.create("K", "A", units), (1, 2, 3, 4)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [fault(answer) for answer in refused] == [(429, "GW-0010")] * 2
    assert refused[0].headers["X-IA-Throttle-Limit-Retry-After"] == "1"
    counts = books.counts()
    assert (counts["most_calls_at_once"] > 2, counts["violations"], len(books.lines("K"))) == (True, {"slots": 2}, 2)


def test_slots_set(books: Books) -> None:
    """The slots are a company's setting; 0 is no limit."""
    books.change(companies={"demo": {"intacct_slots": 0}}, intacct_ms=300)
    with ThreadPoolExecutor(4) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: books.http.get(COMPONENTS), range(4))} == {200}


def test_calls_by_route(books: Books) -> None:
    """Calls are counted by route template and status."""
    books.http.get(f"{COMPONENTS}/404")
    books.query()
    counts = books.counts()
    assert counts["routes"] == {
        "GET /objects/inventory-control/kit-component/{key}": {"404": 1},
        "POST /services/core/query": {"200": 1},
    }
    assert (counts["calls"], counts["token_calls"]) == (2, 1)
