"""Visma's kits as the sandbox's owner sees them: the specification that counts now. Nothing here is a call or an effect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.kits import UNIT, quantity_text
from worker.sandbox.visma.items import Item
from worker.sandbox.visma.specification_lines import Lines, new_line
from worker.sandbox.visma.specifications import Specification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.sandbox.clock import Clock
    from worker.sandbox.visma.company import Company

_MORE: Final[dict[str, tuple[type, Any]]] = {"revision": (str, None), "active": (bool, True)}


class SpecificationStore:
    """The kits of all companies. Visma tells nobody about a changed specification (documented: no such event)."""

    def __init__(self, companies: dict[str, Company], clock: Clock) -> None:
        self._companies = companies
        self._clock = clock

    def codes(self, company: str) -> list[str]:
        """The kits that have a specification."""
        return self._company(company).specifications.kits()

    def kit(self, company: str, code: str) -> dict[str, Any] | None:
        """The active revision that was changed last, else the last. An id holds list and number, as `stock:3`."""
        found = self._company(company).specifications.find(code)
        if found is None:
            return None
        numbered = (("stock", found.stock), ("nonstock", found.non_stock))
        lines = [_told(kind, line, stocked=kind == "stock") for kind, lines in numbered for line in lines.lines]
        return {"code": found.kit, "revision": found.revision, "active": found.is_active, "lines": lines}

    def put(self, company: str, code: str, lines: Sequence[dict[str, Any]], *, announce: bool = False, **more: Any) -> None:  # noqa: ANN401, ARG002 - the protocol's; nothing is announced
        """The revision with these lines and no others. `revision`: the one there is, else 1, unless named; `active`: True unless said.

        A line may say `"stocked": false`: an item that is made for it is none of stock. A line of a component that the kit has keeps its
        number, as far as there are such; other numbers are Visma's own, in the order of those given.
        """
        here = self._company(company)
        named = {name: more.pop(name, default) for name, (_, default) in _MORE.items()}
        if more:
            raise ValueError(f"unknown: {', '.join(sorted(more))}")
        for name, (kind, default) in _MORE.items():
            if not isinstance(named[name], kind) and named[name] is not default:
                raise ValueError(f"{name}: a {kind.__name__} is expected")
        found = here.specifications.find(code, named["revision"])
        now = here.local(self._clock.now())
        old = found or Specification(code, named["revision"] or "1", created=now)
        here.items.setdefault(code, Item(code, f"Kit {code}", unit=UNIT))
        ordered = sorted(lines, key=lambda line: line["number"])
        for line in ordered:
            here.items.setdefault(line["component"], _new_item(line))
        parts = [
            _lines(kept, [line for line in ordered if here.items[line["component"]].stocked is stocked], here.items, stocked=stocked)
            for kept, stocked in ((old.stock, True), (old.non_stock, False))
        ]
        here.specifications.save(replace(old, is_active=named["active"], stock=parts[0], non_stock=parts[1]), now)

    def remove(self, company: str, code: str) -> None:
        """All revisions are gone; the items stay."""
        self._company(company).specifications.remove(code)

    def _company(self, name: str) -> Company:
        if name not in self._companies:
            raise ValueError(f"unknown company: {name}")
        return self._companies[name]


def _told(kind: str, line: dict[str, Any], *, stocked: bool) -> dict[str, Any]:
    return {
        "component": line["componentID"],
        "quantity": quantity_text(line["componentQty"]),
        "number": line["lineNbr"],
        "unit": line["uom"],
        "id": f"{kind}:{line['lineNbr']}",
        "stocked": stocked,
    }


def _new_item(line: dict[str, Any]) -> Item:
    code = line["component"]
    return Item(code, f"Item {code}", unit=line.get("unit") or UNIT, stocked=line.get("stocked") is not False)


def _lines(old: Lines, given: list[dict[str, Any]], items: dict[str, Item], *, stocked: bool) -> Lines:
    """The lines in the order of their numbers; those of a component that was there keep theirs."""
    free, last, made = list(old.lines), old.last, []
    for line in given:
        item, quantity = items[line["component"]], float(line["quantity"])
        kept = next((one for one in free if one["componentID"] == item.item_id), None)
        if kept is None:
            last += 1
            made.append(new_line(last, item, quantity, line.get("unit") or item.unit, stocked=stocked))
        else:
            free.remove(kept)
            made.append({**kept, "componentQty": quantity, "uom": line.get("unit") or kept["uom"]})
    return Lines(tuple(sorted(made, key=lambda line: line["lineNbr"])), last)
