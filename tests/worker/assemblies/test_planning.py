"""The documents of a selection, page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.assemblies.company import NOW, ZONE, Company, refused
from worker.assemblies import planning
from worker.assemblies.planning import MOST_PASSES, next_page
from worker.clients.visma.records import Accepted, BackgroundState
from worker.clients.visma.records import Page as VismaPage
from worker.errors import CallError, RateLimited, Rejected
from worker.jobs.model import Batch, new_id
from worker.jobs.states import BatchState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.handling import Page


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PAGE", 10)


def batch_of(**select: Any) -> Batch:
    """A batch that looks for its documents."""
    return Batch(
        id=new_id(),
        tenant="acme",
        erp="visma",
        kind="release_kit_assembly",
        name="",
        state=BatchState.PLANNING,
        made_by="test",
        created_at=datetime.fromtimestamp(NOW, UTC),
        select=select,
        tags=("fair",),
        priority=3,
    )


def planned(company: Company, batch: Batch) -> Iterator[Page]:
    """Page after page, each read with nothing but what the one before it remembered."""
    while True:
        page = next_page(company.client(), batch, 8, ZONE)
        yield page
        if page.last:
            return
        batch = replace(batch, planned=page.planned)


def filled(count: int) -> Company:
    """A company with so many balanced documents."""
    company = Company()
    for number in range(1, count + 1):
        company.document(number, ago=1000.0 - number)
    return company


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 35])
def test_all_pages(count: int) -> None:
    """Every document is found once, on as few pages as hold them."""
    company = filled(count)

    pages = list(planned(company, batch_of(status="B", type="P")))

    assert [new.arguments["ref_no"] for page in pages for new in page.news] == [f"{number:06}" for number in range(1, count + 1)]
    assert len(company.asked) == max(1, -(-count // 10))


def test_new_jobs() -> None:
    """A job of the batch has its document as subject and the batch's priority and tags."""
    batch = batch_of(status="B")

    (new,) = next_page(filled(1).client(), batch, 5, ZONE).news

    assert (new.batch, new.subject, new.reference) == (batch.id, "kit-assembly/P/000001", "P/000001")
    assert (new.priority, new.tags, new.max_attempts) == (3, ("fair",), 5)


def test_goes_on_after_restart() -> None:
    """The next page follows what the ledger remembers, not what a process did."""
    company = filled(35)
    batch = replace(batch_of(status="B"), planned={"page": 3, "pass": 1, "total": 35})

    page = next_page(company.client(), batch, 8, ZONE)

    assert [new.arguments["ref_no"] for new in page.news] == [f"{number:06}" for number in range(21, 31)]
    assert page.planned == {"page": 4, "pass": 1, "total": 35}


def test_changing_list_is_read_again() -> None:
    """When a document leaves the list while it is read, another slips over a page's border; a second pass finds it."""
    company, found = filled(25), set()
    batch = batch_of(status="B")
    for number, page in enumerate(planned(company, batch)):
        found |= {new.arguments["ref_no"] for new in page.news}
        if number == 0:
            del company.documents["P/000001"]

    assert found == {f"{number:06}" for number in range(1, 26)}


def test_passes_end() -> None:
    """A list that never stands still is not read for ever."""
    company = filled(25)
    pages = 0
    for _ in planned(company, batch_of(status="B")):
        pages += 1
        company.document(100 + pages)

    assert pages <= MOST_PASSES * 6
    assert len({call for call in company.asked if "pageNumber=1&" in call}) == 1
    assert company.count("GET /v1/kitassembly?status=B&pageNumber=1&") == MOST_PASSES


def test_created_between() -> None:
    """Visma takes one border of each time: `since` is its filter, `until` is kept here, on Visma's clock."""
    company = filled(30)
    since, until = datetime.fromtimestamp(NOW - 990, UTC), datetime.fromtimestamp(NOW - 985, UTC)

    pages = list(planned(company, batch_of(status="B", created_since=since.isoformat(), created_until=until.isoformat())))

    assert [new.arguments["ref_no"] for page in pages for new in page.news] == ["000010", "000011", "000012", "000013", "000014"]


