"""A list that somebody pasted, as the items of a batch: a document or kit a line, or JSON. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from worker.errors import Fault
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_DOCUMENT: Final = re.compile(r"(?:([PpDd])(?:\s*[/;,]\s*|\s+))?([^\s/;,]+)")
_PLACE: Final = re.compile(r"items\[(\d+)\]\.?(.*)")
_TYPES: Final = ("P", "D")
MOST_FAULTS: Final = 1_000
"""Of a text with more lines that are no items, the rest is not read."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """The items, and of each its line; what is no item; and how many lines said again what another had said."""

    items: Sequence[Any]
    lines: Sequence[int]
    faults: Sequence[Fault] = ()
    again: int = 0

    def placed(self, fault: Fault) -> Fault:
        """A fault of an item, with its line."""
        found = _PLACE.fullmatch(fault.path)
        if found is None or int(found[1]) >= len(self.lines):
            return fault
        return Fault(f"line {self.lines[int(found[1])]}", f"{found[2]} {fault.message}".strip())


def by_line(kind: str) -> bool:
    """Whether a line without JSON names what a job of this kind is about."""
    return kind in _WORDS


def read(text: str, kind: str, usual_type: str = "P") -> Pasted:
    """What was pasted. `usual_type` is that of documents named by their number alone."""
    if text.lstrip().startswith("["):
        return _from_array(text)
    word = _WORDS.get(kind)
    items: list[Any] = []
    lines: list[int] = []
    faults: list[Fault] = []
    seen: set[bytes] = set()
    again = 0
    for number, line in _lines(text):
        item = _json(line) if line.startswith("{") else word(line, usual_type) if word is not None else None
        said = None if item is None else _said(item)
        if said is None:
            faults.append(Fault(f"line {number}", _wrong(line, kind)))
            if len(faults) == MOST_FAULTS:
                break
            continue
        if said in seen:
            again += 1
            continue
        seen.add(said)
        items.append(item)
        lines.append(number)
    return Pasted(items, lines, faults, again)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _from_array(text: str) -> Pasted:
    """A JSON list: its items are counted instead of lines."""
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Pasted([], [], [Fault(f"line {error.lineno}", "is no JSON: a list of objects is needed, or a line for each")])
    return Pasted(items, range(1, len(items) + 1))


def _json(line: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _said(item: object) -> bytes | None:
    """What two lines are the same by; None for what is nested too deeply."""
    try:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return None


def _document(line: str, usual_type: str) -> dict[str, str] | None:
    found = _DOCUMENT.fullmatch(line)
    return None if found is None else {"type": (found[1] or usual_type).upper(), "ref_no": found[2]}


def _kit(line: str, _usual_type: str) -> dict[str, str]:
    return {"kit": line}


def _wrong(line: str, kind: str) -> str:
    if line.startswith("{") or not by_line(kind):
        return "is no JSON object: each line is one, with what the job is to do"
    return "names no document: write P 000123, P/000123 or 000123"


_WORDS: Final[dict[str, Callable[[str, str], dict[str, str] | None]]] = {
    **{name: _document for name, kind in KINDS.items() if kind.erp == "visma" and kind.operation in {"release", "delete"}},
    "sync_kit_lines": _kit,
}
