"""What to look for among jobs, and the conditions that say so of a row of `jobs`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, exists, false, or_, select

from worker.jobs.groups import named
from worker.jobs.states import State
from worker.jobs.tables import in_state, job_tags, job_terms, jobs
from worker.jobs.terms import asked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.groups import Group


MOST_IDS: Final = 500


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What to look for; None means anything.

    `tenants` is what the asker may see, None for all. `q` is words, each of which must be a job's id or ERP id, or the beginning of a
    word of its reference, arguments, tags or error. `since` and `until` (not included) are about when a job was made. `ids`: these and no
    others, at most `MOST_IDS`. `failure` is the id of a group of failed jobs, and `group` that group, once it is looked up
    (`worker.jobs.groups`). `closed`: whether a later job did what a failed one was to do.
    """

    tenants: tuple[str, ...] | None = None
    tenant: str | None = None
    kind: str | None = None
    state: tuple[str, ...] | None = None
    batch: str | None = None
    tag: str | None = None
    erp_id: str | None = None
    reference: str | None = None
    error_class: str | None = None
    q: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] | None = None
    failure: str | None = None
    group: Group | None = None
    closed: bool | None = None

    @property
    def within(self) -> tuple[str, ...] | None:
        """The tenants whose jobs may be found; None: all."""
        if self.tenant is None:
            return self.tenants
        return (self.tenant,) if self.tenants is None or self.tenant in self.tenants else ()


def looked_up(connection: Connection, wanted: JobFilter) -> JobFilter:
    """The same with what its ids stand for. A group in which no job stands that may be found leaves no tenants: nothing is found."""
    if wanted.failure is None:
        return wanted
    group = named(connection, wanted.failure, wanted.within)
    return replace(wanted, failure=None, group=group) if group is not None else replace(wanted, failure=None, tenants=())


def conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """What must be true of a row of `jobs`. Nothing at all is found by a question without a word."""
    found = unled(wanted)
    if wanted.tag is not None:
        found.append(exists().where(job_tags.c.tag == wanted.tag, job_tags.c.job == jobs.c.id))
    if wanted.q is not None:
        found += [has_word(word, written) for word, written in asked(wanted.q).items()] or [false()]
    if wanted.since is not None:
        found.append(jobs.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(jobs.c.created_at < wanted.until)
    return found


def unled(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """What the columns of `jobs` must be, said so that no index is used for it: which one leads is decided by `worker.jobs.lists`."""
    found = [plain(name) == value for name, value in _values(wanted).items() if value is not None]
    if wanted.within is not None:
        found.append(plain("tenant").in_(wanted.within))
    if wanted.state is not None:
        found.append(plain("state").in_(wanted.state))
    if wanted.ids is not None:
        found.append(plain("id").in_(wanted.ids))
    if wanted.group is not None:
        found += [in_state(State.FAILED), *(plain(name) == value for name, value in _grouped(wanted.group).items())]
    return found + closing(wanted)


def has_word(word: str, written: str) -> ColumnElement[bool]:
    """The job has a word that begins so, or one of its ids is this."""
    there = select(job_terms.c.job).where(job_terms.c.job == jobs.c.id, begins(word)).exists()
    return or_(there, jobs.c.id == word, plain("erp_id").in_(erp_ids(word, written)))


def begins(word: str) -> ColumnElement[bool]:
    """The term begins with the word: a range of the index, as terms are sorted by code points."""
    return and_(job_terms.c.term >= word, job_terms.c.term < word + "\U0010ffff")


def erp_ids(word: str, written: str) -> tuple[str, ...]:
    """The ERP ids that a word of a question may mean."""
    return tuple(dict.fromkeys((written, word, word.upper())))


def closing(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """Whether a later job did what a failed one was to do, where that is asked for."""
    if wanted.closed is None:
        return []
    return [jobs.c.closed_at.is_not(None) if wanted.closed else jobs.c.closed_at.is_(None)]


def _grouped(group: Group) -> dict[str, str | None]:
    return {"tenant": group.tenant, "kind": group.kind, "error_class": group.error_class, "error_group": group.message}


def _values(wanted: JobFilter) -> dict[str, Any]:
    return {
        "kind": wanted.kind,
        "batch": wanted.batch,
        "erp_id": wanted.erp_id,
        "reference": wanted.reference,
        "error_class": wanted.error_class,
    }


def plain(name: str) -> ColumnElement[Any]:
    """A column of `jobs`, said so that no index is used for it."""
    return jobs.c[name].concat("")
