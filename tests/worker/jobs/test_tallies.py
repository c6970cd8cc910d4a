"""Counts by filter: the same as counting the list, whichever index they come from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, settle, wanted
from worker.jobs import lists, search, verdicts
from worker.jobs.filters import JobFilter
from worker.jobs.model import JobError
from worker.jobs.tallies import tally

if TYPE_CHECKING:
    from worker.jobs.engine import Database

KIND = "delete_kit_assembly"


def stock(db: Database) -> str:
    """Jobs in every state of two tenants and two kinds, some with tags, errors and words in common; the batch's id."""
    batch = make_batch(db, *(wanted(n, tags=("red",)) for n in range(6)), *(wanted(n, kind=KIND) for n in range(6, 9)))
    make(db, *(wanted(n, kind=KIND, tags=("red", "blue")) for n in range(20, 26)), now=later(60))
    make(db, *(wanted(n, tenant="other", tags=("blue",)) for n in range(3)), now=later(120))
    for number, job in enumerate(claim(db, 12, now=later(300))):
        verdict = (
            verdicts.done("seen"),
            verdicts.failed(JobError("auth", "no access")),
            verdicts.accepted("taken", wait=60, erp_id=f"op-{number}"),
        )
        if number % 4 < 3:
            settle(db, job, verdict[number % 4], later(300))
    return batch.id


@pytest.mark.parametrize("long", [0, 2, 60_000])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"tenants": ("acme",)},
        {"tenants": ("acme", "other"), "state": ("failed", "queued")},
        {"tenants": ("other",), "tenant": "acme"},
        {"tenants": ()},
        {"kind": KIND},
        {"kind": KIND, "state": ("succeeded",)},
        {"state": ("waiting",)},
        {"batch": ""},
        {"batch": "", "kind": KIND, "tenants": ("acme",)},
        {"batch": "", "tenants": ("other",)},
        {"batch": "", "error_class": "auth", "state": ("failed",)},
        {"error_class": "auth"},
        {"error_class": "auth", "tag": "red"},
        {"tag": "blue", "tenants": ("other",)},
        {"tag": "blue", "kind": KIND},
        {"q": "p/00000"},
        {"q": "access 00"},
        {"q": "op-2"},
        {"q": "%"},
        {"since": later(60)},
        {"since": later(60), "until": later(120), "kind": KIND},
        {"until": NOW},
        {"reference": "P/000001"},
        {"reference": "P/000001", "tenants": ("other",)},
        {"erp_id": "op-2"},
    ],
)
def test_tally_counts_the_list(asked: dict[str, Any], long: int, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tally says how many the list has by state and kind; the list is the same whether a lead is followed or all jobs are walked."""
    monkeypatch.setattr(lists, "LONG", long)
    batch = stock(db)
    wanted_jobs = JobFilter(**{**asked, **({"batch": batch} if "batch" in asked else {})})
    with db.read() as connection:
        everything = search.find_jobs(connection, JobFilter(), 999)
        listed = search.find_jobs(connection, wanted_jobs, 999)
        counted = tally(connection, wanted_jobs)
    assert counted == Counter((job.state, job.kind) for job in listed)
    assert [job for job in everything if job in listed] == listed
