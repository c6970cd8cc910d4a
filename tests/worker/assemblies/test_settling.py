"""How one waiting job stands: operation, then document."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.assemblies.company import KIND_NAMES, NOW, OPERATION, ZONE, Company, job_of, refused, settings_of
from worker.assemblies.seeing import mark_of
from worker.assemblies.settling import Settler
from worker.assemblies.starting import start
from worker.jobs.states import State
from worker.jobs.verdicts import Verdict, after
from worker.settings import Retries

if TYPE_CHECKING:
    from worker.jobs.model import Job

DOUBT = {"doubt": True}


def look(company: Company, job: Job, at: float = NOW, **settings: Any) -> Verdict:
    """One look at a job."""
    chosen = settings_of(**settings)
    return Settler(company.client(chosen), chosen, at, ZONE).look(job)


def error_class(verdict: Verdict) -> str | None:
    """Why it failed."""
    return verdict.error.error_class if verdict.error else None


@pytest.mark.parametrize("status", ["Started", "Queued", "Cancelled", None])
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_not_ended(kind: str, status: str | None) -> None:
    """Any state that Visma does not document as an end is none: the job goes on waiting."""
    company = Company()
    company.operation(status or "")

    verdict = look(company, job_of(kind))

    assert (verdict.state, verdict.progress["polls"]) == (State.WAITING, 1)
    assert company.asked == [f"GET /v1/background/{OPERATION}"]


def test_released() -> None:
    """Finished with 200 and a document with status R: done, by two calls."""
    company = Company()
    company.document(1, "R")
    company.operation("Finished", 200)

    verdict = look(company, job_of())

    assert verdict.state is State.SUCCEEDED
    assert verdict.result["status"] == "R"
    assert len(company.asked) == 2


def test_release_by_notification() -> None:
    """After a notification the document alone will mostly do: one call."""
    company = Company()
    company.document(1, "R")

    verdict = look(company, job_of(notified_at=datetime.fromtimestamp(NOW, UTC)))

    assert verdict.state is State.SUCCEEDED
    assert company.asked == ["GET /v1/kitassembly/P/000001"]


def test_notification_lies() -> None:
    """A notification for an operation that still runs changes nothing."""
    company = Company()
    company.document(1, "B")
    company.operation("Started")

    assert look(company, job_of(notified_at=datetime.fromtimestamp(NOW, UTC))).state is State.WAITING


def test_late_release() -> None:
    """Finished with 200 and a document still B is no success: it is read again, soon at first; its operation is asked no more."""
    company = Company()
    company.document(1, "B")
    company.operation("Finished", 200)
    job = job_of()

    first = look(company, job)
    job = after(job, first, datetime.fromtimestamp(NOW, UTC), Retries(), 0.0)
    company.asked.clear()
    second = look(company, job, NOW + 2)
    company.document(1, "R")
    third = look(company, after(job, second, datetime.fromtimestamp(NOW + 2, UTC), Retries(), 0.0), NOW + 6)

    assert first.state is second.state is State.WAITING
    assert first.wait is not None
    assert second.wait is not None
    assert 2.0 <= first.wait < second.wait
    assert third.state is State.SUCCEEDED
    assert not company.count("GET /v1/background")


def test_created_by_location() -> None:
    """A create is read by the number that its operation names, whatever host stands before it, and its release follows."""
    company = Company()
    company.document(7, "B")
    company.operation("Finished", 201, responseHeaders={"location": "https://elsewhere.test/v1/kitassembly/P/000007"})
    job = job_of("create_kit_assembly")

    verdict = look(company, job)

    assert verdict.state is State.SUCCEEDED
    assert verdict.result["ref_no"] == "000007"
    assert [(new.kind, new.subject) for new in verdict.follow] == [("release_kit_assembly", "kit-assembly/P/000007")]
    assert company.asked[-1] == "GET /v1/kitassembly/P/000007"


@pytest.mark.parametrize("mark", [True, False])
def test_created_but_unreadable(mark: bool) -> None:  # noqa: FBT001
    """A number that was named once is kept: if it can't be read yet, it is read at the next look, mark or no mark."""
    company = Company()
    company.operation("Finished", 201, responseHeaders={"Location": "/v1/kitassembly/P/000007"})
    job = job_of("create_kit_assembly")

    job = after(job, look(company, job, mark_description=mark), datetime.fromtimestamp(NOW, UTC), Retries(), 0.0)
    company.document(7, "B", itemID="SOMETHING ELSE")
    verdict = look(company, job, NOW + 2, mark_description=mark)

    assert (job.state, verdict.state) == (State.WAITING, State.SUCCEEDED)
    assert verdict.result["ref_no"] == "000007"


