"""What holds for everybody: connections and their limits, schedules, what is kept, processes, keys; with the record of who did what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from webhooks.api import batches, connections
from webhooks.api.access import must_see, sees, tenants_of
from webhooks.api.connections import views
from webhooks.dashboard import words
from webhooks.dashboard.controls import holders, record
from webhooks.dashboard.controls.schedules import schedule_of
from webhooks.dashboard.visiting import Moved, Page
from worker.jobs import fleet, overview, paces
from worker.jobs.model import Lane

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Settings, Tenant

MOST_CONNECTIONS: Final = 60
MOST_TENANTS: Final = 40
"""So many tenants' schedules are shown at once."""

LATELY: Final = "10"
"""So many acts are shown; the rest stands in the record."""

COMPARISON: Final = "comparison of all kits"


def shown(visit: Visit) -> Outcome:
    """`GET /connections`: only what the part that is asked for needs."""
    tenant = visit.get("tenant")
    if tenant:
        must_see(visit.key, tenant)
    everyone = sorted(name for name in visit.api.settings.tenants if sees(visit.key, name))
    seen = [visit.api.settings.tenants[name] for name in everyone if tenant in {"", name}]
    found: dict[str, Any] = {"tenant": tenant, "tenants": everyone, "query": [("tenant", tenant)] if tenant else []}
    if visit.part in {"", "live_connections"}:
        found |= _connections(visit, seen)
    if visit.part in {"", "live_crew"}:
        found |= _crew(visit)
    if not visit.part:
        found |= _schedules(visit, seen) | _kept(visit) | _people(visit) | record.lines(visit, [*found["query"], ("limit", LATELY)])
    return Page("controls.html", found)


def pause(visit: Visit) -> Outcome:
    """`POST /connections/<tenant>/<erp>/pause`."""
    visit.ask(connections.pause, body={})
    return Moved(_back(visit), f"{_name(visit)} is paused: its work is kept until somebody resumes it.")


def resume(visit: Visit) -> Outcome:
    """`POST /connections/<tenant>/<erp>/resume`."""
    visit.ask(connections.resume, body={})
    return Moved(_back(visit), f"{_name(visit)} is called again.")


def compare(visit: Visit) -> Outcome:
    """`POST /connections/<tenant>/compare`: all kits of the source with all targets, now."""
    wanted = {"tenant": visit.path["tenant"], "kind": "sync_kit_lines", "select": {"all": True}, "name": COMPARISON}
    made = visit.ask(batches.create, body=wanted)
    return Moved(f"/batches/{made['id']}", "The comparison has begun.")


def _back(visit: Visit) -> str:
    """The page as it was: with the tenant that was chosen."""
    chosen = visit.one("chosen")
    return f"/connections?{urlencode({'tenant': chosen})}" if chosen else "/connections"


def _name(visit: Visit) -> str:
    return f"{words.ERPS[visit.path['erp']]} of {visit.path['tenant']}"


def _connections(visit: Visit, seen: list[Tenant]) -> dict[str, Any]:
    lanes = [Lane(tenant.name, erp) for tenant in seen for erp in tenant.erps()]
    with visit.api.database.read() as connection:
        found = views(visit.api, connection, lanes, visit.now, MOST_CONNECTIONS)
    return {"connections": found, "connections_left_out": len(lanes) - len(found)}


def _crew(visit: Visit) -> dict[str, Any]:
    """Processes serve all tenants: where they run is for admins who see all of them."""
    places = visit.may("admin") and tenants_of(visit.key) is None
    since = visit.now - timedelta(seconds=visit.api.settings.timing.dead_after)
    with visit.api.database.read() as connection:
        return {"crew": fleet.crew(connection, since), "places": places, "web_processes": visit.api.settings.web_processes}


def _schedules(visit: Visit, seen: list[Tenant]) -> dict[str, Any]:
    synced = [tenant for tenant in seen if tenant.sync.source and tenant.sync.targets]
    with visit.api.database.read() as connection:
        found = [schedule_of(connection, tenant, visit.now) for tenant in synced[:MOST_TENANTS]]
    return {"schedules": [each for each in found if each is not None], "schedules_left_out": max(0, len(synced) - MOST_TENANTS)}


def _kept(visit: Visit) -> dict[str, Any]:
    """How long things are kept, and the oldest that are there, for who sees all tenants."""
    oldest = overview.Oldest()
    if tenants_of(visit.key) is None:
        with visit.api.database.read() as connection:
            oldest = overview.oldest_kept(connection)
    settings = visit.api.settings
    return {
        "kept": [
            ("Jobs that ended, with their history", settings.keep_jobs, oldest.jobs),
            ("Calls to the ERPs, as they were sent and answered", settings.keep_exchanges, oldest.exchanges),
            ("Deliveries", settings.keep_deliveries, oldest.deliveries),
            ("The record of who did what", settings.keep_jobs, None),
            ("Batches, with their counts", settings.keep_jobs * 2, None),
            ("Figures of the pace", paces.KEPT.total_seconds(), None),
        ],
    }


def _people(visit: Visit) -> dict[str, Any]:
    """Keys and sources are for admins."""
    settings: Settings = visit.api.settings
    chief = visit.may("admin")
    return {
        "holders": holders.holders(settings, visit.key) if chief else [],
        "senders": holders.senders(settings, visit.key) if chief else [],
        "receivers": holders.receivers(settings, visit.key),
    }
