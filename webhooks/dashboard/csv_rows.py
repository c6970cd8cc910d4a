"""Jobs as lines of a file for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.jobs.model import Job

TYPE: Final = "text/csv; charset=utf-8"
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
    "tenant",
    "batch",
    "tags",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_AFTER_CUT: Final = re.compile(r"[;\t\r\n][ \"]*(?=[=+\-@])")
_MARK: Final = "\ufeff"  # tells spreadsheets that this is UTF-8


def written(portions: Iterable[Sequence[Job]], most: int | None = None) -> Iterator[bytes]:
    """The file in parts: its head, then one for each portion of jobs. Of more than `most` jobs the last line says that it was cut."""
    yield (_MARK + _lines([HEAD])).encode()
    left = most
    for portion in portions:
        jobs = portion if left is None else portion[:left]
        yield _lines([cells(job) for job in jobs]).encode(errors="replace")
        if left is not None:
            if len(portion) > left:
                yield _lines([[f"Cut here: there are more than {most} jobs. Narrow the filter for the rest."]]).encode()
                return
            left -= len(portion)


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
        job.tenant,
        job.batch,
        " ".join(job.tags),
    ]
    return [plain(each) for each in found]


def plain(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: what could be one has an apostrophe before it.

    So has what follows a sign at which some cut cells: where a comma stands in numbers, that is the semicolon.
    """
    text = _AFTER_CUT.sub(r"\g<0>'", "" if value is None else str(value))
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows(rows)
    return sheet.getvalue()
