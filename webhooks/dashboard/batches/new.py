"""A new batch: of what, by selection or by a pasted list; what it would take is seen before anything starts.

What a list takes is told at once. What a selection holds only the ERP knows, and these pages never call one: so the batch is made held. A
worker looks, its jobs are made and counted, and its page tells what it would take; nothing starts until somebody says so.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import batches
from webhooks.api.access import must_see, sees
from webhooks.api.asking import Ask
from webhooks.api.forms import SELECTS
from webhooks.dashboard.batches.pasted import Pasted, by_line, read
from webhooks.dashboard.visiting import Moved, Page, json_of
from webhooks.dashboard.words import instant
from worker.errors import Fault, InvalidArguments
from worker.jobs.estimates import RESTS_ON
from worker.jobs.model import new_id
from worker.jobs.views import at
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Tenant

USUAL: Final = "release_kit_assembly"
MOST_FAULTS: Final = 20
_TIMES: Final = ("created_since", "created_until", "modified_since")
_FIELDS: Final = ("name", "priority", "type", *_TIMES, "source", "dry_run", "list")
_UNPROCESSABLE: Final = 422
_TWO: Final = 2
_DIGITS: Final = 12


def shown(visit: Visit) -> Outcome:
    """`/batches/new?tenant=…&kind=…&by=…`: the form for what was chosen."""
    return _page(visit, {name: visit.get(name) for name in ("tenant", "kind", "by", *_FIELDS) if visit.get(name)})


def make(visit: Visit) -> Outcome:
    """Tell what it would take (`do=preview`), make it held (`do=hold`), or make and start it (`do=start`)."""
    typed = {name: visit.one(name) for name in ("tenant", "kind", "by", "once", *_FIELDS)}
    pasted, faults = (_listed(typed), []) if typed["by"] == "list" else (Pasted([], []), _unclear(visit, typed))
    faults = [*faults, *pasted.faults]
    if faults:
        return _page(visit, typed, faults=faults, again=pasted.again)
    wanted = _wanted(visit, typed, pasted)
    do = visit.one("do", "preview")
    try:
        if do == "preview" and typed["by"] == "list":
            told = visit.ask(batches.create, body={**wanted, "preview": True})
            return _page(visit, typed, told=told, again=pasted.again)
        batch = _made(visit, {**wanted, "hold": do != "start"}, typed["once"])
    except InvalidArguments as error:
        return _page(visit, typed, faults=[pasted.placed(fault) for fault in error.faults], again=pasted.again)
    return Moved(f"/batches/{batch['id']}", _said(batch))


def _page(
    visit: Visit,
    typed: Mapping[str, str],
    *,
    faults: Sequence[Fault] = (),
    told: Mapping[str, Any] | None = None,
    again: int = 0,
) -> Page:
    tenants = [name for name in sorted(visit.api.settings.tenants) if sees(visit.key, name) and _kinds(visit.api.settings.tenants[name])]
    tenant = typed.get("tenant") or (tenants[0] if tenants else "")
    if tenant:
        must_see(visit.key, tenant)
    home = visit.api.settings.tenants.get(tenant)
    kinds = _kinds(home) if home is not None else []
    kind = typed.get("kind") or (USUAL if USUAL in kinds else next(iter(kinds), ""))
    by = typed.get("by") or "select"
    values = {
        "typed": {**dict.fromkeys(_FIELDS, ""), **typed, "once": typed.get("once") or new_id()},
        "tenants": tenants,
        "tenant": tenant,
        "kinds": [(name, name) for name in kinds],
        "kind": kind,
        "by": by if kind in SELECTS else "list",
        "can_select": kind in SELECTS,
        "by_line": by_line(kind),
        "summary": KINDS[kind].summary if kind in KINDS else "",
        "erps": home.erps() if home is not None else (),
        "source": home.sync.source if home is not None else None,
        "faults": faults[:MOST_FAULTS],
        "more_faults": max(0, len(faults) - MOST_FAULTS),
        "told": told,
        "takes": takes(told, visit.now),
        "rests_on": rests_on(told),
        "again": again,
    }
    return Page("batch_new.html", values, _UNPROCESSABLE if faults else 200)


def takes(told: Mapping[str, Any] | None, now: datetime) -> float | None:
    """How many seconds a preview says that all will take, at least one; None where nobody knows."""
    ends = instant(told["eta"]) if told is not None else None
    return None if ends is None else max(1.0, (ends - now).total_seconds())


def rests_on(told: Mapping[str, Any] | None) -> str:
    """What the time rests on that a preview says, as words that follow it; empty where it says none."""
    return RESTS_ON.get(told["eta_from"], "") if told is not None else ""


def _kinds(home: Tenant) -> list[str]:
    """What may be asked of a tenant's connections."""
    places = home.erps()
    return [name for name, kind in KINDS.items() if kind.operation != "read" and (kind.erp in places if kind.erp else len(places) >= _TWO)]


def _listed(typed: Mapping[str, str]) -> Pasted:
    found = read(typed["list"], typed["kind"], typed["type"] or "P")
    return found if found.items or found.faults else Pasted([], [], [Fault("list", "is empty: paste at least one line")])


def _unclear(visit: Visit, typed: Mapping[str, str]) -> list[Fault]:
    """Times that are none, and an end before its beginning."""
    times = {name: _moment(visit, typed[name]) for name in _TIMES if typed[name]}
    since, until = times.get("created_since"), times.get("created_until")
    backwards = since is not None and until is not None and until <= since
    return [
        *(Fault(name.replace("_", " "), "must be a date and a time") for name, moment in times.items() if moment is None),
        *([Fault("created until", "must be after created since")] if backwards else []),
    ]


def _wanted(visit: Visit, typed: Mapping[str, str], pasted: Pasted) -> dict[str, Any]:
    """The body for the API."""
    wanted: dict[str, Any] = {"tenant": typed["tenant"], "kind": typed["kind"]}
    wanted |= {"items": list(pasted.items)} if typed["by"] == "list" else {"select": _select(visit, typed)}
    if typed["name"]:
        wanted["name"] = typed["name"]
    if typed["priority"]:
        wanted["priority"] = _number(typed["priority"])
    return wanted


def _select(visit: Visit, typed: Mapping[str, str]) -> dict[str, Any]:
    if typed["kind"] != USUAL:
        return {
            "all": True,
            **({"source": typed["source"]} if typed["source"] else {}),
            **({"dry_run": True} if typed["dry_run"] else {}),
        }
    return {"status": "B", "type": typed["type"] or "P", **{name: at(_moment(visit, typed[name])) for name in _TIMES if typed[name]}}


def _moment(visit: Visit, text: str) -> datetime | None:
    """A time as the reader's clock shows it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=visit.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int | str:
    """A whole number, or the text for the API to refuse."""
    try:
        return int(text) if len(text) <= _DIGITS else text
    except ValueError:
        return text


def _made(visit: Visit, body: Mapping[str, Any], once: str) -> dict[str, Any]:
    """The batch. The same form sent twice makes one."""
    raw = json_of(body)
    key = f"page-{hashlib.sha256(once.encode() + raw).hexdigest()}" if once else None
    answer = batches.create(visit.api, Ask(visit.key, {}, (), raw, key))
    made: dict[str, Any] = answer.body
    return made


def _said(batch: Mapping[str, Any]) -> str:
    if batch["state"] == "planning":
        return "Made, and held: its documents are looked for now." if batch["held"] else "Made: its documents are looked for now."
    return "Made, and held: nothing starts until you say so." if batch["held"] else "Made: its jobs begin as the connection has room."
