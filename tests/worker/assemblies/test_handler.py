"""What the lane's loop calls for Visma."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.worker.assemblies.company import NOW, ZONE, Company, job_of, refused, release_of, settings_of
from worker.assemblies.handler import FEWEST_OLD, TEACHERS, VismaHandler
from worker.assemblies.visma_clock import LEARNED
from worker.clients.base import ClientPool
from worker.clients.visma.client import VismaClient
from worker.connections import Meter
from worker.jobs.limits import ConnectionState
from worker.jobs.states import State
from worker.reports import observer

if TYPE_CHECKING:
    from worker.handling import Finding, Look

AT = datetime.fromtimestamp(NOW, UTC)
KNOWN = ConnectionState(learned={LEARNED: ZONE})


def handler_of(company: Company, **settings: Any) -> VismaHandler:
    """A handler whose client reports to its meter."""
    chosen, meter = settings_of(**settings), Meter()
    client = VismaClient(chosen, ClientPool(transport=company), httpx.Auth(), observer(meter))
    return VismaHandler(chosen, client, meter, lambda: NOW)


def sizes(looks: list[Look]) -> list[int]:
    """How many jobs each look is about; no job stands in two."""
    ids = [job.id for look in looks for job in look.jobs]
    assert len(ids) == len(set(ids))
    return [len(look.jobs) for look in looks]


def findings(looks: list[Look]) -> dict[str, Finding]:
    """All looks taken, by job."""
    return {finding.job.id: finding for look in looks for finding in look.run()}


def test_one_list() -> None:
    """Many releases make one look, and one call."""
    company = Company()
    looks = handler_of(company).looks([release_of(number) for number in range(1000)], KNOWN, AT)

    assert sizes(looks) == [1000]
    findings(looks)
    assert len(company.asked) == 1


@pytest.mark.parametrize(("jobs", "expected"), [(1, [1]), (2, [1, 1]), (3, [3])])
def test_few_jobs(jobs: int, expected: list[int]) -> None:
    """Two jobs cost as much alone as in a list, and get more said of them."""
    assert sizes(handler_of(Company()).looks([release_of(number) for number in range(jobs)], KNOWN, AT)) == expected


def test_what_is_listed() -> None:
    """Releases and marked creates are listed; updates, deletes and those to be asked about alone are not."""
    alone = [job_of("update_kit_assembly"), job_of("delete_kit_assembly"), release_of(7, progress={"single": True})]
    listed = [release_of(1), release_of(2), job_of("create_kit_assembly")]

    looks = handler_of(Company()).looks([*alone, *listed], KNOWN, AT)

    assert {job.id for job in looks[0].jobs} == {job.id for job in listed}
    assert {job.id for look in looks[1:] for job in look.jobs} == {job.id for job in alone}


def test_unmarked_creates_are_alone() -> None:
    """Without marks a list can't tell whose document is whose."""
    looks = handler_of(Company(), mark_description=False).looks([job_of("create_kit_assembly") for _ in range(5)], KNOWN, AT)

    assert sizes(looks) == [1] * 5


def test_as_few_threads_as_slots() -> None:
    """Single looks share the slots evenly, 25 in turn at most; an admin's slots hold."""
    jobs = [job_of("update_kit_assembly") for _ in range(100)]

    assert sizes(handler_of(Company()).looks(jobs, KNOWN, AT)) == [13] * 7 + [9]
    assert sizes(handler_of(Company()).looks(jobs, replace(KNOWN, slots=2), AT)) == [25] * 4


@pytest.mark.parametrize(("old", "expected"), [(FEWEST_OLD, 30), (FEWEST_OLD + 1, 51)])
def test_old_ones_apart(old: int, expected: int) -> None:
    """A few old jobs would stretch the list over hours: they are asked about alone; many are worth a long list."""
    jobs = [release_of(number) for number in range(30)] + [release_of(100 + number, sent=601.0) for number in range(old)]

    looks = handler_of(Company()).looks(jobs, KNOWN, AT)

    assert sizes(looks)[0] == expected
    assert sum(sizes(looks)) == len(jobs)


def test_unknown_zone() -> None:
    """Before the zone is known nothing is listed: some are read one by one, in parallel, each once."""
    jobs = [release_of(number, sent=601.0) for number in range(100)]

    assert sizes(handler_of(Company()).looks(jobs, ConnectionState(), AT)) == [1] * TEACHERS
    assert sizes(handler_of(Company(), slots=3).looks(jobs, ConnectionState(), AT)) == [1] * 3


