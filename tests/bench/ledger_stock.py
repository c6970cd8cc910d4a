"""What a ledger looks like after a busy quarter: tenants, batches of all sizes, every kind, failures of some forty reasons, deliveries."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from worker.connections import Exchange
from worker.jobs.model import Job, JobError
from worker.jobs.states import BatchState, State

if TYPE_CHECKING:
    from collections.abc import Iterator

END: Final = datetime(2026, 6, 1, tzinfo=UTC)
DAYS: Final = 90
TENANTS: Final = tuple(f"tenant-{letter}" for letter in "abcdefghijkl")
KINDS: Final = {
    "release_kit_assembly": ("visma", 52),
    "create_kit_assembly": ("visma", 16),
    "sync_kit_lines": ("itempath", 18),
    "update_kit_assembly": ("visma", 4),
    "delete_kit_assembly": ("visma", 1),
    "create_kit_line": ("itempath", 3),
    "update_kit_line": ("itempath", 2),
    "delete_kit_line": ("itempath", 1),
    "create_kit_component": ("intacct", 1),
    "update_kit_component": ("intacct", 1),
    "delete_kit_component": ("intacct", 1),
}
REASONS: Final = tuple(
    (error_class, f"{what} {where}")
    for error_class, whats in {
        "validation": ("Quantity {n} is not allowed for", "The unit of line {n} is unknown to", "{doc} is closed in"),
        "missing_reference": ("Item KIT-{n} does not exist in", "Revision R{n} does not exist in"),
        "conflict": ("{doc} was changed meanwhile in", "Period {n} is locked in"),
        "auth": ("The token was refused by",),
        "timeout": ("No answer within {n} s from",),
        "in_doubt": ("Nobody can tell whether {doc} was taken by",),
    }.items()
    for what in whats
    for where in ("the main company", "the second company", "warehouse MAIN", "warehouse NORTH")
)
SIZES: Final = ((1, 300), (5, 250), (20, 200), (100, 120), (500, 60), (2_000, 25), (10_000, 6), (40_000, 2), (100_000, 1))
"""Sizes of batches, and how often in a million jobs; what is left are single jobs."""

_OPEN: Final = {State.QUEUED: 88, State.WAITING: 6, State.RETRYING: 4, State.RUNNING: 2}


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs made at one moment: a batch, or single ones."""

    at: datetime
    tenant: str
    kind: str
    size: int
    batch: str | None
    tags: tuple[str, ...]


