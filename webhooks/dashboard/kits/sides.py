"""A kit in each system, as one record for the page, whether it comes from what the ledger knows or from a look. Pure.

A look's result is JSON of a worker's: what lacks in it is shown as nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from worker.kit_ledger.known import Known, KnownSide

_SYSTEMS: Final = re.compile(r"(?<![\w/.-])(visma|itempath|intacct)(?![\w/.-])")


_USUAL: Final = {"disassembly_coeff": "1"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line in one system. `id` tells it from the others of its side; `component` is our code, `code` the system's."""

    id: str
    component: str
    code: str
    quantity: str
    unit: str
    base_quantity: str | None
    base_unit: str
    rank: int
    kit: bool
    stocked: bool
    extras: tuple[tuple[str, str], ...] = ()
    note: str = ""

    @property
    def converted(self) -> bool:
        """Whether it is compared as another quantity than is shown."""
        return self.base_quantity is not None and self.base_quantity != self.quantity


@dataclass(frozen=True, slots=True)
class Side:
    """One system's kit. `fresh`: as a look found it.

    `every_line`: what only this system knows, where it is the same on all lines. `agreed_at`: when it was in step with the source last;
    `edited`: changed there since.
    """

    erp: str
    role: str
    state: str
    code: str
    seen_at: datetime | None = None
    fresh: bool = False
    name: str = ""
    modified: str = ""
    id: str = ""
    revision: str = ""
    other_revisions: tuple[str, ...] = ()
    type: str = ""
    active: bool | None = None
    lines: tuple[Line, ...] = ()
    trouble: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()
    where_used: tuple[str, ...] = ()
    every_line: tuple[tuple[str, str], ...] = ()
    agreed_at: datetime | None = None
    edited: bool | None = None

    @property
    def readable(self) -> bool:
        """Whether its lines can be compared."""
        return self.state == "present"


def sides_of(known: Known, source: str | None, look: Mapping[str, Any] | None, looked_at: datetime | None) -> tuple[Side, ...]:
    """Each system's newest side: the look's, unless the ledger has read a later one. `looked_at`: when the look ended."""
    fresh = {str(each.get("erp")): each for each in _list(look, "sides")}
    agreed = {each.target: each for each in known.agreements if each.source == source}
    found = []
    for there in known.sides:
        newer = there.seen_at is not None and looked_at is not None and there.seen_at > looked_at
        side = _of_known(there) if there.erp not in fresh or newer else _of_look(fresh[there.erp], there)
        if (agreement := agreed.get(there.erp)) is not None:
            edited = side.edited if side.fresh and side.agreed_at is not None else agreement.target_changed
            side = replace(side, agreed_at=agreement.at, edited=edited)
        found.append(side)
    return tuple(found)


def told(text: str) -> str:
    """Words of a worker, with the systems called by their names."""
    return _SYSTEMS.sub(lambda found: words.ERPS[found.group(1)], text)


def _of_known(side: KnownSide) -> Side:
    lines = tuple(
        Line(
            f"known:{place}",
            line.component,
            line.component,
            line.base_quantity,
            line.base_unit or "",
            line.base_quantity,
            line.base_unit or "",
            line.rank,
            line.kit,
            line.stocked,
        )
        for place, line in enumerate(side.lines)
    )
    return Side(
        side.erp,
        side.role,
        side.state,
        side.code,
        seen_at=side.seen_at,
        id=side.id or "",
        revision=side.revision or "",
        type=side.type or "",
        active=side.active,
        lines=lines,
        trouble=tuple(told(each) for each in side.trouble),
        former_names=side.former_names,
        where_used=side.where_used,
    )


def _of_look(given: Mapping[str, Any], known: KnownSide) -> Side:
    agreed = given.get("agreed") or {}
    lines = [_line(each, place) for place, each in enumerate(_list(given, "lines"))]
    common = _common(lines)
    return Side(
        known.erp,
        known.role,
        _text(given, "state") or "unreachable",
        _text(given, "code") or known.code,
        seen_at=words.instant(given.get("seen_at")),
        fresh=True,
        name=_text(given, "name"),
        modified=_text(given, "modified"),
        id=_text(given, "id"),
        revision=_text(given, "revision"),
        other_revisions=tuple(str(each) for each in given.get("other_revisions") or ()),
        type=_text(given, "type"),
        active=given.get("active"),
        lines=tuple(replace(line, extras=tuple(each for each in line.extras if each not in common)) for line in lines),
        trouble=tuple(told(str(each)) for each in given.get("trouble") or ()),
        former_names=known.former_names,
        where_used=known.where_used,
        agreed_at=words.instant(agreed.get("at")),
        edited=agreed.get("edited_since"),
        every_line=common,
    )


def _common(lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """What all of several lines say alike."""
    if len(lines) < 2:  # noqa: PLR2004 - several
        return ()
    return tuple(each for each in lines[0].extras if all(each in line.extras for line in lines))


def _line(given: Mapping[str, Any], place: int) -> Line:
    extras: Mapping[str, Any] = given.get("extras") or {}
    base = given.get("base_quantity")
    return Line(
        id=_text(given, "line") or f"line:{place}",
        component=_text(given, "component"),
        code=_text(given, "code"),
        quantity=_text(given, "quantity"),
        unit=_text(given, "unit"),
        base_quantity=None if base is None else str(base),
        base_unit=_text(given, "base_unit"),
        rank=int(given.get("rank") or place + 1),
        kit=bool(given.get("kit")),
        stocked=bool(given.get("stocked", True)),
        extras=tuple((name.replace("_", " "), _plain(value)) for name, value in extras.items() if _tells(name, value)),
        note=told(_text(given, "note")),
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value)


def _tells(name: str, value: object) -> bool:
    """Whether it is other than on most lines: defaults on every line hide what matters."""
    return str(value) not in {"", "None", "False", "0", _USUAL.get(name)}


def _plain(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _list(given: Mapping[str, Any] | None, name: str) -> Sequence[Mapping[str, Any]]:
    found = (given or {}).get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
