"""Documents of Visma's as people read them, and which of them a job is about. Pure.

What Visma answers is taken as it comes: any member may lack, be of another type, or be long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.dashboard.job.curl import harmless
from worker.kinds import KINDS

if TYPE_CHECKING:
    from worker.jobs.model import Job

STATUSES: Final = {"R": "Released", "B": "Balanced", "H": "On hold"}
TYPES: Final = {"P": "Production", "D": "Disassembly"}
FACTS: Final = (
    ("Item", ("item_id",)),
    ("Description", ("description",)),
    ("Quantity", ("quantity", "uom")),
    ("Warehouse", ("warehouse",)),
    ("Location", ("location",)),
    ("Date", ("date",)),
    ("Period", ("post_period",)),
    ("Revision", ("revision",)),
    ("Reason", ("reason_code",)),
    ("Made in Visma", ("created_date_time",)),
    ("Changed in Visma", ("last_modified_date_time",)),
)
"""What is shown first of a document, under which name; members that are read together stand together."""

LINES: Final = (("stock_component_lines", "Stock"), ("non_stock_component_lines", "Not in stock"))
MOST_LINES: Final = 100
_LONGEST: Final = 200
_ASSEMBLIES: Final = ("create_kit_assembly", "update_kit_assembly", "delete_kit_assembly", "release_kit_assembly", "read_kit_assembly")


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A component of a document."""

    number: str
    item: str
    description: str
    quantity: str
    unit: str
    per_kit: str
    place: str
    sort: str


@dataclass(frozen=True, slots=True)
class Document:
    """A kit assembly as Visma showed it. `more` lines are not shown."""

    reference: str
    status: str
    status_word: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[DocumentLine, ...]
    more: int
    left_out: tuple[str, ...]


def assembly_of(job: Job) -> dict[str, str] | None:
    """Type and number of the document that a job is about, as soon as that is known."""
    if job.kind not in _ASSEMBLIES:
        return None
    result: Mapping[str, Any] = job.result if isinstance(job.result, Mapping) else {}
    found = {name: job.arguments.get(name) or result.get(name) for name in ("type", "ref_no")}
    found["type"] = found["type"] or "P"
    if job.kind == "create_kit_assembly":
        found["ref_no"] = result.get("ref_no")
    named = {name: value for name, value in found.items() if isinstance(value, str) and value}
    return named if len(named) == len(found) else None


def subject_of(job: Job) -> str | None:
    """What no two jobs work on at once; also of a job that holds nothing itself, as one that made the document, or only looks."""
    if job.subject is not None:
        return job.subject
    named, kit = assembly_of(job), kit_of(job)
    if named is not None:
        return KINDS["release_kit_assembly"].subject(named)
    return None if kit is None else KINDS["sync_kit_lines"].subject({"kit": kit})


def kit_of(job: Job) -> str | None:
    """The kit that a job is about, by its code."""
    kit = job.arguments.get("kit")
    return kit if isinstance(kit, str) and kit else None


def document_of(result: object) -> Document | None:
    """The document in the result of a look; None: Visma has none."""
    told = result if isinstance(result, Mapping) else {}
    document = told.get("document")
    if not isinstance(document, Mapping):
        return None
    status = plain(document.get("status"))
    rows = [(row, sort) for name, sort in LINES for row in _rows(document.get(name))]
    return Document(
        reference=f"{plain(document.get('type'))}/{plain(document.get('ref_no'))}",
        status=status,
        status_word=STATUSES.get(status, status),
        facts=tuple((name, value) for name, members in FACTS if (value := _joined(document, members))),
        lines=tuple(_line(row, sort) for row, sort in rows[:MOST_LINES]),
        more=max(0, len(rows) - MOST_LINES),
        left_out=tuple(plain(each) for each in told.get("left_out") or () if isinstance(each, str)),
    )


def plain(value: object) -> str:
    """Any JSON value in one line: a text as it is, Visma's moments without what is nothing."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int, float)):
        text = str(value)
    elif isinstance(value, Mapping):
        return plain(value.get("id") or value.get("number") or value.get("name")) or plain(orjson.dumps(value).decode())
    else:
        text = orjson.dumps(value).decode()
    text = harmless(text).replace("\n", " ")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _joined(document: Mapping[str, Any], members: tuple[str, ...]) -> str:
    told = [
        _moment(plain(document.get(name))) if name.startswith(("date", "created", "last")) else plain(document.get(name))
        for name in members
    ]
    return " ".join(filter(None, told))


def _moment(text: str) -> str:
    """Visma's times have no zone: they are shown as they are, without an empty time of day."""
    return text.replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")


def _line(row: Mapping[str, Any], sort: str) -> DocumentLine:
    return DocumentLine(
        number=plain(row.get("line_nbr")),
        item=plain(row.get("item_id")),
        description=plain(row.get("description")),
        quantity=plain(row.get("quantity")),
        unit=plain(row.get("uom")),
        per_kit=plain(row.get("component_qty")),
        place=plain(row.get("location")),
        sort=sort,
    )
