"""Was a bulk release done right? Judged by the effects in the ERP, which the relay can't touch. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.cli.plan import Plan

LIST: Final = "GET /v1/kitassembly"
READ: Final = "GET /v1/kitassembly/{type}/{refNo}"
POLLS: Final = ("GET /v1/background/{id}", "GET /v1/background/{id}/content")
NEVER: Final = "will go negative"
"""What the simulated ERP says of a document that can't be released, ever."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge by: the plan, the batch as it ended, the ERP's counts with every document, failed jobs, ways of settling."""

    plan: Plan
    batch: Mapping[str, Any]
    counts: Mapping[str, Any]
    failed: Sequence[Mapping[str, Any]]
    settled: Mapping[str, int]


def judge(seen: Seen) -> dict[str, Any]:
    """The summary; `ok` is False where `problems` says why."""
    counts = seen.counts
    documents = counts["documents"]
    once = sum(each["releases"] == 1 for each in documents)
    problems = list(_problems(seen))
    seconds = _seconds(seen.batch)
    return {
        "ok": not problems,
        "problems": problems,
        "documents": seen.plan.documents,
        "released_once": once,
        "released_twice": sum(each["releases"] > 1 for each in documents),
        "failed": len(seen.failed),
        "failures": seen.batch["failures"],
        "seconds": round(seconds, 2),
        "documents_per_second": round(seen.batch["total"] / seconds, 1) if seconds else None,
        "erp_calls": counts["calls"],
        "erp_calls_per_document": round(counts["calls"] / once, 2) if once else None,
        "calls_by_route": {route: sum(by_status.values()) for route, by_status in counts["routes"].items()},
        "list_calls": _calls(counts, LIST),
        "reads": _calls(counts, READ),
        "polls": sum(_calls(counts, route) for route in POLLS),
        "notifications": {
            "sent": counts["notifications"]["sent"],
            "used": sum(n for way, n in seen.settled.items() if "notification" in way),
        },
        "settled_by": dict(seen.settled),
        "slots": seen.plan.slots,
        "most_calls_at_once": counts["most_calls_at_once"],
        "overlapping_documents": counts["overlapped_documents"],
        "repeated_requests": counts["violations"]["repeated_failures"],
        "faults": dict(counts["faults"]),
    }


def _problems(seen: Seen) -> Iterator[str]:
    documents = {each["key"]: each for each in seen.counts["documents"]}
    wrong = {job["reference"]: job for job in seen.failed}
    if seen.batch["total"] != seen.plan.documents:
        yield f"the batch has {seen.batch['total']} jobs for {seen.plan.documents} documents"
    twice = [key for key, each in documents.items() if each["releases"] > 1]
    if twice:
        yield f"released more than once: {_named(twice)}"
    lost = [key for key, each in documents.items() if not each["releases"] and key not in wrong]
    if lost:
        yield f"said to be released, but not: {_named(lost)}"
    if (missing := seen.plan.documents - len(documents)) > 0:
        yield f"{missing} documents were never touched"
    untrue = [key for key, job in wrong.items() if not _true(job, documents.get(key))]
    if untrue:
        yield f"failed without a true reason: {_named(untrue)}"
    yield from _limits(seen)


def _limits(seen: Seen) -> Iterator[str]:
    counts = seen.counts
    if counts["most_calls_at_once"] > seen.plan.slots:
        yield f"{counts['most_calls_at_once']} calls at once, with {seen.plan.slots} slots"
    if counts["overlapped_documents"]:
        yield f"two operations at once on {counts['overlapped_documents']} documents"
    left = {state: n for state, n in seen.batch["counts"].items() if n and state not in {"succeeded", "failed"}}
    if left:
        yield f"jobs that did not end: {left}"


def _true(job: Mapping[str, Any], document: Mapping[str, Any] | None) -> bool:
    """Whether the ERP refuses this document for good, did not release it, and the job says so in the ERP's own words."""
    never = document is not None and document["releases"] == 0 and document["refused"] > 0
    return never and job["error"] is not None and NEVER in job["error"]["message"]


def _seconds(batch: Mapping[str, Any]) -> float:
    if batch["finished_at"] is None:
        return 0.0
    return (datetime.fromisoformat(batch["finished_at"]) - datetime.fromisoformat(batch["created_at"])).total_seconds()


def _calls(counts: Mapping[str, Any], route: str) -> int:
    return sum(counts["routes"].get(route, {}).values())


def _named(keys: Sequence[str]) -> str:
    return f"{len(keys)} ({', '.join(sorted(keys)[:5])}{', …' if len(keys) > 5 else ''})"  # noqa: PLR2004 - enough to look at
