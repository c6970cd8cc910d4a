"""What came of a job, in words. Pure. A result is JSON of a worker's; what is not understood here is shown as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.api.fields import ID
from webhooks.dashboard import words
from webhooks.dashboard.job.documents import STATUSES, plain
from worker.settings import SEND_NOTICE

if TYPE_CHECKING:
    from worker.jobs.model import Job

_DONE: Final = {
    "create_kit_assembly": "It exists in Visma Net as",
    "update_kit_assembly": "Visma Net shows what was asked for:",
    "release_kit_assembly": "It is released in Visma Net:",
}
_PAGES: Final = {"job": "jobs", "batch": "batches"}
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Target:
    """What a sync found at one target, and what it wrote there."""

    erp: str
    found: str
    applied: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A result in words: a sentence, the document it names, a sync's targets."""

    sentence: str
    reference: str = ""
    targets: tuple[Target, ...] = ()


def told_of(job: Job) -> Told | None:
    """The result in words; None where there is none to tell."""
    result: Mapping[str, Any] = job.result if isinstance(job.result, Mapping) else {}
    if isinstance(marked := result.get("marked_done"), Mapping):
        return Told(f"{plain(marked.get('by'))} marked it as done: {plain(marked.get('reason'))}")
    if job.kind == "delete_kit_assembly" and job.state == "succeeded":
        return Told("The document is gone from Visma Net.")
    if job.kind in _DONE and result.get("ref_no"):
        return _document(job, result)
    if isinstance(result.get("targets"), Mapping):
        return _sync(result) if result["targets"] else None
    own = next((plain(result[name]) for name in ("id", "key", "kit_line") if name in result), "")
    return Told(f"The line is {own}." if own else "") if result else None


def tells_of(job: Job) -> tuple[str, str] | None:
    """What a notice is about, and where its page is."""
    data = job.arguments.get("data") if job.kind == SEND_NOTICE else None
    about = str(job.arguments.get("type", "")).partition(".")[0]
    if not isinstance(data, Mapping) or about not in _PAGES or not ID.fullmatch(str(data.get("id"))):
        return None
    return plain(data.get("reference") or data.get("name") or about), f"/{_PAGES[about]}/{data['id']}"


def _document(job: Job, result: Mapping[str, Any]) -> Told:
    kind = plain(result.get("type")) or plain(job.arguments.get("type")) or "P"
    status = plain(result.get("status"))
    word = f"{STATUSES.get(status, status)} ({status})" if status and job.kind != "release_kit_assembly" else ""
    sentence = _DONE[job.kind] if job.state == "succeeded" else "So far:"
    return Told(sentence, f"{kind}/{plain(result['ref_no'])}" + (f", {word}" if word else ""))


def _sync(result: Mapping[str, Any]) -> Told:
    source = plain(result.get("source"))
    begin = "This was a dry run: nothing was written." if result.get("dry_run") else f"From {words.ERPS.get(source, source)}:"
    return Told(begin, targets=tuple(_target(str(erp), each) for erp, each in list(result["targets"].items())[:_MOST]))


def _target(erp: str, report: object) -> Target:
    told: Mapping[str, Any] = report if isinstance(report, Mapping) else {}
    applied = told.get("applied")
    notes = []
    if told.get("edited_there"):
        notes.append("somebody had edited it there")
    if isinstance(told.get("left_out"), list):
        notes.append(f"{len(told['left_out'])} not carried over, as they are not kept in stock")
    return Target(
        erp=erp,
        found=_found(told.get("difference")),
        applied=tuple(plain(each) for each in applied[:_MOST]) if isinstance(applied, list) else (),
        notes=tuple(notes),
    )


def _found(difference: object) -> str:
    """How many lines were missing, different and extra there."""
    told: Mapping[str, Any] = difference if isinstance(difference, Mapping) else {}
    named = (("create", "missing"), ("update", "different"), ("delete", "extra"))
    counts = [(len(told[name]), word) for name, word in named if isinstance(told.get(name), list) and told[name]]
    return ", ".join(f"{count} {word}" for count, word in counts) or ("no difference" if told else words.NOTHING)
