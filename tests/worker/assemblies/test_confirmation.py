"""Many waiting jobs settled by few list calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.worker.assemblies.company import NOW, ZONE, Company, job_of, refused, release_of, settings_of
from worker.assemblies.confirmation import LISTS_BEFORE_POLL, MARGIN, MOST_LISTS, OLDEST, confirm
from worker.assemblies.seeing import mark_of
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict


def confirmed(company: Company, jobs: list[Job], at: float = NOW, **settings: Any) -> dict[str, Verdict]:
    """The verdicts by job; each job has one."""
    chosen = settings_of(**settings)
    found = confirm(company.client(chosen), chosen, jobs, at, ZONE)
    assert sorted(job.id for job, _ in found) == sorted(job.id for job in jobs)
    return {job.id: verdict for job, verdict in found}


def singles(found: dict[str, Verdict]) -> list[str]:
    """The jobs that are to be asked about one by one."""
    return [key for key, verdict in found.items() if verdict.progress.get("single")]


def test_one_list_for_many() -> None:
    """A thousand releases are seen with one call."""
    company = Company()
    jobs = [release_of(number) for number in range(1, 1001)]
    for number in range(1, 1001):
        company.document(number, "R")

    found = confirmed(company, jobs)

    assert {verdict.state for verdict in found.values()} == {State.SUCCEEDED}
    assert len(company.asked) == 1


def test_border() -> None:
    """The list begins a margin before the earliest of the jobs was sent, on Visma's clock."""
    company = Company()

    confirmed(company, [release_of(1, sent=5.0), release_of(2, sent=50.0), release_of(3, sent=20.0)])

    query = {name: values[0] for name, values in parse_qs(company.asked[0].partition("?")[2]).items()}
    border = datetime.fromtimestamp(NOW - 50.0, UTC) - MARGIN + timedelta(minutes=ZONE)
    assert query["lastModifiedDateTime"] == f"{border:%Y-%m-%dT%H:%M:%S}.000"
    assert query["lastModifiedDateTimeCondition"] == ">="
    assert query["status"] == "R"


def test_others_are_left_alone() -> None:
    """Documents of other people in the list settle nothing, and neither does one that is not released."""
    company = Company()
    jobs = [release_of(number) for number in range(1, 5)]
    company.document(1, "R")
    company.document(2, "B")
    company.document(900, "R")

    found = confirmed(company, jobs)

    assert [found[job.id].state for job in jobs] == [State.SUCCEEDED, State.WAITING, State.WAITING, State.WAITING]


def test_oldest_are_asked() -> None:
    """Of many that no list shows yet, only the oldest few are asked about one by one: one in twenty, and three at least."""
    jobs = [release_of(number, sent=10.0 + number) for number in range(1, 201)]

    found = confirmed(Company(), jobs)

    assert sorted(singles(found)) == sorted(job.id for job in jobs[-10:])
    assert all(verdict.wait == 0.0 for key, verdict in found.items() if key in singles(found))
    assert min(verdict.wait or 0.0 for key, verdict in found.items() if key not in singles(found)) >= 30.0
    assert len(singles(confirmed(Company(), jobs[:5]))) == OLDEST


def test_notified_are_asked() -> None:
    """Each that Visma says has ended is asked about at once."""
    told = datetime.fromtimestamp(NOW, UTC)
    jobs = [release_of(number, sent=100.0 - number, notified_at=told if number > 40 else None) for number in range(1, 51)]

    found = confirmed(Company(), jobs)

    assert {job.id for job in jobs[40:]} <= set(singles(found))
    assert len(singles(found)) == 10 + OLDEST


@pytest.mark.parametrize(
    ("lists", "overtaken", "asked"),
    [(LISTS_BEFORE_POLL, True, True), (LISTS_BEFORE_POLL - 1, True, False), (LISTS_BEFORE_POLL, False, False), (MOST_LISTS, False, True)],
)
def test_later_lists(lists: int, overtaken: bool, asked: bool) -> None:  # noqa: FBT001
    """A job that a second list does not show is asked about if one that was sent later is done; if none is, a fifth list decides."""
    company = Company()
    older = [release_of(number, sent=200.0 - number) for number in range(1, 50)]
    late = release_of(50, sent=50.0, progress={"polls": lists - 1})
    later = release_of(51, sent=40.0)
    company.document(51, "R" if overtaken else "B")

    assert (late.id in singles(confirmed(company, [*older, late, later]))) is asked


