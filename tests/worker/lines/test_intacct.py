"""Direct jobs on kit components: each end of each write, and what a look makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.clients.erp import Erp, Said
from tests.worker.clients.intacct.company import Company
from worker.clients.base import ClientPool
from worker.clients.intacct.faults import REPLAYED
from worker.jobs.model import Job
from worker.jobs.states import State
from worker.jobs.verdicts import Verdict, after
from worker.lines.intacct import KitComponentWork
from worker.settings import Retries, Timing

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_800_000_000.0
LOOK = 120.0
RULES = Retries()
REFUSAL = {"ia::error": {"code": "operationFailed", "message": "A smart rule says no", "supportId": "S-9"}}
LOST = Said(201, {}, wait=2.0)
CREATE = {"kit": "Kit_1", "component": "Hour", "number_of_units": 2}


@pytest.fixture
def company() -> Company:
    """A kit with two lines, a stockable one, and what they are made of."""
    made = Company()
    made.item("Kit_1", "kit")
    made.item("Kit_2", "stockableKit")
    made.item("Paper")
    made.item("Pen")
    made.item("Hour", "nonInventory")
    made.line("Kit_1", "Paper", 4, revenuePercentage=40)
    made.line("Kit_1", "Pen", 2)
    made.made.clear()
    return made


@pytest.fixture
def work(company: Company) -> Iterator[KitComponentWork]:
    """The work on them, over HTTP."""
    erp = Erp()
    with ClientPool(Timing(connect=5.0, call=1.0)) as pool:
        yield KitComponentWork(*company.client(erp, pool, second_look=LOOK))
    erp.close()


def job_of(operation: str = "create", arguments: dict[str, Any] | None = None, **changes: Any) -> Job:
    """A job that a worker is about to start."""
    made = datetime.fromtimestamp(NOW, UTC)
    plain = Job(
        id="0191-job",
        tenant="acme",
        erp="intacct",
        kind=f"{operation}_kit_component",
        arguments=CREATE if arguments is None else arguments,
        reference="Kit_1",
        created_at=made,
        due_at=made,
        made_by="test",
        max_attempts=8,
        state=State.RUNNING,
    )
    return replace(plain, **changes)


def then(job: Job, verdict: Verdict, now: float) -> Job:
    """The job as the verdict makes it, running again if it was put back."""
    moved = after(job, verdict, datetime.fromtimestamp(now, UTC), RULES, 0.0)
    return replace(moved, state=State.RUNNING) if moved.state is State.QUEUED else moved


def died(job: Job, now: float) -> Job:
    """The job after its worker was killed: it waits in doubt, and remembers nothing of its start."""
    return replace(job, state=State.WAITING, attempt=job.attempt + 1, progress={**job.progress, "doubt": True, "sent_at": now, "looks": 0})


def replayed_by_hand(job: Job) -> Job:
    """The job as a person's replay leaves it."""
    kept: dict[str, Any] = {"look_first": bool(job.progress.get("sent_at")), "sent_at": job.progress.get("sent_at"), "past": []}
    return replace(job, state=State.RUNNING, attempt=0, progress=kept)


def line_key(company: Company, component: str) -> str:
    """The key of the line of this component."""
    return next(key for key, one in company.components.items() if one["component"] == company.key(component))


def error_class(verdict: Verdict) -> str | None:
    """The class of the verdict's error."""
    return verdict.error.error_class if verdict.error else None


def test_create(work: KitComponentWork, company: Company) -> None:
    """Names become keys, the kit is looked at, one POST, and the record is read back: four calls."""
    verdict = work.start(job_of(arguments={**CREATE, "revenue_percentage": "12.5", "default_delivery_status": "undelivered"}), NOW)

    key = line_key(company, "Hour")
    assert verdict.state is State.SUCCEEDED
    assert verdict.result == {"key": key, "kit": "Kit_1", "component": "Hour", "line_number": 3}
    assert company.calls() == ["POST query", "POST query", "POST kit-component", f"GET kit-component/{key}"]
    assert company.components[key]["revenuePercentage"] == 12.5


