"""Single kit lines in ItemPath: looked for, written once, seen after the import."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.clients.itempath.installation import NOW, SETTINGS, Installation, ran, refused, uid
from worker.jobs.model import Job, new_id
from worker.jobs.states import State
from worker.jobs.verdicts import after
from worker.lines.itempath import WAITS, KitLineWork
from worker.settings import Retries

if TYPE_CHECKING:
    from worker.jobs.verdicts import Verdict

LOST = httpx.ReadTimeout("silence")
RULES = Retries()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "create_kit_line": {"kit": "KIT-1", "material": "NUT", "quantity": "1.50"},
    "update_kit_line": {"kit": "KIT-1", "material": "BOLT", "quantity": 3},
    "delete_kit_line": {"kit": "KIT-1", "material": "BOLT"},
}
KINDS = tuple(ARGUMENTS)
METHOD = {"create_kit_line": "POST", "update_kit_line": "PUT", "delete_kit_line": "DELETE"}
KIT, BOLT, NUT, LINE = uid("kit KIT-1"), uid("material BOLT"), uid("material NUT"), uid("line 1")


@pytest.fixture
def there() -> Installation:
    """KIT-1 of two bolts; nuts that no kit holds. Power Pick imports when it is told to."""
    made = Installation(importing=False)
    bolt = made.material("BOLT")
    made.material("NUT")
    made.kit("KIT-1", (bolt, 2.0))
    return made


@pytest.fixture
def work(there: Installation) -> KitLineWork:
    """The part under test."""
    return KitLineWork(there.client(), SETTINGS, there.clock)


def job_of(kind: str, arguments: dict[str, Any] | None = None, **changes: Any) -> Job:
    """A job that a worker is about to start."""
    moment = datetime.fromtimestamp(NOW, UTC)
    plain = Job(
        id=new_id(),
        tenant="acme",
        erp="itempath",
        kind=kind,
        arguments=ARGUMENTS[kind] if arguments is None else arguments,
        reference="KIT-1/NUT",
        created_at=moment,
        due_at=moment,
        made_by="test",
        max_attempts=8,
        state=State.RUNNING,
    )
    return replace(plain, **changes)


def then(job: Job, verdict: Verdict, there: Installation) -> Job:
    """The job after the verdict, at the time when it is due."""
    moved = after(job, verdict, datetime.fromtimestamp(there.clock.now, UTC), RULES, 0.0)
    there.clock.now = max(there.clock.now, moved.due_at.timestamp())
    return moved


def run(work: KitLineWork, job: Job, there: Installation, *, steps: int = 40) -> Job:
    """Start and look until the job is final."""
    for _ in range(steps):
        if job.state in {State.SUCCEEDED, State.FAILED}:
            return job
        if job.state is State.WAITING:
            job = then(job, work.look(job, there.clock.now), there)
        else:
            job = then(job, work.start(replace(job, state=State.RUNNING), there.clock.now), there)
    raise AssertionError(f"still {job.state}")


def test_create_is_accepted_then_seen(there: Installation, work: KitLineWork) -> None:
    """Accepted is not done: the job waits, and succeeds when Power Pick has imported the line."""
    job = then(job_of("create_kit_line"), work.start(job_of("create_kit_line"), NOW), there)

    assert (job.state, there.clock.now) == (State.WAITING, NOW + 2)
    assert there.bodies == [{"kitId": KIT, "materialId": NUT, "quantity": 1.5}]

    job = then(job, work.look(job, there.clock.now), there)
    assert job.state is State.WAITING
    there.import_all()
    job = then(job, work.look(job, there.clock.now), there)

    assert job.state is State.SUCCEEDED
    assert job.result == {"kit_id": KIT, "material_id": NUT, "id": there.lines[-1]["id"], "number": 2, "quantity": "1.5"}
    assert len(there.bodies) == 1


def test_looks_cost_one_call(there: Installation, work: KitLineWork) -> None:
    """What names mean is kept: a look reads the kit, by its id, and nothing else."""
    job = then(job_of("create_kit_line"), work.start(job_of("create_kit_line"), NOW), there)
    there.asked.clear()

    work.look(job, there.clock.now)

    assert there.asked == [f"GET /api/kits/{KIT}"]


@pytest.mark.parametrize("kind", KINDS)
def test_never_imported(there: Installation, work: KitLineWork, kind: str) -> None:
    """The looks thin out to one a minute; after the import's time the job fails and says what was accepted. One write in all."""
    job, waits = then(job_of(kind), work.start(job_of(kind), NOW), there), []
    while job.state is State.WAITING:
        at = there.clock.now
        job = then(job, work.look(job, at), there)
        waits.append(there.clock.now - at)

    assert job.error is not None
    assert (job.state, job.error.error_class) == (State.FAILED, "timeout")
    assert f"{kind.split('_', maxsplit=1)[0]} of KIT-1/NUT" in job.error.message
    assert tuple(waits[:5]) == WAITS[1:]
    assert max(waits) == 60
    assert there.clock.now - NOW < SETTINGS.import_timeout + 62
    assert len(there.bodies) == 1


