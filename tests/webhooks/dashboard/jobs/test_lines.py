"""A job as a line of a list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.dashboard.jobs.lines import LONGEST, line, result

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def job(**changes: Any) -> dict[str, Any]:
    """A job of the API that was made a minute ago."""
    plain = {
        "reference": "P/000123",
        "state": "queued",
        "error": None,
        "result": None,
        "due_at": "2026-03-04T11:59:00Z",
        "created_at": "2026-03-04T11:59:00Z",
    }
    return {**plain, "finished_at": None, **changes}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        ([1], ""),
        ({"type": "P", "ref_no": "000123", "status": "R", "last_modified": "x"}, "P/000123, released"),
        (
            {"kit": "K", "source": "visma", "dry_run": True, "wrote": 3, "targets": {}},
            "from Visma Net, dry run, written: 3",
        ),
    ],
)
def test_results_in_words(value: object, said: str) -> None:
    """What came of a job is said in a few words; what the line says elsewhere is left out."""
    assert result(value) == said


def test_own_document_unsaid() -> None:
    """The document that the line names already is not said again; another one is."""
    done = {"type": "P", "ref_no": "000123", "status": "B"}
    assert result(done, "P/000123") == "balanced"
    assert result(done, "KIT-0001") == "P/000123, balanced"
    assert result({"status": "X"}) == "status X"


def test_reasons_in_one_line() -> None:
    """An open or failed job says why it stands so, at a bounded length; one that succeeded says what came of it."""
    error = {"class": "timeout", "message": "x" * 999, "status": None, "retry": True}
    waits = line(job(state="retrying", error=error, due_at="2026-03-04T12:05:00Z"), NOW)
    done = line(job(state="succeeded", error=error, result={"ref_no": "7"}, finished_at="2026-03-04T11:59:30Z"), NOW)
    assert (waits["code"], len(waits["why"]), waits["news"], waits["took"]) == ("timeout", LONGEST, "tried again", 60.0)
    assert (done["code"], done["why"], done["news"], done["took"]) == ("", "7", None, 30.0)