def test_created_by_mark() -> None:
    """Where the operation names no number, the document is found by our mark."""
    company = Company()
    company.operation("Finished", 201)
    job = job_of("create_kit_assembly")
    company.document(6, "B", description="For the fair [kr:000000000000]")
    company.document(7, "B", description=f"For the fair {mark_of(job.id)}")

    assert look(company, job).result["ref_no"] == "000007"


@pytest.mark.parametrize(
    ("shown", "state"), [({"quantity": 3.0, "description": "Changed"}, State.SUCCEEDED), ({"quantity": 1.0}, State.WAITING)]
)
def test_update(shown: dict[str, Any], state: State) -> None:
    """An update is done when the document shows what was written."""
    company = Company()
    company.document(1, **shown)
    company.operation("Finished", 204)

    assert look(company, job_of("update_kit_assembly")).state is state


@pytest.mark.parametrize(("there", "state"), [(False, State.SUCCEEDED), (True, State.WAITING)])
def test_delete(there: bool, state: State) -> None:  # noqa: FBT001
    """A delete is done when the document is gone."""
    company = Company()
    company.operation("Finished", 204)
    if there:
        company.document(1)

    assert look(company, job_of("delete_kit_assembly")).state is state


@pytest.mark.parametrize(
    ("kind", "expected"), [("update_kit_assembly", "conflict"), ("delete_kit_assembly", "conflict"), ("create_kit_assembly", "in_doubt")]
)
def test_never_shown(kind: str, expected: str) -> None:
    """What Visma calls done and does not show after the second look is a matter for a person."""
    company = Company()
    if kind != "create_kit_assembly":
        company.document(1)
    job = job_of(kind, progress={"finished": True, "finished_at": NOW - 121})

    assert error_class(look(company, job)) == expected


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_refused(kind: str) -> None:
    """Finished with 400 fails the job with the words of the stored answer."""
    company = Company()
    company.document(1)
    company.operation("Finished", 400, content={"message": "Inventory quantity for KIT-0001 will go negative."})

    verdict = look(company, job_of(kind))

    assert (verdict.state, error_class(verdict)) == (State.FAILED, "validation")
    assert verdict.error is not None
    assert verdict.error.message == "Inventory quantity for KIT-0001 will go negative."
    assert verdict.error.status == 400


@pytest.mark.parametrize(
    ("code", "expected"), [(401, "auth"), (403, "auth"), (404, "missing_reference"), (409, "conflict"), (422, "validation")]
)
def test_refused_without_words(code: int, expected: str) -> None:
    """Where there are no words, the status alone tells the class."""
    company = Company()
    company.document(1)
    company.operation("Finished", code)

    assert error_class(look(company, job_of())) == expected


def test_released_already() -> None:
    """A release that is refused because the document is released already is done."""
    company = Company()
    company.document(1, "R")
    company.operation("Finished", 400, content={"message": "It can't be released because it is already released."})

    assert look(company, job_of()).state is State.SUCCEEDED


def test_refused_after_an_earlier_start() -> None:
    """A repeated create that is refused, because the first one took effect late, has been done by that one."""
    company = Company()
    job = job_of("create_kit_assembly", attempt=1, arguments={"type": "P", "ref_no": "000009", "item_id": "KIT-0001", "quantity": 2})
    company.document(9, description=mark_of(job.id), ago=5)
    company.operation("Finished", 400, content={"message": "Kit Assembly P, 000009 already exists."})

    assert look(company, job).state is State.SUCCEEDED


@pytest.mark.parametrize("attempt", [0, 1])
def test_delete_of_nothing(attempt: int) -> None:
    """A delete that finds nothing is done if an earlier one may have done it; else the document never was."""
    company = Company()
    company.operation("Finished", 404, content={"message": "It cannot be found."})

    verdict = look(company, job_of("delete_kit_assembly", attempt=attempt))

    assert verdict.state is (State.SUCCEEDED if attempt else State.FAILED)