def test_update_by_key(work: KitComponentWork, company: Company) -> None:
    """Only what is named is sent, and read back."""
    key = line_key(company, "Paper")

    verdict = work.start(job_of("update", {"key": key, "number_of_units": 0.1}), NOW)

    assert verdict.state is State.SUCCEEDED
    assert company.calls() == [f"PATCH kit-component/{key}", f"GET kit-component/{key}"]
    assert company.asked[0].body == b'{"numberOfUnits":0.1}'


@pytest.mark.parametrize("names", [("Kit_1", "Paper"), ("100", "102"), ("Kit_1", "102")])
def test_update_by_names(work: KitComponentWork, company: Company, names: tuple[str, str]) -> None:
    """Kit and component by code or by key."""
    verdict = work.start(job_of("update", {"kit": names[0], "component": names[1], "revenue_percentage": 30}), NOW)

    assert verdict.state is State.SUCCEEDED
    assert company.shown("Kit_1")[0] == (1, "Paper", 4)
    assert company.components[line_key(company, "Paper")]["revenuePercentage"] == 30


def test_code_counts_before_key(work: KitComponentWork, company: Company) -> None:
    """Digits are a code if there is one, else a key."""
    company.item("102")
    company.line("Kit_1", "102", 9)

    work.start(job_of("update", {"kit": "Kit_1", "component": "102", "number_of_units": 8}), NOW)

    assert company.shown("Kit_1") == [(1, "Paper", 4), (2, "Pen", 2), (3, "102", 8)]


@pytest.mark.parametrize("by_key", [True, False])
def test_delete(work: KitComponentWork, company: Company, by_key: bool) -> None:  # noqa: FBT001
    """Deleted, and seen to be gone."""
    key = line_key(company, "Pen")

    verdict = work.start(job_of("delete", {"key": key} if by_key else {"kit": "Kit_1", "component": "Pen"}), NOW)

    assert (verdict.state, verdict.result) == (State.SUCCEEDED, {"key": key})
    assert company.calls()[-1] == f"GET kit-component/{key}"
    assert company.shown("Kit_1") == [(1, "Paper", 4)]


def test_delete_of_the_deleted(work: KitComponentWork, company: Company) -> None:
    """A 404 on a delete counts as done once a read confirms it; while it is still shown, it does not."""
    gone = work.start(job_of("delete", {"key": "4711"}), NOW)
    key = line_key(company, "Pen")
    company.writes.append(Said(404, {"ia::error": {"code": "notFound", "message": "none"}}))
    shown = work.start(job_of("delete", {"key": key}), NOW)

    assert gone.state is State.SUCCEEDED
    assert company.calls()[:2] == ["DELETE kit-component/4711", "GET kit-component/4711"]
    assert (shown.state, shown.progress["finished"]) == (State.WAITING, True)


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_nothing_there(work: KitComponentWork, company: Company, operation: str) -> None:
    """A line that the kit lacks can't be changed, nor deleted by its names."""
    arguments = {"kit": "Kit_1", "component": "Hour", **({"number_of_units": 1} if operation == "update" else {})}

    verdict = work.start(job_of(operation, arguments), NOW)

    assert (verdict.state, error_class(verdict)) == (State.FAILED, "missing_reference")
    assert company.made == []


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_several_lines(work: KitComponentWork, company: Company, operation: str) -> None:
    """Names that mean several lines mean none: their keys are named."""
    keys = [line_key(company, "Pen"), company.line("Kit_1", "Pen", 5)]
    company.made.clear()

    verdict = work.start(job_of(operation, {"kit": "Kit_1", "component": "Pen", "number_of_units": 1}), NOW)

    assert error_class(verdict) == "conflict"
    assert all(key in verdict.cause for key in keys)
    assert company.made == []