@pytest.mark.parametrize("kind", ["release_kit_assembly", "create_kit_assembly"])
def test_zone_is_learned(kind: str) -> None:
    """The first fresh document, released or created, tells the zone: for this process at once, for the others by the ledger."""
    company = Company()
    company.document(1, "R", ago=3.0)
    company.operation("Finished", 200, responseHeaders={"Location": "/v1/kitassembly/P/000001"})
    handler = handler_of(company)

    findings(handler.looks([job_of(kind)], ConnectionState(), AT))

    assert handler.meter.take(0).learned == {LEARNED: ZONE}
    assert sizes(handler.looks([release_of(number) for number in range(20)], ConnectionState(), AT)) == [20]


def test_old_document_does_not_teach() -> None:
    """A document that was released long before we asked says nothing of the zone."""
    company = Company()
    company.document(1, "R", ago=500.0)
    handler = handler_of(company)

    findings(handler.looks([job_of(notified_at=AT)], ConnectionState(), AT))

    assert handler.meter.take(0).learned == {}


def test_exchanges_are_kept() -> None:
    """What was said in a start and in a single look stands with the job."""
    company = Company()
    handler = handler_of(company)

    assert [exchange.status for exchange in handler.start(job_of(sent=None)).exchanges] == [202]
    (found,) = findings(handler.looks([job_of("delete_kit_assembly")], KNOWN, AT)).values()
    assert [exchange.method for exchange in found.exchanges] == ["GET", "GET"]


def test_bad_record_stops_no_one() -> None:
    """A record that we can't digest makes the list useless, and fails no job: each is asked about alone."""
    company = Company()
    jobs = [release_of(number) for number in range(1, 4)] + [job_of("create_kit_assembly")]
    company.document(1, "R", description=17)

    with capture_logs() as logs:
        found = findings(handler_of(company).looks(jobs, KNOWN, AT))

    assert {finding.verdict.state for finding in found.values()} <= {State.WAITING, State.SUCCEEDED}
    assert logs


def test_bug_hurts_one() -> None:
    """A fault of ours in the look at one job fails that job, not those that share its thread."""
    company = Company()
    company.document(2)
    good = job_of("delete_kit_assembly", arguments={"type": "P", "ref_no": "000001"})
    bad = job_of("update_kit_assembly", arguments={"type": "P", "ref_no": "000002", "kit_allocations": 7}, progress={"finished": True})

    with capture_logs():
        found = findings(handler_of(company, slots=1).looks([bad, good], KNOWN, AT))

    assert found[good.id].verdict.state is State.SUCCEEDED
    error = found[bad.id].verdict.error
    assert error is not None
    assert error.error_class == "bug"


@pytest.mark.parametrize(
    ("answer", "failures"),
    [(None, 0), (refused(500), 1), (refused(429), 1), (refused(401), 1), (refused(403), 0), (httpx.ConnectError("none"), 1)],
)
def test_probe(answer: httpx.Response | Exception | None, failures: int) -> None:
    """One smallest list. An answer that lets us in is a good sign, whatever it says; being down, or kept out, is one failure."""
    company = Company()
    if answer is not None:
        company.next.append(answer)
    handler = handler_of(company)

    handler.probe()

    report = handler.meter.take(0)
    assert len(company.asked) == 1
    assert "pageSize=1" in company.asked[0]
    assert (report.failures, report.oks) == (failures, 0 if failures else 1)


def test_kept_out() -> None:
    """A 401 that a fresh token did not cure counts against the connection, so that a thousand jobs do not try it each."""
    company = Company()
    company.writes.append(refused(401))
    handler = handler_of(company)

    handler.start(job_of(sent=None))

    assert handler.meter.take(0).failures == 1


@pytest.mark.parametrize("answer", [refused(503), refused(429, retry_after="2"), httpx.ConnectError("none")])
def test_dead_erp_ends_a_turn(answer: httpx.Response | Exception) -> None:
    """Of the jobs that one thread looks at in turn, the first that finds the ERP away is the last; the others come again."""
    company = Company()
    company.next.append(answer)
    jobs = [job_of("delete_kit_assembly", arguments={"type": "P", "ref_no": f"{number:06}"}) for number in range(20)]
    looks = handler_of(company, slots=1).looks(jobs, KNOWN, AT)

    found = findings(looks)

    assert (len(looks), len(found), len(company.asked)) == (1, 1, 1)