@pytest.mark.parametrize(("sent", "asked"), [(119.0, False), (121.0, True)])
def test_doubtful_are_asked(sent: float, asked: bool) -> None:  # noqa: FBT001
    """A job in doubt is asked about once the second look is due."""
    jobs = [release_of(number, sent=200.0) for number in range(1, 50)]
    doubtful = release_of(50, sent=sent, progress={"doubt": True})

    assert (doubtful.id in singles(confirmed(Company(), [*jobs, doubtful]))) is asked


def test_finished_are_not_asked() -> None:
    """An operation that has ended well needs no more asking: its document is awaited, rarer and rarer."""
    jobs = [release_of(number, progress={"finished": True, "late": number}) for number in range(5)]

    found = confirmed(Company(), jobs)

    assert not singles(found)
    waits = [found[job.id].wait or 0.0 for job in jobs]
    assert waits == sorted(waits)
    assert [found[job.id].progress["late"] for job in jobs] == [1, 2, 3, 4, 5]


def test_finished_for_a_day() -> None:
    """One that never shows is handed on to be given up, though it finished well and stands among many."""
    jobs = [release_of(number, sent=79_201.0, progress={"finished": True, "late": 90}) for number in range(30)]

    assert len(singles(confirmed(Company(), jobs))) == 30


def test_stops_early() -> None:
    """When each job is found, no further page is asked for."""
    company = Company(page=20)
    for number in range(1, 101):
        company.document(number, "R")

    found = confirmed(company, [release_of(number) for number in range(1, 41)])

    assert {verdict.state for verdict in found.values()} == {State.SUCCEEDED}
    assert len(company.asked) == 2


@pytest.mark.parametrize(("jobs", "pages"), [(3, 1), (19, 1), (20, 2), (45, 3)])
def test_page_cap(jobs: int, pages: int) -> None:
    """A list is read no further than it saves calls: one page, and one more for each twenty jobs."""
    company = Company(page=10)
    for number in range(1, 101):
        company.document(number, "R")

    confirmed(company, [release_of(number) for number in range(500, 500 + jobs)])

    assert len(company.asked) == pages


@pytest.mark.parametrize("answer", [refused(500), refused(400), httpx.ReadTimeout("silence"), httpx.Response(200, json={"records": [{}]})])
def test_list_fails(answer: httpx.Response | Exception) -> None:
    """Where the list fails, each is asked about alone."""
    company = Company()
    company.next.append(answer)

    found = confirmed(company, [release_of(number) for number in range(5)])

    assert len(singles(found)) == 5
    assert {verdict.wait for verdict in found.values()} == {0.0}


def test_second_page_fails() -> None:
    """What the first page has shown stands, whatever becomes of the second."""
    company = Company(page=10)
    jobs = [release_of(number) for number in range(1, 41)]
    for number in range(1, 41):
        company.document(number, "R")
    company.asked = Once(company)

    found = confirmed(company, jobs)

    assert [verdict.state for verdict in found.values()].count(State.SUCCEEDED) == 10
    assert len(singles(found)) == 30


class Once(list[str]):
    """Lets the first call pass, and makes the second one fail."""

    def __init__(self, company: Company) -> None:
        super().__init__()
        self._company = company

    def append(self, call: str) -> None:
        """Note one call."""
        super().append(call)
        if len(self) == 2:
            self._company.next.append(refused(500))


def test_list_refused() -> None:
    """A list that is refused for too many calls makes all wait as long as Visma says; nobody is asked about alone."""
    company = Company()
    company.next.append(refused(429, Retry_After="33"))

    found = confirmed(company, [release_of(number) for number in range(5)])

    assert not singles(found)
    assert {verdict.wait for verdict in found.values()} == {33.0}


def test_marked_creates() -> None:
    """Creates are found by their marks, in a list of their own, and their releases follow."""
    company = Company()
    creates = [job_of("create_kit_assembly") for _ in range(3)]
    releases = [release_of(number) for number in range(1, 4)]
    for number, job in enumerate(creates, start=50):
        company.document(number, description=f"For [kr:000000000000] {mark_of(job.id)}")
    for number in range(1, 4):
        company.document(number, "R")

    found = confirmed(company, [*creates, *releases])

    assert {verdict.state for verdict in found.values()} == {State.SUCCEEDED}
    assert [found[job.id].result["ref_no"] for job in creates] == ["000050", "000051", "000052"]
    assert all(len(found[job.id].follow) == 1 for job in creates)
    assert len(company.asked) == 2
