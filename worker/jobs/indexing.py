"""The words of jobs as rows: written with the job, and again when it is called otherwise, fails, or is failed no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, insert

from worker.jobs.states import State
from worker.jobs.tables import job_terms
from worker.jobs.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job


def index(connection: Connection, made: Iterable[Job]) -> None:
    """Write the words of new jobs."""
    rows = [{"job": job.id, "term": term, "tenant": job.tenant} for job in made for term in sorted(terms_of(job))]
    if rows:
        connection.execute(_INSERT, rows)


def reindex(db: Database, connection: Connection, pairs: Sequence[tuple[Job, Job]]) -> None:
    """Write what changed from each job to what it is now. Most moves change no word: they cost nothing here."""
    gone: list[dict[str, str]] = []
    come: list[dict[str, str]] = []
    for before, after in pairs:
        if not _is_told_anew(before, after):
            continue
        had, has = terms_of(before), terms_of(after)
        gone += [{"of": after.id, "word": term} for term in had - has]
        come += [{"job": after.id, "term": term, "tenant": after.tenant} for term in sorted(has - had)]
    if gone:
        connection.execute(_DELETE, gone)
    if come:
        connection.execute(db.insert_if_absent(job_terms), come)


def _is_told_anew(before: Job, after: Job) -> bool:
    if State.FAILED in {before.state, after.state}:
        return True
    return before.reference != after.reference or before.arguments != after.arguments


_INSERT: Final = insert(job_terms)
_DELETE: Final = delete(job_terms).where(job_terms.c.job == bindparam("of"), job_terms.c.term == bindparam("word"))