def test_created_until() -> None:
    """Alone, `until` is Visma's own filter."""
    company = filled(30)
    until = datetime.fromtimestamp(NOW - 995, UTC)

    pages = list(planned(company, batch_of(created_until=until.isoformat())))

    assert [new.arguments["ref_no"] for page in pages for new in page.news] == ["000001", "000002", "000003", "000004"]
    assert "createdDateTimeCondition=%3C" in company.asked[0]


@pytest.mark.parametrize(
    ("created", "taken"),
    [
        ("2027-01-15 08:59:59", True),
        ("2027-01-15 09:00:01", False),
        ("2027-01-15T09:00:00", False),
        ("2027-01-15T08:59:59.9", True),
        ("2027-01-15T09:59:59+02:00", True),
        ("2027-01-15T08:00:00Z", False),
        ("2027-01-15T07:59:59Z", True),
    ],
)
def test_until_in_any_writing(created: str, taken: bool) -> None:  # noqa: FBT001
    """A time is compared as a time: with a space in its middle, with a zone, with a fraction."""
    company = Company()
    company.document(1, createdDateTime=created)

    page = next_page(
        company.client(), batch_of(created_since="2020-01-01T00:00:00+00:00", created_until="2027-01-15T08:00:00+00:00"), 8, ZONE
    )

    assert bool(page.news) is taken


def test_modified_since() -> None:
    """Modification is Visma's filter."""
    company = filled(30)
    since = datetime.fromtimestamp(NOW - 975, UTC)

    pages = list(planned(company, batch_of(modified_since=since.isoformat())))

    assert [new.arguments["ref_no"] for page in pages for new in page.news] == [f"{number:06}" for number in range(25, 31)]


@pytest.mark.parametrize(("status", "expected"), [(429, RateLimited), (500, CallError)])
def test_call_fails(status: int, expected: type[CallError]) -> None:
    """A page that can't be read is the caller's to try again."""
    company = Company()
    company.next.append(refused(status))

    with pytest.raises(expected):
        next_page(company.client(), batch_of(status="B"), 8, ZONE)


class Told:
    """A client whose background operation tells this time; everything else it is asked is an empty page."""

    def __init__(self, received: str | None) -> None:
        self.received = received
        self.asked: list[Any] = []

    def list_kit_assemblies(self, *_: object, **options: object) -> Accepted:
        """A background read."""
        self.asked.append(options["background"])
        return Accepted(id="5d0c")

    def background_state(self, _operation: str) -> BackgroundState:
        """Its state."""
        return BackgroundState(received_utc=self.received)

    def list_statuses(self, wanted: Any, **_: object) -> Any:
        """No documents."""
        self.asked.append(wanted)
        return VismaPage(records=(), total_count=0)


def test_zone_asked_first() -> None:
    """A selection by time waits until the zone is known: a background read's state tells it, by its offset."""
    client: Any = Told("2026-11-21T10:20:53.75+01:00")
    next_page(client, batch_of(created_since="2026-11-21T08:00:00Z"), 8, None)
    assert client.asked[0] == "none"
    assert client.asked[1].created == datetime(2026, 11, 21, 9, 0)  # noqa: DTZ001 - Visma's own clock


@pytest.mark.parametrize("received", [None, "", "soon", "2026-11-21T10:20:53.75Z", "2026-11-21T10:20:53.75+00:00"])
def test_zone_unknown(received: str | None) -> None:
    """A zone that nothing tells is not guessed: the batch ends with the reason. Without times in the selection none is needed."""
    client: Any = Told(received)
    with pytest.raises(Rejected, match="time zone is not known"):
        next_page(client, batch_of(created_until="2026-11-21T08:00:00Z"), 8, None)
    assert next_page(client, batch_of(status="B"), 8, None).last
