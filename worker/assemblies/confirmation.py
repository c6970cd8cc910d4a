"""How many waiting jobs stand, by few calls: one list of what was released (or created) since the earliest of them was sent.

What the list does not show stays waiting. A few of those are asked about one by one: each that Visma says has ended, the oldest few of the
others, any that a second list did not show though it showed a later one, and any that a fifth did not show; so a slow ERP is not asked a
thousand times in vain.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.assemblies.seeing import RELEASED, created, mark_of, notified, released
from worker.assemblies.starting import first_poll
from worker.assemblies.visma_clock import on_their_clock
from worker.clients.visma.lists import KitAssemblyFilter
from worker.errors import CallError, RateLimited
from worker.jobs.retries import next_poll
from worker.jobs.verdicts import later
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import KitAssemblyStatus
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Visma

MARGIN: Final = timedelta(seconds=10)
"""How far Visma's clock may be from ours."""

LISTS_BEFORE_POLL: Final = 2
"""A job that so many lists did not show is asked about, if one sent after it is done: Visma works about in order (inferred)."""

MOST_LISTS: Final = 5
"""A job that so many lists did not show is asked about in any case."""

OLDEST: Final = 3
_PAGE: Final = 1_000
_JOBS_TO_A_PAGE: Final = 20
_LATE_FIRST: Final = 2.0


def confirm(client: VismaClient, settings: Visma, jobs: Sequence[Job], now: float, clock_minutes: int) -> list[tuple[Job, Verdict]]:
    """A verdict for each of the jobs, which are releases or marked creates. Never raises `CallError`."""
    found: dict[str, Verdict] = {}
    releases = [job for job in jobs if KINDS[job.kind].operation == "release"]
    creates = [job for job in jobs if KINDS[job.kind].operation == "create"]
    try:
        if releases:
            _find(_released_since(client, releases, clock_minutes), {_document(job): job for job in releases}, _key, _seen_released, found)
        if creates:
            _find(_created_since(client, creates, clock_minutes), {mark_of(job.id): job for job in creates}, _mark, _seen_created, found)
    except RateLimited as error:
        return [(job, found.get(job.id) or later("a list was refused: too many calls", wait=error.retry_after or 1.0)) for job in jobs]
    except CallError:
        return [(job, found.get(job.id) or later("no list could be read; it is asked for alone", wait=0.0, single=True)) for job in jobs]
    done = [job for job in jobs if job.id in found]
    left = _left(settings, [job for job in jobs if job.id not in found], now, newest_done=max(map(_sent, done), default=0.0))
    return [(job, found[job.id]) for job in done] + left


def _left(settings: Visma, jobs: Sequence[Job], now: float, newest_done: float) -> list[tuple[Job, Verdict]]:
    """What becomes of those that the list did not show."""
    oldest = {job.id for job in sorted(jobs, key=_sent)[: max(OLDEST, len(jobs) // _JOBS_TO_A_PAGE)]}
    return [(job, _unseen(settings, job, oldest=job.id in oldest, overtaken=_sent(job) < newest_done, now=now)) for job in jobs]


def _unseen(settings: Visma, job: Job, *, oldest: bool, overtaken: bool, now: float) -> Verdict:
    polls = int(job.progress.get("polls", 0))
    if now - _sent(job) > settings.give_up:
        return later("no list has ever shown it; the document is read a last time", wait=0.0, single=True)
    if job.progress.get("finished"):
        late = int(job.progress.get("late", 0))
        wait = next_poll(late, _LATE_FIRST, settings.poll_max, random.random())  # noqa: S311 - jitter
        return later("the operation has ended well, but no list shows it yet", wait=wait, late=late + 1)
    doubtful = bool(job.progress.get("doubt")) and now - _sent(job) >= settings.second_look
    if notified(job) or doubtful or oldest or polls + 1 >= (LISTS_BEFORE_POLL if overtaken else MOST_LISTS):
        return later("no list shows it yet; its operation is asked", wait=0.0, single=True)
    wait = next_poll(polls, first_poll(settings, job), settings.poll_max, random.random())  # noqa: S311 - jitter
    return later("no list shows it yet", wait=wait, polls=polls + 1)


def _released_since(client: VismaClient, jobs: Sequence[Job], clock_minutes: int) -> Iterable[KitAssemblyStatus]:
    filters = KitAssemblyFilter(status=RELEASED, last_modified=_border(jobs, clock_minutes), last_modified_condition=">=")
    return _pages(client, filters, len(jobs))


def _created_since(client: VismaClient, jobs: Sequence[Job], clock_minutes: int) -> Iterable[KitAssemblyStatus]:
    filters = KitAssemblyFilter(created=_border(jobs, clock_minutes), created_condition=">=")
    return _pages(client, filters, len(jobs))


def _pages(client: VismaClient, filters: KitAssemblyFilter, jobs: int) -> Iterable[KitAssemblyStatus]:
    """Page after page, but no more than are worth it for so many jobs."""
    for number in range(1, 2 + jobs // _JOBS_TO_A_PAGE):
        page = client.list_statuses(filters, page_number=number, page_size=_PAGE)
        yield from page.records
        if page.last:
            return


def _find(
    records: Iterable[KitAssemblyStatus],
    wanted: dict[str, Job],
    name: Callable[[KitAssemblyStatus], str | None],
    seen: Callable[[Job, KitAssemblyStatus], Verdict],
    found: dict[str, Verdict],
) -> None:
    """Match the records to the jobs; stops reading when each has its own."""
    left = dict(wanted)
    for record in records:
        job = left.pop(name(record) or "", None)
        if job is not None:
            found[job.id] = seen(job, record)
        if not left:
            return


def _document(job: Job) -> str:
    return job.subject or job.id


def _key(record: KitAssemblyStatus) -> str | None:
    named = {"type": record.type, "ref_no": record.ref_no}
    return KINDS["release_kit_assembly"].subject(named) if record.status == RELEASED else None


def _mark(record: KitAssemblyStatus) -> str | None:
    _, found, rest = (record.description or "").rpartition("[kr:")
    return f"[kr:{rest.partition(']')[0]}]" if found else None


def _seen_released(_job: Job, record: KitAssemblyStatus) -> Verdict:
    return released(record, "seen released in a list")


def _seen_created(job: Job, record: KitAssemblyStatus) -> Verdict:
    return created(job, record, f"seen in a list: {record.type}/{record.ref_no}")


def _border(jobs: Sequence[Job], clock_minutes: int) -> datetime:
    earliest = datetime.fromtimestamp(min(_sent(job) for job in jobs), UTC)
    return on_their_clock(earliest - MARGIN, clock_minutes)


def _sent(job: Job) -> float:
    sent: float = job.progress.get("sent_at") or job.created_at.timestamp()
    return sent