@pytest.mark.parametrize(
    ("status", "code"), [("Finished", 500), ("Finished", 503), ("Finished", 429), ("Finished", 408), ("Failed", 0), ("Failed", 500)]
)
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_broken(kind: str, status: str, code: int) -> None:
    """An operation that Visma could not carry out is tried again, after a look and not before the second look."""
    company = Company()
    company.document(1)
    company.operation(status, code, errorMessage="The worker stopped.")

    verdict = look(company, job_of(kind))

    assert (verdict.state, verdict.counts, error_class(verdict)) == (State.RETRYING, True, "unavailable")
    assert verdict.progress["look_first"] is True
    assert verdict.progress["past"] == [OPERATION]
    assert verdict.wait == 110.0


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_broken_but_done(kind: str) -> None:
    """An operation that failed after its effect is done: the document shows it."""
    company = Company()
    job = job_of(kind)
    shown = {"quantity": 3.0, "description": "Changed"} if kind == "update_kit_assembly" else {"description": mark_of(job.id)}
    if kind != "delete_kit_assembly":
        company.document(1, "R" if kind == "release_kit_assembly" else "B", **shown)
    company.operation("Failed")

    assert look(company, job).state is State.SUCCEEDED


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_forgotten(kind: str) -> None:
    """An operation that Visma knows no more: the document is read, and nothing is written before the second look from then on."""
    company = Company()
    company.document(1)
    job = job_of(kind, sent=1000.0)

    first = look(company, job)
    job = after(job, first, datetime.fromtimestamp(NOW, UTC), Retries(), 0.0)
    early = look(company, job, NOW + 60)
    late = look(company, job, NOW + 121)

    assert first.state is early.state is State.WAITING
    assert first.wait == 120.5
    assert (late.state, late.counts) == (State.QUEUED, False)
    assert company.count(f"GET /v1/background/{OPERATION}") == 1


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_doubt_before_second_look(kind: str) -> None:
    """After an unclear end nothing is written before `second_look` has passed, though nothing shows yet."""
    company = Company()
    company.document(1)

    verdict = look(company, job_of(kind, sent=119.0, erp_id=None, attempt=1, progress=DOUBT))

    assert verdict.state is State.WAITING
    assert verdict.wait == 1.5


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_doubt_after_second_look(kind: str) -> None:
    """Then it is sent again, after one more look: it may stand in the queue for long, and news may come there."""
    company = Company()
    company.document(1)

    verdict = look(company, job_of(kind, sent=121.0, erp_id=None, attempt=1, progress=DOUBT))

    assert (verdict.state, verdict.counts) == (State.QUEUED, False)
    assert verdict.progress["look_first"] is True


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_doubt_that_was_done(kind: str) -> None:
    """What the document shows is never written again, however unclear the answer was."""
    company = Company()
    job = job_of(kind, sent=500.0, erp_id=None, attempt=1, progress=DOUBT)
    shown = {"quantity": 3.0, "description": "Changed"} if kind == "update_kit_assembly" else {"description": mark_of(job.id)}
    if kind != "delete_kit_assembly":
        company.document(1, "R" if kind == "release_kit_assembly" else "B", ago=400, **shown)

    verdict = look(company, job)

    assert verdict.state is State.SUCCEEDED
    assert all(call.startswith("GET") for call in company.asked)


def test_done_in_the_queue() -> None:
    """A release that takes effect while its second start stands in the queue is not sent twice."""
    company = Company()
    company.document(1)
    job = job_of(sent=121.0, erp_id=None, attempt=1, progress=DOUBT)
    job = after(job, look(company, job), datetime.fromtimestamp(NOW, UTC), Retries(), 0.0)
    company.document(1, "R")

    verdict = start(company.client(), settings_of(), replace(job, state=State.RUNNING), NOW + 9, ZONE)

    assert verdict.state is State.SUCCEEDED
    assert not company.count("POST")


def test_failures_are_spaced() -> None:
    """The same failing request goes out at most twice within the repeat window, though a second look takes less."""
    company = Company()
    company.document(1)
    sent: list[float] = []
    job, now = job_of(sent=None), NOW
    while job.state is not State.FAILED and len(sent) < 6:
        company.writes.append(refused(500))
        sent.append(now)
        job = after(job, start(company.client(), settings_of(), job, now, ZONE), datetime.fromtimestamp(now, UTC), Retries(), 0.0)
        while job.state is State.WAITING:
            now = max(now + 1, job.due_at.timestamp())
            job = after(job, look(company, job, now), datetime.fromtimestamp(now, UTC), Retries(), 0.0)
        now = max(now, job.due_at.timestamp())
        job = replace(job, state=State.RUNNING)

    assert len(sent) == 6
    assert all(third - first >= 300.0 for first, third in zip(sent, sent[2:], strict=False))


def test_out_of_attempts() -> None:
    """A job in doubt that has no attempt left fails as in doubt."""
    company = Company()
    company.document(1)

    assert error_class(look(company, job_of(sent=121.0, erp_id=None, attempt=8, progress=DOUBT))) == "in_doubt"


@pytest.mark.parametrize("kind", ["release_kit_assembly", "update_kit_assembly"])
def test_document_is_gone(kind: str) -> None:
    """Nobody can release or change what does not exist."""
    assert error_class(look(Company(), job_of(kind, sent=5.0, erp_id=None, progress=DOUBT))) == "missing_reference"


