"""Actions over HTTP: replay, cancel or discard many jobs at once; asked for, followed, stopped. The scheduler carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, tenants_of
from webhooks.api.forms import ActionForm, NothingForm, taken
from webhooks.api.queries import PAGING, cursor, page_of, paged
from worker.errors import NotFound
from worker.jobs import actions
from worker.jobs.search import JobFilter
from worker.jobs.views import action_view, counted

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.actions import Action


def create(api: Api, ask: Ask) -> Answer:
    """Do something to all jobs that a filter names: 202. Or only say to how many, and to how many not and why."""
    asked = taken(ActionForm, ask.json())
    if "tenant" in asked["filter"]:
        must_see(ask.key, asked["filter"]["tenant"])
    wanted = JobFilter(tenants=tenants_of(ask.key), **asked["filter"])
    if asked.get("preview"):
        with api.database.read() as connection:
            seen = actions.forecast(connection, asked["action"], wanted)
        told = {"preview": True, "would_change": seen.changes, "would_skip": counted(seen.skips), "calls": seen.calls, "eta": None}
        return Answer(200, told)
    begun = actions.begin(api.database, asked["action"], wanted, ask.key.name, api.clock())
    return Answer(202, action_view(begun), {"Location": f"/api/actions/{begun.id}"})


def listed(api: Api, ask: Ask) -> Answer:
    """Actions, newest first."""
    page = page_of(queries.read(ask.query, PAGING))
    with api.database.read() as connection:
        found = actions.find_actions(connection, tenants_of(ask.key), page.limit + 1, page.after)
    return Answer(200, paged(found, page.limit, action_view, lambda action: cursor(action.id)))


def shown(api: Api, ask: Ask) -> Answer:
    """How far it is."""
    queries.read(ask.query, {})
    with api.database.read() as connection:
        return Answer(200, action_view(_visible(connection, ask)))


def stop(api: Api, ask: Ask) -> Answer:
    """Change no more jobs; what was changed stays so."""
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        _visible(connection, ask)
        return Answer(200, action_view(actions.stop(api.database, connection, ask.id, ask.key.name, api.clock())))


def _visible(connection: Connection, ask: Ask) -> Action:
    """An action is seen by who sees every tenant that it may touch."""
    action = actions.find(connection, ask.id)
    if not actions.touches_only(action, tenants_of(ask.key)):
        raise NotFound(f"there is no action {action.id}")
    return action
