"""What came of a batch's jobs, as a file for a spreadsheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhooks.dashboard.batches.page import find
from webhooks.dashboard.csv_rows import TYPE, written
from webhooks.dashboard.visiting import Download
from worker.jobs import batch_jobs

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit

_UNSAFE: Final = re.compile(r"[^\w.-]+", re.ASCII)


def download(visit: Visit) -> Outcome:
    """`/batches/<id>/results.csv`: every job of it, a line each."""
    with visit.api.database.read() as connection:
        batch = find(visit, connection)
    name = _UNSAFE.sub("-", batch.name).strip("-.")[:80] or "batch"
    return Download(written(batch_jobs.portions(visit.api.database, batch.id)), TYPE, f"{name}.csv")