@pytest.mark.parametrize("arguments", [ARGUMENTS["update_kit_line"], {"id": LINE.lower(), "quantity": "3.0", "number": 5, "target": "A"}])
def test_update(there: Installation, work: KitLineWork, arguments: dict[str, Any]) -> None:
    """By names or by id: only what changes is sent, and it is done when it shows."""
    there.importing = True

    job = run(work, job_of("update_kit_line", arguments), there)

    assert job.state is State.SUCCEEDED
    assert job.result["quantity"] in {"3", "3.0"}
    assert there.bodies == [{"quantity": 3} if "id" not in arguments else {"quantity": 3.0, "number": 5, "target": "A"}]
    assert there.count(f"PUT /api/kit_lines/{LINE}") == 1


@pytest.mark.parametrize("arguments", [ARGUMENTS["delete_kit_line"], {"id": LINE}])
def test_delete(there: Installation, work: KitLineWork, arguments: dict[str, Any]) -> None:
    """By names or by id: done when it is gone."""
    there.importing = True

    job = run(work, job_of("delete_kit_line", arguments), there)

    assert job.state is State.SUCCEEDED
    assert there.of(KIT) == []
    assert there.count("DELETE") == 1


@pytest.mark.parametrize("number", [None, 2])
def test_exact_duplicate(there: Installation, work: KitLineWork, number: int | None) -> None:
    """A line that is there already, exactly, is not made again; one that differs is another line."""
    there.line(KIT, NUT, 1.5)
    arguments = ARGUMENTS["create_kit_line"] | ({"number": number} if number else {})

    verdict = work.start(job_of("create_kit_line", arguments), NOW)
    other = work.start(job_of("create_kit_line", {**arguments, "quantity": 2}), NOW)

    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class) == (State.FAILED, "duplicate")
    assert other.state is State.WAITING
    assert len(there.bodies) == 1


@pytest.mark.parametrize("kind", ["update_kit_line", "delete_kit_line"])
def test_two_lines_of_one_material(there: Installation, work: KitLineWork, kind: str) -> None:
    """Which one is meant is for a person: both ids are named, nothing is written."""
    second = there.line(KIT, BOLT, 5.0)

    verdict = work.start(job_of(kind), NOW)

    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class) == (State.FAILED, "conflict")
    assert LINE in verdict.error.message
    assert second in verdict.error.message
    assert there.bodies == []


