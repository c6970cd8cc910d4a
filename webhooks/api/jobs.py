"""Jobs over HTTP: made, listed, shown, and the three things a person may do with one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, sees, tenants_of
from webhooks.api.forms import DoneForm, JobForm, NothingForm, ReplayForm, looked_at, taken
from webhooks.api.queries import PAGING, cursor, page_of, paged
from worker.errors import InvalidArguments, NotFound
from worker.jobs import queue, requests, search, words
from worker.jobs.reopening import reopening
from worker.jobs.search import JobFilter
from worker.jobs.views import job_view, story_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob
    from worker.settings import ApiKey

    Turn = Callable[[Database, Connection, Job, str, datetime], Job]

PATIENCE: Final = 20.0
"""Seconds that a replay waits while what was cancelled with its batch is swept: less than a client or a proxy does."""

FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("tenant", "kind", "batch", "tag", "erp_id", "reference", "error_class", "q"), queries.text),
    "state": queries.states,
    "ids": queries.ids,
    "failure": queries.failure,
    "closed": queries.flag,
    "since": queries.moment,
    "until": queries.moment,
    **PAGING,
}


def create(api: Api, ask: Ask) -> Answer:
    """Make a job: 202; 200 for one that is there already, by Idempotency-Key or by `unique_key`."""
    once = ask.once()
    body = ask.json()
    new = _checked(api, ask.key, body)
    api.fullness.admit(new.tenant, 1)
    digest = queue.digest_of(["job", body])
    now = api.clock()
    with api.database.write() as connection:
        before = queue.reserve(api.database, connection, ask.key.name, once, digest, now) if once is not None else None
        if before is not None:
            return Answer(200, job_view(queue.find(connection, before)))
        made = queue.enqueue(api.database, connection, new, ask.key.name, now)
        if once is not None:
            queue.keep(connection, ask.key.name, once, digest, made.job.id, now)
    if made.duplicate:
        return Answer(200, {**job_view(made.job), "duplicate": True})
    api.bell.ring(made.job.lane)
    return Answer(202, job_view(made.job), {"Location": f"/api/jobs/{made.job.id}"})


def listed(api: Api, ask: Ask) -> Answer:
    """Jobs by filter, newest first."""
    found = queries.read(ask.query, FILTERS)
    page = page_of(found)
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    wanted = JobFilter(tenants=tenants_of(ask.key), **found)
    with api.database.read() as connection:
        jobs = search.find_jobs(connection, wanted, page.limit + 1, page.after)
    return Answer(200, paged(jobs, page.limit, job_view, lambda job: cursor(job.id)))


def shown(api: Api, ask: Ask) -> Answer:
    """One job with its timeline and attempts."""
    queries.read(ask.query, {})
    with api.database.read() as connection:
        job = _visible(connection, ask)
        moves, attempts = search.timeline(connection, job), search.history(connection, job)
    return Answer(200, story_view(job, moves, attempts))


def replay(api: Api, ask: Ask) -> Answer:
    """The same job again, with corrected arguments if any are given."""
    wanted = taken(ReplayForm, ask.json())
    now = api.clock()

    def act(connection: Connection) -> Job:
        job = _visible(connection, ask)
        edited = requests.new_job(api.settings, job.tenant, job.kind, wanted["arguments"]) if "arguments" in wanted else None
        return queue.replay(api.database, connection, job, ask.key.name, now, edited)

    until = time.monotonic() + PATIENCE
    again = reopening(api.database, act, now, lambda: time.monotonic() < until)
    api.bell.ring(again.lane)
    return Answer(200, job_view(again))


def cancel(api: Api, ask: Ask) -> Answer:
    """Stop an open job that no worker has."""
    return _turned(api, ask, queue.cancel)


def discard(api: Api, ask: Ask) -> Answer:
    """Give a failed job up."""
    return _turned(api, ask, queue.discard)


def done(api: Api, ask: Ask) -> Answer:
    """A failed job is done, as somebody says who has seen it."""
    reason = taken(DoneForm, ask.json())["reason"]
    with api.database.write() as connection:
        job = words.done(api.database, connection, _visible(connection, ask), ask.key.name, reason, api.clock())
    return Answer(200, job_view(job))


def hasten(api: Api, ask: Ask) -> Answer:
    """Ask the ERP now about a job that waits, or try it now."""
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        job = words.ask(connection, api.settings, _visible(connection, ask), ask.key.name, api.clock())
    api.bell.ring(job.lane)
    return Answer(200, job_view(job))


def _turned(api: Api, ask: Ask, turn: Turn) -> Answer:
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        job = turn(api.database, connection, _visible(connection, ask), ask.key.name, api.clock())
    return Answer(200, job_view(job))


def _visible(connection: Connection, ask: Ask) -> Job:
    job = queue.find(connection, ask.id)
    if not sees(ask.key, job.tenant):
        raise NotFound(f"there is no job {job.id}")
    return job


def _checked(api: Api, key: ApiKey, body: object) -> NewJob:
    """The job that is asked for. Raises `InvalidArguments` with the faults of the request and of the arguments together."""
    data, faults = looked_at(JobForm, body)
    if "tenant" in data:
        must_see(key, data["tenant"])
    new = None
    if {"tenant", "kind", "arguments"} <= data.keys():
        try:
            new = _new(api, data)
        except InvalidArguments as error:
            faults.extend(error.faults)
    if faults or new is None:
        raise InvalidArguments(tuple(faults))
    return new


def _new(api: Api, data: Mapping[str, Any]) -> NewJob:
    return requests.new_job(
        api.settings,
        data["tenant"],
        data["kind"],
        data["arguments"],
        unique_key=data.get("unique_key"),
        priority=data.get("priority", 0),
        tags=tuple(data.get("tags", ())),
        run_at=data.get("run_at"),
    )
