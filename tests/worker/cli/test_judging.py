"""The demo's judgement: by the effects in the ERP, and no fault gets past it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from worker.cli.cluster import Plan
from worker.cli.judging import NEVER, Seen, judge
from worker.cli.summary import show_summary

Change = Callable[[Seen], object]


def document(key: str, releases: int = 1, refused: int = 0) -> dict[str, Any]:
    """What the ERP knows of one document."""
    return {"key": key, "status": "R" if releases else "B", "releases": releases, "refused": refused, "most_at_once": 1}


@pytest.fixture
def seen() -> Seen:
    """Three documents: two released, one that can't be."""
    job = {"reference": "P/3", "error": {"class": "validation", "message": f"quantity {NEVER}."}}
    counts = {"succeeded": 2, "failed": 1, "queued": 0, "waiting": 0}
    batch = {
        "total": 3,
        "counts": counts,
        "created_at": "2026-01-31T12:00:00Z",
        "finished_at": "2026-01-31T12:00:02Z",
        "failures": [{"error_class": "validation", "message": "no", "count": 1}],
    }
    effects = {
        "calls": 6,
        "routes": {
            "GET /v1/kitassembly": {"200": 1},
            "GET /v1/background/{id}": {"200": 1},
            "GET /v1/background/{id}/content": {"200": 1},
            "POST /v1/kitassembly/{type}/{refNo}/action/release": {"202": 3},
        },
        "most_calls_at_once": 8,
        "overlapped_documents": 0,
        "notifications": {"sent": 3},
        "violations": {"repeated_failures": 0},
        "documents": [document("P/1"), document("P/2"), document("P/3", 0, 1)],
        "faults": {"finished-400": 1},
    }
    return Seen(Plan(documents=3, slots=8), batch, effects, [job], {"notification, then a list": 2, "list": 0})


def test_good_run_is_ok(seen: Seen, capsys: pytest.CaptureFixture[str]) -> None:
    """Released exactly once, or failed with the ERP's own reason: nothing is wrong, and the numbers are told."""
    summary = judge(seen)
    assert summary["ok"] is True
    assert (summary["released_once"], summary["failed"], summary["seconds"]) == (2, 1, 2.0)
    assert (summary["erp_calls_per_document"], summary["polls"], summary["list_calls"]) == (3.0, 2, 1)
    assert summary["notifications"] == {"sent": 3, "used": 2}
    show_summary(summary)
    told = capsys.readouterr().out
    assert "3.0 for each released document" in told
    assert "Every document that can be released was released exactly once." in told


WRONG: dict[str, Change] = {
    "released more than once": lambda seen: seen.counts["documents"][0].update(releases=2),
    "said to be released, but not": lambda seen: seen.counts["documents"][0].update(releases=0),
    "never touched": lambda seen: seen.counts["documents"].pop(0),
    "the batch has 2 jobs": lambda seen: seen.batch.update(total=2),  # type: ignore[attr-defined]
    "failed without a true reason": lambda seen: seen.failed[0]["error"].update(message="I gave up"),
    "without a true reason: 1 (P/3)": lambda seen: seen.counts["documents"][2].update(refused=0),
    "9 calls at once": lambda seen: seen.counts.update(most_calls_at_once=9),  # type: ignore[attr-defined]
    "two operations at once": lambda seen: seen.counts.update(overlapped_documents=1),  # type: ignore[attr-defined]
    "did not end": lambda seen: seen.batch["counts"].update(waiting=1),
}


@pytest.mark.parametrize("words", WRONG)
def test_every_fault_is_seen(words: str, seen: Seen, capsys: pytest.CaptureFixture[str]) -> None:
    """Each thing that can go wrong is named, and makes the run not ok."""
    spoilt = copy.deepcopy(seen)
    WRONG[words](spoilt)
    summary = judge(spoilt)
    assert summary["ok"] is False
    assert any(words in problem for problem in summary["problems"])
    show_summary(summary)
    assert "WRONG" in capsys.readouterr().out