@pytest.mark.parametrize(
    ("kind", "arguments", "error_class"),
    [
        ("create_kit_line", {"kit": "NONE", "material": "NUT", "quantity": 1}, "missing_reference"),
        ("create_kit_line", {"kit": "KIT-1", "material": "NONE", "quantity": 1}, "missing_reference"),
        ("create_kit_line", {"kit": "KIT-1", "material": "BOTH", "quantity": 1}, "validation"),
        ("create_kit_line", {"kit": "KIT-1", "material": "STOP", "quantity": 1}, "validation"),
        ("create_kit_line", {"kit": "TWIN", "material": "NUT", "quantity": 1}, "conflict"),
        ("update_kit_line", {"kit": "KIT-1", "material": "NUT", "quantity": 1}, "missing_reference"),
        ("delete_kit_line", {"kit": "KIT-1", "material": "NUT"}, "missing_reference"),
        ("update_kit_line", {"id": uid("nobody"), "quantity": 1}, "missing_reference"),
        ("delete_kit_line", {"id": uid("nobody")}, "missing_reference"),
    ],
)
def test_what_can_not_be_written(there: Installation, work: KitLineWork, kind: str, arguments: dict[str, Any], error_class: str) -> None:
    """What is not there, ambiguous or blocked fails before anything is written."""
    there.material("BOTH")
    there.kit("BOTH")
    there.material("STOP", isBlocked=1)
    there.kits += [{"id": uid(f"twin {number}"), "name": "TWIN"} for number in range(2)]

    verdict = work.start(job_of(kind, arguments), NOW)

    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class) == (State.FAILED, error_class)
    assert there.bodies == []


def test_ids_for_names(there: Installation, work: KitLineWork) -> None:
    """Kit and material may be given by id, in any capitals; the material may be a kit."""
    there.importing = True
    inner = there.kit("INNER")

    by_id = run(work, job_of("create_kit_line", {"kit": KIT.lower(), "material": NUT.lower(), "quantity": 1}), there)
    nested = run(work, job_of("create_kit_line", {"kit": "kit-1", "material": inner, "quantity": 2}), there)

    assert (by_id.state, nested.state) == (State.SUCCEEDED, State.SUCCEEDED)
    assert there.of(KIT)[1:] == [(NUT, 1), (inner, 2)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("end", "state", "error_class", "counts"),
    [
        (httpx.ConnectError("no route"), State.RETRYING, "unavailable", True),
        (refused(429), State.QUEUED, "rate_limited", False),
        (refused(401), State.QUEUED, "auth", False),
        (refused(403), State.FAILED, "auth", True),
        (LOST, State.WAITING, "timeout", True),
        (refused(500), State.WAITING, "unavailable", True),
        (httpx.Response(200, content=b"what?"), State.WAITING, "unavailable", True),
        (refused(400, "Number must be unique."), State.FAILED, "duplicate", True),
        (refused(422), State.FAILED, "validation", True),
    ],
)
def test_each_end(
    there: Installation,
    work: KitLineWork,
    kind: str,
    end: Any,
    state: State,
    error_class: str,
    counts: bool,  # noqa: FBT001
) -> None:
    """What never arrived is tried again; what was turned away unread costs no attempt; what may have run waits to be looked at."""
    there.ends.append(end)

    verdict = work.start(job_of(kind), NOW)

    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class, verdict.counts) == (state, error_class, counts)
    assert bool(verdict.progress.get("doubt")) is (state is State.WAITING)
    assert there.count(METHOD[kind]) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("imported", [True, False])