def test_create_of_the_same(work: KitComponentWork, company: Company) -> None:
    """What is there exactly as asked is a duplicate; twice, a conflict; the same component in another quantity is a line more."""
    one = work.start(job_of(arguments={"kit": "Kit_1", "component": "Pen", "number_of_units": "2.0"}), NOW)
    other = work.start(job_of(arguments={"kit": "Kit_1", "component": "Pen", "number_of_units": 7}), NOW)
    company.line("Kit_1", "Pen", 2)
    twice = work.start(job_of(arguments={"kit": "Kit_1", "component": "Pen", "number_of_units": 2}), NOW)

    assert (error_class(one), other.state, error_class(twice)) == ("duplicate", State.SUCCEEDED, "conflict")
    assert line_key(company, "Pen") in one.cause


@pytest.mark.parametrize(
    ("kit", "component", "expected"),
    [("Kit_9", "Nothing", "missing_reference"), ("Paper", "Pen", "validation"), ("Kit_2", "Kit_1", "validation")],
)
def test_unfit_names(work: KitComponentWork, company: Company, kit: str, component: str, expected: str) -> None:
    """All that is missing is named; only kits have components; a stockable kit holds no plain kit (documented)."""
    verdict = work.start(job_of(arguments={"kit": kit, "component": component, "number_of_units": 1}), NOW)

    assert error_class(verdict) == expected
    assert company.made == []
    if expected == "missing_reference":
        assert "Kit_9, Nothing" in verdict.cause


def test_line_number_pushes(work: KitComponentWork, company: Company) -> None:
    """A number that is taken renumbers others: the kit is read again, and the result tells its order."""
    verdict = work.start(job_of(arguments={**CREATE, "line_number": 1}), NOW)

    assert verdict.state is State.SUCCEEDED
    assert [(each["component"], each["line_number"]) for each in verdict.result["lines"]] == [("Hour", 1), ("Paper", 2), ("Pen", 3)]
    assert company.calls()[-1] == "POST query"


def test_ignored_field(work: KitComponentWork, company: Company) -> None:
    """A 2xx is not the change: what Intacct does not show is looked for again, and then a conflict, never a success."""
    company.deaf = ("revenuePercentage",)
    job = job_of("update", {"key": line_key(company, "Paper"), "revenue_percentage": 30})

    verdict = work.start(job, NOW)
    waiting = then(job, verdict, NOW)
    soon, late = work.look(waiting, NOW + 5), work.look(waiting, NOW + LOOK + 5)

    assert (verdict.state, soon.state, late.state, error_class(late)) == (State.WAITING, State.WAITING, State.FAILED, "conflict")
    assert "revenue_percentage" in late.cause
    assert company.made == ["update Paper"]


def test_failed_read_back(work: KitComponentWork, company: Company) -> None:
    """Written, but the read fails: it is read later, not written again."""
    job = job_of("update", {"key": line_key(company, "Paper"), "number_of_units": 5})
    company.reads.append(Said(500, {}))

    verdict = work.start(job, NOW)
    waiting = then(job, verdict, NOW)
    company.reads.append(Said(500, {}))
    failing, settled = work.look(waiting, NOW + 5), work.look(waiting, NOW + 10)

    assert (verdict.state, failing.state, settled.state) == (State.WAITING, State.WAITING, State.SUCCEEDED)
    assert company.made == ["update Paper"]


@pytest.mark.parametrize(
    ("said", "state", "expected", "counts"),
    [
        (Said(429, {"ia::error": {"code": "GW-0010", "message": "later"}}, {"Retry-After": "7"}), State.QUEUED, "rate_limited", False),
        (Said(403, REFUSAL), State.FAILED, "auth", True),
        (Said(422, REFUSAL), State.FAILED, "validation", True),
        (Said(404, {"ia::error": {"code": "notFound", "message": "no"}}), State.FAILED, "missing_reference", True),
        (Said(500, REFUSAL), State.WAITING, "unavailable", True),
        (Said(409, REFUSAL), State.WAITING, "conflict", True),
        (Said(201, b"<html>"), State.WAITING, "unavailable", True),
        (Said(drop=True), State.WAITING, "timeout", True),
    ],
)
def test_each_end(work: KitComponentWork, company: Company, said: Said, state: State, expected: str, counts: bool) -> None:  # noqa: FBT001
    """What was turned away unread costs no attempt; what may have been done waits for the second look."""
    company.writes.append(said)

    verdict = work.start(job_of(), NOW)

    assert (verdict.state, error_class(verdict), verdict.counts) == (state, expected, counts)
    assert bool(verdict.progress.get("doubt")) is (state is State.WAITING)
    assert verdict.wait == (LOOK if state is State.WAITING else 7.0 if state is State.QUEUED else None)
    assert company.made == []


