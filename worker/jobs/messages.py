"""Error messages as reasons: what is the same in the messages of many documents. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.model import Job

LONGEST: Final = 300
"""Of a message, so much names its group: an index of PostgreSQL takes no more than 2,700 bytes in all."""

_CHANGING: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[PD]/\S+"), "<document>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


def normalised(message: str) -> str:
    """A message without what differs from one document to the next: ids, document numbers, numbers."""
    for pattern, word in _CHANGING:
        message = pattern.sub(word, message)
    return message


def error_group(job: Job) -> str | None:
    """The reason why a failed job failed, as many jobs may have it; None for a job that is not failed."""
    if job.state is not State.FAILED:
        return None
    return normalised(job.error.message)[:LONGEST] if job.error is not None else ""
