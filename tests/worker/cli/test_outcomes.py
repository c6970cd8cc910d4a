"""What became of a sync, from its job's result to what people read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.cli.differences import MOST, show_applied, show_found
from worker.cli.outcomes import outcome_of, rows_of
from worker.cli.syncing import Gathered
from worker.jobs.model import Job, JobError
from worker.jobs.states import State
from worker.kits.difference import difference
from worker.kits.model import Line, Recipe, RemoteKit, RemoteLine

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIFFERENCE = {
    "create": [{"component": "NUT", "quantity": "4", "unit": "EA", "rank": 3}],
    "update": [{"component": "BOLT", "line": "1", "unit": "EA", "quantity": {"from": "2", "to": "4"}, "rank": {"from": 2, "to": 1}}],
    "delete": [{"component": "CAP", "quantity": "1", "unit": None, "line": "2"}],
    "same": 9,
}
QUANTITIES = st.decimals(Decimal("0.01"), Decimal(100), places=2)
RECIPES = st.dictionaries(st.sampled_from([f"C-{n}" for n in range(8)]), QUANTITIES, min_size=1)


def ended(state: State = State.SUCCEEDED, error: JobError | None = None, **targets: Any) -> Job:
    """An ended sync with this result."""
    wrote = any(report.get("applied") for report in targets.values())
    result = {"kit": "KIT-1", "source": "visma", "dry_run": not wrote, "wrote": wrote, "targets": targets}
    return Job(
        id="019a",
        tenant="acme",
        erp="visma",
        kind="sync_kit_lines",
        arguments={"kit": "KIT-1"},
        reference="KIT-1",
        created_at=NOW,
        due_at=NOW,
        made_by="cli",
        max_attempts=8,
        state=state,
        result=result if targets else None,
        error=error,
    )


def shown(job: Job, capsys: pytest.CaptureFixture[str], *, applied: bool = False) -> str:
    """What is printed for it."""
    outcome = outcome_of(job)
    (show_applied if applied else show_found)(Gathered({outcome.stand: 1}, [outcome], []))
    return capsys.readouterr().out


@given(RECIPES, RECIPES, st.booleans())
def test_rows_are_the_difference(wanted: dict[str, Decimal], have: dict[str, Decimal], order: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """A difference that went through a job's result gives the rows that it had before."""
    lines = tuple(Line(code, quantity, "EA", rank=place) for place, (code, quantity) in enumerate(wanted.items(), start=1))
    there = tuple(RemoteLine(str(place), Line(code, quantity, "EA", rank=place)) for place, (code, quantity) in enumerate(have.items()))
    found = difference(Recipe("KIT", lines), RemoteKit("1", "KIT", there), order=order, places=6, same=str.casefold)
    assert rows_of(found.to_json()) == found.rows()


def test_difference_is_table(capsys: pytest.CaptureFixture[str]) -> None:
    """What is to be done, to which component, from what to what, in which unit; what was left out; and the lines that agree."""
    left_out = [{"component": "LABOUR", "quantity": "1", "why": "not kept in stock"}]
    told = shown(ended(itempath={"difference": DIFFERENCE, "applied": [], "left_out": left_out, "edited_there": True}), capsys)
    assert [line.split() for line in told.splitlines()[1:6]] == [
        ["what", "component", "from", "to", "unit"],
        ["create", "NUT", "4", "EA"],
        ["update", "BOLT", "2", "4", "EA"],
        ["update", "BOLT", "place", "2", "place", "1"],
        ["delete", "CAP", "1"],
    ]
    assert "KIT-1 in itempath: 4 to change, 9 lines the same" in told
    assert "left out: LABOUR, 1 (not kept in stock)" in told
    assert "edited there" in told
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    ("targets", "stand"),
    [
        ({"itempath": {"difference": {**DIFFERENCE, "create": [], "update": [], "delete": []}, "applied": []}}, "in step"),
        ({"itempath": {"difference": DIFFERENCE, "applied": []}}, "differs"),
        ({"itempath": {"difference": DIFFERENCE, "applied": ["create NUT to 4"]}}, "written"),
    ],
)
def test_stand_is_by_result(targets: dict[str, Any], stand: str) -> None:
    """A kit is in step, differs, or was written."""
    assert outcome_of(ended(**targets)).stand == stand


def test_held_says_force(capsys: pytest.CaptureFixture[str]) -> None:
    """Where too many lines would go, the reason and the way on are said."""
    message = "9 of 12 lines would be deleted: held until it is forced, or the source is put right"
    job = ended(State.FAILED, JobError("conflict", message), intacct={"difference": DIFFERENCE, "applied": []})
    told = shown(job, capsys, applied=True)
    assert f"KIT-1 failed (conflict): {message}" in told
    assert "kitrelay sync KIT-1 --force" in told
    assert "KIT-1 in intacct: 0 written, 4 wanted" in told
    assert outcome_of(job).view()["error"]["class"] == "conflict"


def test_half_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What was written before it failed is named, with whatever else the result says of the target."""
    report = {
        "difference": DIFFERENCE,
        "applied": ["update BOLT to 4"],
        "stopped": "INV-1 no",
        "made": ["NUT"],
        "revenue_total_off": "99.9",
    }
    told = shown(ended(State.FAILED, JobError("validation", "INV-1 no"), intacct=report), capsys, applied=True)
    for words in (
        "written: update BOLT to 4",
        "stopped: INV-1 no",
        "made first: NUT",
        "revenue total off: 99.9",
        "kitrelay jobs show 019a",
    ):
        assert words in told


def test_cancelled_is_failed() -> None:
    """A sync that somebody cancelled did not do what was asked."""
    outcome = outcome_of(ended(State.CANCELLED))
    assert outcome.stand == "failed"
    assert outcome.error is not None
    assert "cancelled" in outcome.error.message


def test_many_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty kits are shown, those that failed first; all are counted."""
    fine = outcome_of(ended(itempath={"difference": DIFFERENCE, "applied": []}))
    bad = outcome_of(ended(State.FAILED, JobError("auth", "no")))
    show_found(Gathered({"differs": 70, "failed": 1}, [fine] * 70 + [bad], []))
    told = capsys.readouterr().out
    assert told.startswith("KIT-1 failed (auth): no")
    assert told.count("KIT-1 in itempath") == MOST - 1
    assert "71 kits: 1 failed, 70 with differences; 50 of them are shown" in told


def test_none_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing differs that is said."""
    show_found(Gathered({}, [], []))
    assert capsys.readouterr().out == "no kit differs\n"