def test_refused_token(work: KitComponentWork, company: Company) -> None:
    """Twice refused with a fresh token: it waits until we are let in, at no cost."""
    company.writes.extend([Said(401), Said(401)])

    verdict = work.start(job_of(), NOW)

    assert (verdict.state, error_class(verdict), verdict.wait) == (State.QUEUED, "auth", 30.0)


def test_repeats_are_spaced(work: KitComponentWork, company: Company) -> None:
    """However often it is refused, one request goes out at most twice within the repeat window."""
    job, now = job_of(), NOW
    sent = []
    for _ in range(5):
        company.writes.append(Said(429, {"ia::error": {"code": "GW-0010", "message": "later"}}, {"Retry-After": "1"}))
        sent.append(now)
        job = then(job, work.start(job, now), now)
        now = job.due_at.timestamp()

    assert job.attempt == 0
    assert all(third - first >= RULES.repeat_window for first, third in zip(sent, sent[2:], strict=False))


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("create", CREATE),
        ("update", {"kit": "Kit_1", "component": "Pen", "number_of_units": 9}),
        ("delete", {"kit": "Kit_1", "component": "Pen"}),
    ],
)
@pytest.mark.parametrize("ran", [True, False])
@pytest.mark.parametrize("killed", [True, False])
def test_in_doubt(work: KitComponentWork, company: Company, operation: str, arguments: dict[str, Any], ran: bool, killed: bool) -> None:  # noqa: FBT001
    """A lost answer or a killed worker: not before the second look, then what is seen is done, and what is not is sent again, once."""
    job = job_of(operation, arguments)
    (company.after if ran else company.writes).append(LOST if ran else Said(drop=True))

    verdict = work.start(job, NOW)
    waiting = died(job, NOW) if killed else then(job, verdict, NOW)
    made, calls = list(company.made), len(company.calls())
    early = work.look(waiting, NOW + LOOK - 10)

    assert verdict.progress["doubt"] is True
    assert (early.state, len(company.calls())) == (State.WAITING, calls)
    assert early.wait is not None
    assert early.wait > 10
    settled = work.look(waiting, NOW + LOOK + 1)
    if ran:
        assert settled.state is State.SUCCEEDED
        assert company.made == made
        return
    assert (settled.state, settled.counts, company.made) == (State.QUEUED, False, made)
    assert work.start(then(waiting, settled, NOW + LOOK + 1), NOW + LOOK + 2).state is State.SUCCEEDED
    assert len(company.made) == 1


def test_done_while_it_stood_in_line(work: KitComponentWork, company: Company) -> None:
    """The look right before the second write counts: what took effect late is not made twice."""
    job = job_of()
    company.writes.append(Said(drop=True))
    waiting = then(job, work.start(job, NOW), NOW)
    queued = then(waiting, work.look(waiting, NOW + LOOK + 1), NOW + LOOK + 1)
    company.line("Kit_1", "Hour", 2)
    company.made.clear()

    verdict = work.start(queued, NOW + 900)

    assert verdict.state is State.SUCCEEDED
    assert company.made == []


def test_second_send_has_the_same_key(work: KitComponentWork, company: Company) -> None:
    """Sent again under the same key: had it been done unseen, Intacct would answer as before and make nothing."""
    job = job_of()
    company.writes.append(Said(drop=True))
    waiting = then(job, work.start(job, NOW), NOW)
    queued = then(waiting, work.look(waiting, NOW + LOOK + 1), NOW + LOOK + 1)

    work.start(queued, NOW + LOOK + 2)

    keys = [one.headers["idempotency-key"] for one in company.asked if "idempotency-key" in one.headers]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("wait", [10.0, 3 * 86_400.0])
