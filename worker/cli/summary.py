"""The demo's summary, for a person."""

from __future__ import annotations

from typing import Any

import click

from worker.cli.output import pairs, span, table


def show_summary(summary: dict[str, Any]) -> None:
    """What was done, what it cost, and whether it was right."""
    click.echo()
    pairs(
        [
            ("documents", summary["documents"]),
            ("released exactly once", summary["released_once"]),
            ("failed", summary["failed"]),
            ("time", f"{span(summary['seconds'])}, {summary['documents_per_second']} documents/s"),
            ("ERP calls", f"{summary['erp_calls']}: {summary['erp_calls_per_document']} for each released document"),
            ("", f"{summary['list_calls']} lists, {summary['reads']} reads, {summary['polls']} polls; the rest are releases"),
            ("notifications used", f"{summary['notifications']['used']} of {summary['notifications']['sent']} sent"),
            ("settled by", ", ".join(f"{way}: {n}" for way, n in summary["settled_by"].items() if n) or "nothing"),
            ("most calls at once", f"{summary['most_calls_at_once']} of {summary['slots']} slots"),
            ("overlapping operations", summary["overlapping_documents"]),
            *([("faults that struck", _struck(summary["faults"]))] if summary["faults"] else []),
        ]
    )
    if summary["failures"]:
        click.echo()
        table(("failed", "class", "why"), [(each["count"], each["error_class"], each["message"]) for each in summary["failures"]])
    click.echo()
    for problem in summary["problems"]:
        click.secho(f"WRONG: {problem}", fg="red")
    if summary["ok"]:
        click.secho("Every document that can be released was released exactly once.", fg="green")


def _struck(faults: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(faults.items()))
