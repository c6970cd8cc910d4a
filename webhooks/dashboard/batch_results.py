"""What came of a batch's jobs, as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard.batch_page import find
from webhooks.dashboard.visiting import Download
from worker.jobs import batch_jobs
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.model import Job

HEAD: Final = (
    "id",
    "reference",
    "state",
    "kind",
    "erp",
    "erp_id",
    "ref_no",
    "error_class",
    "error_message",
    "attempts",
    "created_at",
    "started_at",
    "finished_at",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARK: Final = "\ufeff"  # tells spreadsheets that this is UTF-8
_UNSAFE: Final = re.compile(r"[^\w.-]+", re.ASCII)


def download(visit: Visit) -> Outcome:
    """`/batches/<id>/results.csv`: every job of it, a line each."""
    with visit.api.database.read() as connection:
        batch = find(visit, connection)
    name = _UNSAFE.sub("-", batch.name).strip("-.")[:80] or "batch"
    return Download(written(batch_jobs.portions(visit.api.database, batch.id)), "text/csv; charset=utf-8", f"{name}.csv")


def written(portions: Iterable[Sequence[Job]]) -> Iterator[bytes]:
    """The file in parts: its head, then a part for each portion of jobs."""
    yield (_MARK + _lines([HEAD])).encode()
    for portion in portions:
        yield _lines([cells(job) for job in portion]).encode(errors="replace")


def cells(job: Job) -> list[str]:
    """A job's line. Times are RFC 3339 in UTC; why it failed is told only of one that did not succeed after all."""
    error = None if job.state.value == "succeeded" else job.error
    ref_no = job.result.get("ref_no") if isinstance(job.result, dict) else None
    found: list[Any] = [
        job.id,
        job.reference,
        job.state.value,
        job.kind,
        job.erp,
        job.erp_id,
        ref_no,
        error.error_class if error else None,
        error.message if error else None,
        job.attempt,
        at(job.created_at),
        at(job.started_at),
        at(job.finished_at),
    ]
    return [plain(each) for each in found]


def plain(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: what could be one has an apostrophe before it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows(rows)
    return sheet.getvalue()