def test_old_or_taken_key_changes(work: KitComponentWork, company: Company, wait: float) -> None:
    """A stored 500 would come back for two days, and an old key is taken for sixty: the next send has a new one."""
    job = job_of()
    company.writes.append(Said(500, REFUSAL))
    now = NOW
    for _ in range(3):
        verdict = work.start(job, now)
        if verdict.state is State.SUCCEEDED:
            break
        waiting = then(job, verdict, now)
        now += LOOK + wait
        job = then(waiting, work.look(waiting, now), now)
        now += wait

    assert verdict.state is State.SUCCEEDED
    assert company.made == ["create Hour"]
    assert len(company.stored) == 2


def test_several_may_be_ours(work: KitComponentWork, company: Company) -> None:
    """Where several lines may be the one that was made, a person decides; what stood there before is not ours."""
    company.line("Kit_1", "Hour", 3)
    job = job_of()
    company.writes.append(Said(drop=True))
    waiting = then(job, work.start(job, NOW), NOW)
    before = work.look(waiting, NOW + LOOK + 1)
    keys = [company.line("Kit_1", "Hour", 2), company.line("Kit_1", "Hour", 2)]

    verdict = work.look(waiting, NOW + LOOK + 1)

    assert before.state is State.QUEUED
    assert (verdict.state, error_class(verdict)) == (State.FAILED, "conflict")
    assert all(key in verdict.cause for key in keys)


def test_out_of_attempts(work: KitComponentWork, company: Company) -> None:
    """After its last attempt nobody sends again by guess."""
    verdict = work.look(died(job_of(attempt=7), NOW), NOW + LOOK + 1)

    assert (verdict.state, error_class(verdict)) == (State.FAILED, "in_doubt")
    assert company.made == []


def test_replay_gets_a_new_key(work: KitComponentWork, company: Company) -> None:
    """A refusal is stored under its key: a person who removed the cause and replays gets a new one, before anything is sent."""
    company.writes.append(Said(422, REFUSAL))
    refused = job_of()
    failed = then(refused, work.start(refused, NOW), NOW)
    replayed = replayed_by_hand(failed)

    first = work.start(replayed, NOW + 600)
    second = work.start(then(replayed, first, NOW + 600), NOW + 601)

    assert (first.state, second.state) == (State.QUEUED, State.SUCCEEDED)
    assert first.progress["generation"] == int(NOW)
    assert company.made == ["create Hour"]


def test_stored_failure_is_told(work: KitComponentWork, company: Company) -> None:
    """Under the same key the same refusal comes back, and the message says why."""
    company.writes.append(Said(422, REFUSAL))
    first, second = (work.start(job_of(), NOW) for _ in range(2))

    assert REPLAYED not in first.cause
    assert REPLAYED in second.cause


@pytest.mark.parametrize(
    ("said", "state", "counts"),
    [
        (Said(500, {}), State.QUEUED, False),
        (Said(429, {}, {"Retry-After": "5"}), State.QUEUED, False),
        (Said(400, REFUSAL), State.FAILED, True),
    ],
)
def test_failed_look_before(work: KitComponentWork, company: Company, said: Said, state: State, counts: bool) -> None:  # noqa: FBT001
    """A look before sending that fails sends nothing, and costs no attempt while it may pass."""
    company.reads.append(said)

    verdict = work.start(job_of(progress={"failed_looks": 2}), NOW)

    assert (verdict.state, verdict.counts) == (state, counts)
    assert company.made == []
    if said.status == 500:
        assert (verdict.wait, verdict.progress["failed_looks"]) == (20.0, 3)


def test_failed_look_in_doubt(work: KitComponentWork, company: Company) -> None:
    """A look that fails is followed by another."""
    company.reads.append(Said(503, {}, {"Retry-After": "19"}))

    verdict = work.look(died(job_of(), NOW), NOW + LOOK + 1)

    assert (verdict.state, verdict.wait) == (State.WAITING, 19.0)
