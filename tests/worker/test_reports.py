"""What an answer says of its connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.clients.answers import Answer
from worker.reports import report_of

NOW = 1_800_000_000.0
AT = datetime.fromtimestamp(NOW, UTC)


def answer_of(status: int | None, error_class: str | None = None, **changes: Any) -> Answer:
    """The end of a call."""
    return Answer(at=NOW, status=status, ms=12.3, error_class=error_class, **changes)


REPORTS: list[tuple[Answer, dict[str, Any]]] = [
    (
        answer_of(200, remaining=99, resets_in=60.0),
        {"calls": 1, "oks": 1, "failures": 0, "left": 99, "resets_at": AT + timedelta(seconds=60)},
    ),
    (answer_of(202), {"oks": 1, "last_ok_at": AT, "left": None, "resets_at": None, "ms": 12}),
    (answer_of(400, "validation"), {"oks": 1, "failures": 0}),
    (answer_of(404, "missing_reference"), {"oks": 1, "failures": 0}),
    (answer_of(403, "auth"), {"oks": 1, "failures": 0}),
    (answer_of(401, "auth"), {"calls": 1, "oks": 0, "failures": 0, "refused": False}),
    (
        answer_of(429, "rate_limited", retry_after=7.0, resets_in=60.0),
        {"oks": 0, "failures": 0, "blocked_until": AT + timedelta(seconds=7)},
    ),
    (answer_of(429, "rate_limited", resets_in=60.0), {"blocked_until": AT + timedelta(seconds=60)}),
    (answer_of(429, "rate_limited"), {"blocked_until": AT + timedelta(seconds=30)}),
    (answer_of(429, "rate_limited", retry_after=0.1), {"blocked_until": AT + timedelta(seconds=1)}),
    (answer_of(503, "unavailable"), {"oks": 0, "failures": 1, "why": "answers 503"}),
    (answer_of(408, "timeout"), {"failures": 1}),
    (answer_of(None, "timeout"), {"calls": 1, "failures": 1, "why": "does not answer"}),
    (answer_of(None, "unavailable"), {"failures": 1}),
    (answer_of(200, token=True), {"calls": 0, "oks": 1}),
    (answer_of(400, "validation", token=True), {"calls": 0, "failures": 1, "refused": True}),
    (answer_of(401, "auth", token=True), {"failures": 1, "refused": True}),
    (answer_of(503, "unavailable", token=True), {"calls": 0, "failures": 1, "refused": False}),
]


@pytest.mark.parametrize(("answer", "expected"), REPORTS)
def test_report(answer: Answer, expected: dict[str, Any]) -> None:
    """What each answer says of budget and health. Token calls are not in the budget; a refused request is a sign of life."""
    report = report_of(answer, AT)

    assert {name: getattr(report, name) for name in expected} == expected
