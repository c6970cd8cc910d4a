"""The first page: what may be called, what stands in line, what runs, and the pace of the last hours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import batches
from webhooks.api.access import must_see, sees, tenants_of
from webhooks.api.connections import views
from webhooks.dashboard.batches.holdups import halted
from webhooks.dashboard.finding import tenants
from webhooks.dashboard.jobs.filters import address
from webhooks.dashboard.today import pacing
from webhooks.dashboard.visiting import Page
from webhooks.health import OK
from worker.jobs.model import Lane
from worker.jobs.overview import standing
from worker.jobs.paces import paces
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.dashboard.today.pacing import Range
    from webhooks.dashboard.visiting import Outcome, Visit

MOST_CONNECTIONS: Final = 12
"""So many are shown at once; of more, those with trouble first."""

BATCHES: Final = (("running", 6), ("planning", 2), ("paused", 3))
"""Which batches are under way, and how many of them are shown."""

FIGURES: Final[Sequence[tuple[str, str, Mapping[str, str], bool]]] = (
    ("queued", "Queued", {"state": "queued"}, False),
    ("running", "Running", {"state": "running"}, False),
    ("waiting", "Waiting for the ERP", {"state": "waiting"}, False),
    ("retrying", "To be tried again", {"state": "retrying"}, False),
    ("in_doubt", "In doubt", {"state": "failed", "error_class": "in_doubt", "closed": "false"}, True),
    ("failed", "Failed, still open", {}, True),
)
"""What is counted: its name in the ledger, what it is called, which filter of the list of jobs shows it, whether it is bad news."""

ELSEWHERE: Final = {"failed": ("/failures", "By the reason why, each with what it means and what to do. What is acknowledged counts too.")}
"""Figures that lead to another page than the list of jobs, and what is found there."""


def shown(visit: Visit) -> Outcome:
    """`GET /`: only what the part that is asked for needs."""
    tenant = visit.get("tenant")
    if tenant:
        must_see(visit.key, tenant)
    chosen = pacing.chosen(visit.get("hours"))
    found: dict[str, Any] = {
        "tenant": tenant,
        "tenants": tenants(visit),
        "range": chosen,
        "ranges": pacing.RANGES,
        "usual": pacing.USUAL.word,
        "query": [(name, value) for name, value in (("tenant", tenant), ("hours", visit.get("hours"))) if value],
    }
    if visit.part in ("", "live_now"):
        found |= _now(visit, tenant)
    if visit.part in ("", "live_pace"):
        found |= _pace(visit, tenant, chosen)
    return Page("today.html", found)


def _now(visit: Visit, tenant: str) -> dict[str, Any]:
    settings = visit.api.settings
    seen = [home for name, home in sorted(settings.tenants.items()) if sees(visit.key, name) and tenant in {"", name}]
    lanes = [Lane(home.name, erp) for home in seen for erp in home.erps()]
    with visit.api.database.read() as connection:
        connections = views(visit.api, connection, lanes, visit.now, MOST_CONNECTIONS)
        counts = _counted(standing(connection, (tenant,) if tenant else tenants_of(visit.key)))
    return {
        "health": _health(visit),
        "connections": connections,
        "connections_left_out": len(lanes) - len(connections),
        "figures": [_figure(counts, each, tenant) for each in FIGURES],
        "batches": _batches(visit, tenant, connections),
    }


def _health(visit: Visit) -> list[tuple[str, str]]:
    """What is wrong, as `/readyz` says it: the part, and the words."""
    found = visit.api.doctor.look()
    told = {"Ledger": found.ledger, "Broker": found.broker, "Workers": found.workers, "Progress": found.progress}
    return [(part, words) for part, words in told.items() if words != OK]


def _counted(found: Sequence[Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in found:
        counts.update({name: getattr(each, name) for name, *_ in FIGURES})
    return counts


def _figure(counts: Counter[str], figure: tuple[str, str, Mapping[str, str], bool], tenant: str) -> dict[str, Any]:
    name, label, wanted, bad = figure
    page, hint = ELSEWHERE.get(name, ("/jobs", ""))
    query = [*wanted.items(), *([("tenant", tenant)] if tenant else [])]
    to, alarm = address(page, query), bad and counts[name] > 0
    return {"name": name, "label": label, "count": counts[name], "to": to, "hint": hint, "alarm": alarm}


def _batches(visit: Visit, tenant: str, connections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    mine = [("tenant", tenant)] if tenant else []
    found = (visit.ask(batches.listed, [("state", state), ("limit", str(most)), *mine])["items"] for state, most in BATCHES)
    return [_batch(batch, connections) for some in found for batch in some]


def _batch(batch: dict[str, Any], connections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`halted`: the connection of its kind that takes no call now, in words."""
    own = KINDS[batch["kind"]].erp if batch["kind"] in KINDS else ""
    links = [each for each in connections if each["tenant"] == batch["tenant"]]
    ended = sum(batch["counts"][state] for state in pacing.ENDS)
    return {**batch, "ended": ended, "halted": halted((own,) if own else tuple(each["erp"] for each in links), links)}


def _pace(visit: Visit, tenant: str, chosen: Range) -> dict[str, Any]:
    begin = pacing.since(visit.now, chosen)
    with visit.api.database.read() as connection:
        found = paces(connection, tenants_of(visit.key), begin, visit.now, tenant or None, width=chosen.step)
    return {
        "throughput": pacing.throughput(found, chosen.step),
        "latency": pacing.latency(found, chosen.step),
        "lines": pacing.lines(found),
        "ended": pacing.ended(found),
    }
