"""The limits of one connection: what holds now beside what the settings say, and a change that is shown before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import connections
from webhooks.api.forms import LimitsForm, taken
from webhooks.dashboard import words
from webhooks.dashboard.controls.sentences import LIMITS, change
from webhooks.dashboard.visiting import Moved, Page
from worker.errors import InvalidArguments, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhooks.dashboard.visiting import Outcome, Visit

SETTINGS: Final = "settings"
"""What a field says that gives its limit back to the settings."""


def shown(visit: Visit) -> Outcome:
    """`GET /connections/<tenant>/<erp>`: with `slots` or `calls_per_hour` in its address, what they would change."""
    return _page(visit, _view(visit), visit.get)


def changed(visit: Visit) -> Outcome:
    """`POST` of the same: make the change."""
    view = _view(visit)
    wanted = _wanted(visit.one)
    try:
        visit.ask(connections.change, body=wanted)
    except InvalidArguments:
        return _page(visit, view, visit.one)
    return Moved("/connections", f"{_name(view)}: {', '.join(_steps(view, wanted)) or 'as before'}.")


def _page(visit: Visit, view: Mapping[str, Any], read: Callable[[str], str]) -> Page:
    wanted = _wanted(read)
    faults = {}
    try:
        wanted = taken(LimitsForm, wanted) if wanted else {}
    except InvalidArguments as error:
        faults = {fault.path: fault.message for fault in error.faults}
    fields = [_field(view, key, name, read(key), faults.get(key, "")) for key, name in LIMITS]
    steps = [] if faults else _steps(view, wanted)
    values = {
        "connection": view,
        "name": _name(view),
        "fields": fields,
        "steps": steps,
        "same": bool(wanted) and not faults and not steps,
        "asked": {key: SETTINGS if value is None else value for key, value in wanted.items()},
        "may": visit.may("admin"),
    }
    return Page("limits.html", values, 422 if faults else 200)


def _field(view: Mapping[str, Any], key: str, name: str, typed: str, fault: str) -> dict[str, Any]:
    now, own = view[key], view["settings"][key]
    shown_as = "" if typed == SETTINGS else typed
    return {"key": key, "name": name, "now": now, "own": own, "typed": shown_as, "fault": fault, "differs": now != own}


def _wanted(read: Callable[[str], str]) -> dict[str, Any]:
    """What is asked for: nothing where a field is empty, None for the settings' own; what is no number stays text, to be refused."""
    found: dict[str, Any] = {}
    for key, _ in LIMITS:
        typed = read(key).replace(" ", "").replace(words.THIN, "")
        if typed:
            plain = typed.isascii() and typed.isdigit() and len(typed) < 12  # noqa: PLR2004 - digits of any number in bounds
            found[key] = None if typed == SETTINGS else int(typed) if plain else typed
    return found


def _steps(view: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Each change, from what to what."""
    found = []
    for key, name in LIMITS:
        if key in wanted:
            own = view["settings"][key]
            then = own if wanted[key] is None else wanted[key]
            if then != view[key]:
                found.append(change(name, view[key], wanted[key], own))
    return found


def _view(visit: Visit) -> Mapping[str, Any]:
    tenant, erp = visit.path["tenant"], visit.path["erp"]
    for each in visit.ask(connections.listed, [("tenant", tenant)])["items"]:
        if each["erp"] == erp:
            found: Mapping[str, Any] = each
            return found
    raise NotFound("there is no such connection")


def _name(view: Mapping[str, Any]) -> str:
    return f"{words.ERPS[view['erp']]} of {view['tenant']}"