def test_lost_answer_that_ran(there: Installation, work: KitLineWork, kind: str, imported: bool) -> None:  # noqa: FBT001
    """Seen in the kit, or in the log before its import: it is not written again."""
    there.ends.append(ran(LOST))
    job = then(job_of(kind), work.start(job_of(kind), NOW), there)
    if imported:
        there.import_all()
    while job.progress.get("doubt") and job.state is State.WAITING:
        job = then(job, work.look(job, there.clock.now), there)
    there.import_all()

    job = run(work, job, there)

    assert job.state is State.SUCCEEDED
    assert there.count(METHOD[kind]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_lost_answer_that_did_not_run(there: Installation, work: KitLineWork, kind: str) -> None:
    """The log says that it did not run: it is written again, and not before the second look."""
    there.importing = True
    there.ends.append(LOST)
    job = then(job_of(kind), work.start(job_of(kind), NOW), there)
    while job.state is State.WAITING:
        job = then(job, work.look(job, there.clock.now), there)
    waited = there.clock.now - NOW

    job = run(work, job, there)

    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
    assert waited >= SETTINGS.second_look
    assert there.count(METHOD[kind]) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_doubt_that_stays(there: Installation, work: KitLineWork, kind: str) -> None:
    """Where the log can't be read nobody guesses: a person decides, and after that it is sent."""
    there.ends.append(LOST)
    there.log_status = 403

    job = run(work, job_of(kind), there)

    assert job.error is not None
    assert (job.state, job.error.error_class) == (State.FAILED, "in_doubt")
    assert there.count(METHOD[kind]) == 1

    there.importing = True
    replayed = replace(job, state=State.QUEUED, progress={"look_first": True, "sent_at": NOW, "decided": True}, error=None, attempt=0)
    assert run(work, replayed, there).state is State.SUCCEEDED
    assert there.count(METHOD[kind]) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("did", [True, False])
def test_killed_worker(there: Installation, work: KitLineWork, kind: str, did: bool) -> None:  # noqa: FBT001
    """A worker that died in the middle left nothing but the time: log and kit tell whether it had written."""
    there.importing = True
    if did:
        work.start(job_of(kind), NOW)
    job = job_of(kind, state=State.WAITING, attempt=1, progress={"doubt": True, "sent_at": NOW, "looks": 0})

    job = run(work, job, there)

    assert job.state is State.SUCCEEDED
    assert there.count(METHOD[kind]) == 1
    if not did:
        assert there.clock.now - NOW >= SETTINGS.second_look


@pytest.mark.parametrize("kind", KINDS)
def test_replay_looks_first(there: Installation, work: KitLineWork, kind: str) -> None:
    """A replay of what has been done after all writes nothing; one soon after the first waits for the second look."""
    work.start(job_of(kind), NOW)
    replayed = job_of(kind, progress={"look_first": True, "sent_at": NOW})

    early = work.start(replayed, NOW + 10)
    there.import_all()
    done = work.start(replayed, NOW + 200)

    assert (early.state, early.wait) == (State.QUEUED, SETTINGS.second_look - 10 + 0.5)
    assert done.state is State.SUCCEEDED
    assert there.count(METHOD[kind]) == 1


def test_failed_looks(there: Installation, work: KitLineWork) -> None:
    """A look that fails is no harm: another follows, at no cost; a refused one waits as long as it was told."""
    job = then(job_of("create_kit_line"), work.start(job_of("create_kit_line"), NOW), there)
    there.reads += [refused(503), LOST, httpx.Response(429, headers={"Retry-After": "77"})]
    verdicts = [work.look(job, there.clock.now) for _ in range(3)]

    assert [(verdict.state, verdict.counts) for verdict in verdicts] == [(State.WAITING, False)] * 3
    assert verdicts[2].wait == 77


def test_failed_looks_before_a_second_write(there: Installation, work: KitLineWork) -> None:
    """Where the look before a second write fails, nothing is written, and the wait grows."""
    there.reads += [refused(503), refused(503)]
    job = job_of("create_kit_line", progress={"look_first": True, "sent_at": NOW - 300})

    first = work.start(job, NOW)
    second = work.start(replace(job, progress={**job.progress, **first.progress}), NOW)

    assert [(verdict.state, verdict.wait, verdict.counts) for verdict in (first, second)] == [
        (State.QUEUED, 5.0, False),
        (State.QUEUED, 10.0, False),
    ]
    assert there.bodies == []


def test_delete_that_finds_nothing(there: Installation, work: KitLineWork) -> None:
    """A 404 to a delete is confirmed by a read before it counts."""
    there.ends.extend([refused(404), refused(404)])
    job = then(job_of("delete_kit_line"), work.start(job_of("delete_kit_line"), NOW), there)
    assert job.state is State.WAITING
    assert work.look(job, there.clock.now).state is State.WAITING

    there.lines.clear()

    assert work.look(job, there.clock.now).state is State.SUCCEEDED