def id_at(moment: datetime) -> str:
    """A UUIDv7 as it would have been made then."""
    milliseconds, rest = divmod((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1), 1_000)
    digits = f"{milliseconds:012x}7{rest:03x}8{random.getrandbits(60):015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def groups(total: int, chance: random.Random) -> list[Group]:
    """All groups, oldest first."""
    sizes = [
        max(1, size * total // 1_000_000) if size > 2_000 else size for size, often in SIZES for _ in range(often * total // 1_000_000 or 1)
    ]
    planned = [(size, True) for size in sizes] + [(1, False)] * max(0, total - sum(sizes))
    chance.shuffle(planned)
    begun = END - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / len(planned)
    names, weights = list(KINDS), [often for _, often in KINDS.values()]
    homes = [1 / (place + 2) for place in range(len(TENANTS))]
    found = []
    for place, (size, batched) in enumerate(planned):
        at = begun + step * place
        kind = "release_kit_assembly" if size >= 10_000 else chance.choices(names, weights)[0]
        tags = tuple(chance.sample(("rush", "night", "spring", "shop"), 1)) if chance.random() < 0.12 else ()
        found.append(Group(at, chance.choices(TENANTS, homes)[0], kind, size, id_at(at) if batched else None, tags))
    return found


def jobs_of(every: list[Group], total: int, chance: random.Random) -> Iterator[Job]:
    """Their jobs in the order made: the newest three in a hundred are open, three in a hundred failed, a few cancelled."""
    opened = total - total * 3 // 100
    number = 0
    for group in every:
        for place in range(group.size):
            number += 1
            yield _job(group, group.at + timedelta(microseconds=place), number, chance, still_open=number > opened)


def _job(group: Group, at: datetime, number: int, chance: random.Random, *, still_open: bool) -> Job:
    arguments, reference, subject = _about(group.kind, number, chance)
    ended = at + timedelta(seconds=2 + chance.random() * 600)
    job = Job(
        id=id_at(at),
        tenant=group.tenant,
        erp=KINDS[group.kind][0],
        kind=group.kind,
        arguments=arguments,
        reference=reference,
        created_at=at,
        due_at=at,
        made_by="ops",
        max_attempts=8,
        subject=subject,
        batch=group.batch,
        tags=group.tags,
        unique_key=f"WEB-{number:07}/{reference}" if chance.random() < 0.05 else None,
    )
    if still_open:
        return _opened(job, number, chance)
    job = replace(job, started_at=at, claimed_at=at, finished_at=ended, starts=1, fence=1, erp_id=str(uuid_utils.uuid4()))
    drawn = chance.random()
    if drawn < 0.031:
        error_class, words = chance.choice(REASONS)
        message = words.format(n=number % 997, doc=f"P/{number:07}")
        return replace(job, state=State.FAILED, attempt=1, error=JobError(error_class, message, 400))
    if drawn < 0.035:
        return replace(job, state=State.CANCELLED)
    return replace(job, state=State.SUCCEEDED, result={"ref_no": f"{number:07}"})


def _opened(job: Job, number: int, chance: random.Random) -> Job:
    state = chance.choices(list(_OPEN), list(_OPEN.values()))[0]
    if state in {State.RUNNING, State.WAITING}:  # they hold their document, each another one
        job = replace(job, subject=f"kit-assembly/X/{number}", erp_id=str(uuid_utils.uuid4()))
    if state is State.RUNNING:
        return replace(job, state=state, owner=f"worker-{number % 3}", lease_until=END, claimed_at=job.created_at)
    if state is State.RETRYING:
        return replace(job, state=state, attempt=1, error=JobError("unavailable", "503 from the main company", 503), due_at=END)
    return replace(job, state=state)


def _about(kind: str, number: int, chance: random.Random) -> tuple[dict[str, Any], str, str | None]:
    kit, part = f"KIT-{chance.randrange(4_000):04}", f"MAT-{chance.randrange(9_000):04}"
    if kind == "create_kit_assembly":
        order = {"order_type": "SO", "order_number": f"SO{number % 90_000:06}", "order_line_number": 1}
        return {"type": "P", "item_id": kit, "quantity": "4", "kit_assembly_link": order}, kit, None
    if kind.endswith("assembly"):
        reference = f"P/{number:07}"
        return {"type": "P", "ref_no": f"{number:07}"}, reference, f"kit-assembly/{reference}"
    if kind == "sync_kit_lines":
        return {"kit": kit}, kit, f"kit/{kit}"
    inner = "material" if kind.endswith("line") else "component"
    return {"kit": kit, inner: part, "quantity": "2"}, f"{kit}/{part}", f"kit/{kit}"


def batch_row(group: Group, state: BatchState) -> dict[str, Any]:
    """A row of `batches`."""
    return {
        "id": group.batch,
        "tenant": group.tenant,
        "erp": KINDS[group.kind][0],
        "kind": group.kind,
        "name": f"{group.size} of {group.kind}",
        "state": state.value,
        "made_by": "ops",
        "created_at": group.at,
        "select": None,
        "planned": {},
        "total": group.size,
        "finished_at": None if state is BatchState.RUNNING else group.at + timedelta(minutes=11),
        "touched_at": group.at,
        "priority": 0,
        "tags": list(group.tags),
        "message": None,
        "pruned": None,
    }


def delivery_row(job: Job, number: int, chance: random.Random) -> dict[str, Any]:
    """A row of `deliveries` about a job."""
    at = job.created_at + timedelta(seconds=3)
    state = chance.choices(("accepted", "duplicate", "orphan", "refused"), (93, 4, 2, 1))[0]
    source = chance.choices(("visma", "itempath", "intacct", "webshop"), (80, 10, 5, 5))[0]
    return {
        "id": id_at(at),
        "tenant": job.tenant,
        "source": source,
        "type": "order.paid" if source == "webshop" else "operation",
        "received_at": at,
        "state": state,
        "reason": None if state == "accepted" else f"why {number % 7}",
        "operation": job.erp_id,
        "headers": {"content-type": "application/json"},
        "body": '{"operationId":"' + str(job.erp_id) + '"}',
    }


def call_of(job: Job) -> Exchange:
    """The call that a job made."""
    carried = {"Content-Type": "application/json", "erp-api-background": f"subscription:kitrelay-job={job.id}"}
    return Exchange(job.created_at, "PUT", "/v1/kitassembly", 202, 40.0, "{}", "{}", carried)
