"""A test delivery: whose, with which body; what it would do; and then sent, signed here, through the real receiver."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard.deliveries.examples import example_for, example_of
from webhooks.dashboard.deliveries.foreseeing import told
from webhooks.dashboard.finding import tenants
from webhooks.dashboard.printing import pretty, pretty_json
from webhooks.dashboard.visiting import Moved, Page
from webhooks.problems import Problem
from webhooks.testing import Trial
from worker.errors import Fault, InvalidArguments, NotFound
from worker.jobs import arrivals
from worker.jobs.deliveries import DeliveryFilter, find_deliveries
from worker.jobs.model import new_id
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Source, Tenant

LIMIT: Final = 4 * 1024 * 1024
"""Of the form, in which a body takes more room than in itself."""

NEWEST: Final = "newest"
_LARGEST: Final = 200_000
_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")
_WORDS: Final[Mapping[str, str]] = {
    "standard-webhooks": "Standard Webhooks",
    "hmac-sha256": "HMAC-SHA256",
    "bearer": "a bearer token",
    "visma": "Visma's signature, or the token of its address",
    "itempath": "the secret header of its Data Push",
    "intacct": "the signed token of its triggers",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form holds."""

    tenant: str
    source: str
    body: str
    id: str = ""


def shown(visit: Visit) -> Outcome:
    """`GET /deliveries/test`, whose address chooses tenant, source and example."""
    tenant = _one_of(visit.get("tenant"), tenants(visit))
    source = _one_of(visit.get("source"), visit.trials.sources(tenant))
    chosen = visit.get("example")
    return _page(visit, Typed(tenant, source, _example(visit, tenant, source, chosen)), {"example": chosen})


def sent(visit: Visit) -> Outcome:
    """`POST /deliveries/test`: show what would happen, or do it."""
    typed = Typed(visit.one("tenant"), visit.one("source"), visit.one("body"), visit.one("id"))
    try:
        trial = _trial(visit, typed)
        if visit.one("do") != "send":
            return _page(visit, typed, {"seen": told(visit, visit.trials.foresee(trial))})
        came = visit.trials.send(trial)
    except InvalidArguments as unfit:
        return _page(visit, typed, {"faults": [{"path": each.path, "message": each.message} for each in unfit.faults]}, 422)
    except Problem as refused:
        return _page(visit, typed, {"refused": refused.detail}, 422)
    if came.refused is not None:
        return _page(visit, typed, {"refused": came.refused, "kept": came.delivery if _is_kept(visit, came.delivery) else ""}, 422)
    if came.first is None:
        return Moved(f"/deliveries/{came.delivery}", "Received, as if its sender had sent it.")
    to = came.delivery if _is_kept(visit, came.delivery) else came.first
    return Moved(f"/deliveries/{to}", "Received, and known as a duplicate: nothing followed from it.")


def _trial(visit: Visit, typed: Typed) -> Trial:
    """Raises `InvalidArguments`."""
    faults = []
    if typed.tenant not in tenants(visit):
        raise NotFound("there is no such tenant")
    if typed.source not in visit.trials.sources(typed.tenant):
        faults.append(Fault("source", "is none of this tenant's that could prove anything"))
    if not typed.body:
        faults.append(Fault("body", "is empty"))
    if typed.id and not _ID.fullmatch(typed.id):
        faults.append(Fault("id", "must be 1 to 200 visible ASCII characters"))
    if faults:
        raise InvalidArguments(tuple(faults))
    return Trial(typed.tenant, typed.source, typed.body.encode("utf-8", "replace"), typed.id or f"test-{new_id()}", visit.key.name)


def _page(visit: Visit, typed: Typed, more: Mapping[str, Any], status: int = 200) -> Page:
    sources = visit.trials.sources(typed.tenant) if typed.tenant in tenants(visit) else []
    home = visit.api.settings.tenants.get(typed.tenant) if sources else None
    source = None if home is None else home.sources.get(typed.source)
    values = {
        "typed": typed,
        "tenants": tenants(visit),
        "sources": sources,
        "examples": [] if home is None else _examples(home, typed.source),
        "example": "",
        "proof": _WORDS.get(source.scheme if source is not None else typed.source, ""),
        "id_use": _id_use(typed.source, source),
        "faults": (),
        "refused": "",
        "kept": "",
        "seen": None,
        **more,
    }
    return Page("delivery_test.html", values, status)


def _id_use(name: str, source: Source | None) -> str:
    """What the id of the form is to this sender."""
    if name == "itempath":
        return "A push has no id: the same test within an hour is a duplicate."
    if source is None or source.scheme == "standard-webhooks" or source.id_header:
        return "A second test with an id is a duplicate. Empty: a new one."
    return "This source has its id in the body." if source.id else "This source has no id, unless the body is a CloudEvent."


def _examples(home: Tenant, source: str) -> list[tuple[str, str]]:
    rules = [(f"{number}", f"For rules[{number}]: {rule.on}") for number, rule in enumerate(home.rules) if rule.source == source]
    return [*rules, (NEWEST, "The newest accepted delivery")]


def _example(visit: Visit, tenant: str, source: str, chosen: str) -> str:
    home = visit.api.settings.tenants.get(tenant)
    if home is None or not source:
        return ""
    if chosen == NEWEST:
        return _newest(visit, tenant, source)
    known = [value for value, _ in _examples(home, source) if value != NEWEST]
    if not known:
        return pretty_json(_plain(home, source))
    event = example_of(home.rules[int(_one_of(chosen, known))])
    return pretty_json(event["data"] if source in ERPS else event)


def _plain(home: Tenant, source: str) -> dict[str, Any]:
    """A body for a sender without rules."""
    connection = getattr(home, source) if source in ERPS else None
    kits = getattr(connection, "webhook_kits", "")
    if kits:
        return example_for(kits)
    return {"id": "00000000-0000-4000-8000-000000000000"} if source in ERPS else {"type": "order.paid", "data": {}}


def _newest(visit: Visit, tenant: str, source: str) -> str:
    with visit.api.database.read() as connection:
        found = find_deliveries(connection, DeliveryFilter(tenant=tenant, source=source, state=("accepted",)), 1)
        whole = arrivals.find(connection, found[0].id) if found else None
    return pretty(whole.body) if whole is not None and len(whole.body) <= _LARGEST else ""


def _is_kept(visit: Visit, delivery: str) -> bool:
    with visit.api.database.read() as connection:
        return arrivals.find(connection, delivery) is not None


def _one_of(given: str, known: Sequence[str]) -> str:
    return given if given in known else next(iter(known), "")