@pytest.mark.parametrize("shown", [{"itemID": "KIT-0001", "quantity": 2.0}, {"itemID": " kit-0001", "quantity": 2.004}])
def test_create_without_mark(shown: dict[str, Any]) -> None:
    """Without a mark a document of the same item and quantity may be ours, however Visma writes them: never twice by guess."""
    company = Company()
    company.document(3, ago=100, **shown)
    job = job_of("create_kit_assembly", sent=121.0, erp_id=None, attempt=1, progress=DOUBT)
    job = replace(job, arguments={**job.arguments, "quantity": 2.004 if shown["quantity"] == 2.004 else 2})

    assert error_class(look(company, job, mark_description=False)) == "in_doubt"


def test_rounded_quantity_is_ours() -> None:
    """Visma cuts quantities to its decimals: a strict comparison would not know our own document, and make another."""
    company = Company()
    company.document(3, ago=100, itemID="KIT-0001", quantity=2.33)
    job = job_of("create_kit_assembly", sent=121.0, erp_id=None, attempt=1, progress=DOUBT)
    job = replace(job, arguments={**job.arguments, "item_id": "kit-0001", "quantity": 2.33333})

    assert error_class(look(company, job, mark_description=False)) == "in_doubt"


def test_unlike_create_is_not_ours() -> None:
    """Other items and quantities do not hold a create up, and neither does what was made long before."""
    company = Company()
    company.document(3, ago=100, quantity=5.0)
    company.document(4, ago=100, itemID="KIT-0002", quantity=2.0)
    company.document(5, ago=1000, quantity=2.0)
    job = job_of("create_kit_assembly", sent=121.0, erp_id=None, attempt=1, progress=DOUBT)

    assert look(company, job, mark_description=False).state is State.QUEUED


@pytest.mark.parametrize(("behind", "state"), [(19, State.SUCCEEDED), (20, State.FAILED)])
def test_too_many_to_look_through(behind: int, state: State) -> None:
    """A create that may stand on a page that was not read is in doubt, not undone."""
    company = Company(page=1)
    job = job_of("create_kit_assembly", sent=121.0, erp_id=None, attempt=1, progress=DOUBT)
    for number in range(1, behind + 1):
        company.document(number, ago=100)
    company.document(behind + 1, ago=100, description=mark_of(job.id))

    assert look(company, job).state is state


@pytest.mark.parametrize(("status", "state"), [("R", State.SUCCEEDED), ("B", State.FAILED)])
def test_give_up(status: str, state: State) -> None:
    """Before Visma forgets the operation the document decides: done if it shows it, else expired."""
    company = Company()
    company.document(1, status)
    company.operation("Started")

    verdict = look(company, job_of(sent=79_201.0))

    assert verdict.state is state
    assert error_class(verdict) == (None if status == "R" else "expired")
    assert not company.count("GET /v1/background")


@pytest.mark.parametrize(
    "answer",
    [
        refused(500),
        refused(403),
        refused(400),
        httpx.ReadTimeout("silence"),
        httpx.ConnectError("none"),
        httpx.Response(200, content=b"<html>"),
    ],
)
@pytest.mark.parametrize("sent", [10.0, 79_201.0])
def test_failed_look(answer: httpx.Response | Exception, sent: float) -> None:
    """A look that fails changes nothing but the time of the next one."""
    company = Company()
    company.next.append(answer)

    verdict = look(company, job_of(sent=sent))

    assert (verdict.state, verdict.counts, verdict.error) == (State.WAITING, False, None)
    assert set(verdict.progress) == {"polls", "single"}


def test_look_refused() -> None:
    """A look that is refused waits as long as Visma says."""
    company = Company()
    company.next.append(refused(429, Retry_After="400"))

    assert look(company, job_of()).wait == 400.0


def polls_of(company: Company, kind: str, until: float) -> list[float]:
    """The times at which the operation's state was asked, in seconds after the call."""
    job, times = job_of(kind, sent=None), []
    job = after(job, start(company.client(), settings_of(), job, NOW, ZONE), datetime.fromtimestamp(NOW, UTC), Retries(), 0.0)
    while (now := job.due_at.timestamp()) < NOW + until:
        before = company.count("GET /v1/background")
        job = after(job, look(company, job, now), datetime.fromtimestamp(now, UTC), Retries(), 0.0)
        times += [now - NOW] * (company.count("GET /v1/background") - before)
    return times


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_polls_thin_out(kind: str) -> None:
    """One state is asked at most five times in any minute, rarer and rarer, and at the end every quarter of an hour."""
    company = Company()
    company.document(1)
    company.operation("Started")

    times = polls_of(company, kind, 7200.0)

    assert all(sixth - first > 60.0 for first, sixth in zip(times, times[5:], strict=False))
    gaps = [second - first for first, second in pairwise(times)]
    assert gaps[-1] == pytest.approx(900.0)
    assert max(gaps) <= 900.0 + 1e-6
