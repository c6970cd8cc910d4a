"""A job as a line of a list: why it stands where it stands, or what came of it, in a few words; and how long it has been. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words
from webhooks.dashboard.job.documents import STATUSES

if TYPE_CHECKING:
    from datetime import datetime

LONGEST: Final = 240
"""Characters of a reason in a list: its own page has all of it."""

_MOST: Final = 3
_TOLD_ELSEWHERE: Final = frozenset({"type", "kit", "last_modified"})
_RESULTS: Final[Mapping[str, str]] = {"ref_no": "", "status": "status ", "wrote": "written: ", "source": "from "}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "status": {code: word.lower() for code, word in STATUSES.items()},
    "source": words.ERPS,
}
_ALONE: Final = frozenset({"status"})
"""Members whose value says enough, where it is a word."""

_NEWS: Final = {"waiting": "looked for again", "retrying": "tried again", "queued": "to be started"}


def line(job: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The job of the API with `code` and `why` to show, `due` where something happens at a later time, and how many seconds it `took`."""
    error = job["error"] if job["state"] != "succeeded" else None
    text = error["message"] if error else result(job["result"], job["reference"])
    due = words.instant(job["due_at"])
    made, ended = words.instant(job["created_at"]), words.instant(job["finished_at"])
    news = _NEWS.get(job["state"]) if due is not None and due > now else None
    return {
        **job,
        "code": error["class"] if error else "",
        "why": text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026",
        "news": news,
        "took": max(0.0, ((ended or now) - made).total_seconds()) if made is not None else None,
    }


def result(value: object, reference: str = "") -> str:
    """What came of a job, in a few words; the document is named where it is not the one of its reference."""
    if not isinstance(value, Mapping):
        return ""
    rest = {**value, "ref_no": _document(value, reference)}
    told = [_said(name, each) for name, each in rest.items() if _tells(name, each)]
    return ", ".join(told[:_MOST])


def _document(value: Mapping[str, Any], reference: str) -> str:
    parts = [str(value[name]) for name in ("type", "ref_no") if value.get(name)]
    named = "/".join(parts) if value.get("ref_no") else ""
    return "" if named == reference else named


def _tells(name: str, value: object) -> bool:
    return name not in _TOLD_ELSEWHERE and isinstance(value, str | int) and value is not False and value != ""


def _said(name: str, value: object) -> str:
    if value is True:
        return _plain(name)
    shown = str(value)
    told = _VALUES.get(name, {}).get(shown, shown)
    return told if name in _ALONE and told != shown else f"{_RESULTS.get(name, f'{_plain(name)} ')}{told}"


def _plain(name: str) -> str:
    return name.replace("_", " ")
