"""The records of the ledger: what a job, an attempt, a batch and a delivery are. Frozen; times are aware datetimes in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - tools that read the records resolve their annotations
from typing import Any

import uuid_utils

from worker.connections import Exchange
from worker.errors import ERROR_CLASSES
from worker.jobs.states import BatchState, State


def new_id() -> str:
    """A UUIDv7: opaque to others, sorts by the time it was made."""
    return str(uuid_utils.uuid7())


@dataclass(frozen=True, slots=True)
class Lane:
    """One connection's work: a tenant and an ERP."""

    tenant: str
    erp: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.erp}"


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job stands where it stands. `error_class` is a key of `ERROR_CLASSES`; `status` an HTTP status, if there was one."""

    error_class: str
    message: str
    status: int | None = None

    @property
    def retry(self) -> bool:
        """Whether another try helps."""
        return ERROR_CLASSES[self.error_class].retry


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work on one ERP, from request to known end.

    `subject` names the document it works on: no two jobs hold the same subject at once. `attempt` counts starts that failed or died.
    `fence` rises with each claim, so that a worker that comes back late can't overwrite its successor. `progress` is the handler's own
    memory. `closed_by` is the later job that did what this failed one was to do (`worker.jobs.closing`).
    """

    id: str
    tenant: str
    erp: str
    kind: str
    arguments: dict[str, Any]
    reference: str
    created_at: datetime
    due_at: datetime
    made_by: str
    max_attempts: int
    state: State = State.QUEUED
    subject: str | None = None
    erp_id: str | None = None
    batch: str | None = None
    unique_key: str | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    attempt: int = 0
    deaths: int = 0
    starts: int = 0
    fence: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    notified_at: datetime | None = None
    started_at: datetime | None = None
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    error: JobError | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def lane(self) -> Lane:
        """The connection whose work this is."""
        return Lane(self.tenant, self.erp)


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a job's timeline. `origin` is None where the job was made; `due_at` is when it was due, where a worker claimed it."""

    job: str
    at: datetime
    origin: State | None
    target: State
    cause: str
    by: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a job by a worker, or the looks that followed it."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Many jobs of one kind that were asked for together. `select` is what to look for, if its jobs are found in the ERP.

    `held`: once its jobs are made it is paused, so that a person sees what it would take before anything starts; until it is resumed.
    `touched_at`: when it came to its state, such as when it began or went on.
    """

    id: str
    tenant: str
    erp: str
    kind: str
    name: str
    state: BatchState
    made_by: str
    created_at: datetime
    select: dict[str, Any] | None = None
    planned: dict[str, Any] = field(default_factory=dict)
    total: int = 0
    finished_at: datetime | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    message: str | None = None
    held: bool = False
    touched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that arrived from outside. `state` is accepted, duplicate, orphan or refused; `operation` the ERP's id in it.

    `outcomes` is what rules made of it; `replay_of` the delivery that was told again in it.
    """

    id: str
    tenant: str
    source: str
    type: str
    received_at: datetime
    state: str
    reason: str | None
    headers: dict[str, str]
    body: str
    key: str | None = None
    operation: str | None = None
    jobs: tuple[str, ...] = ()
    outcomes: Any = None
    replay_of: str | None = None


__all__ = ["Attempt", "Batch", "Delivery", "Exchange", "Job", "JobError", "Lane", "Move", "new_id"]
