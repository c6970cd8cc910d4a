"""Failed jobs over HTTP, grouped by the reason why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, tenants_of
from webhooks.api.fields import GROUP
from webhooks.api.forms import AcknowledgeForm, NothingForm, taken
from webhooks.api.queries import paged
from worker.errors import NotFound
from worker.jobs import failures
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.views import failure_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhooks.api.asking import Api, Ask

FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("tenant", "kind", "error_class", "batch"), queries.text),
    "standing": queries.standing,
    "since": queries.moment,
    "until": queries.moment,
    "limit": queries.limit,
    "cursor": queries.after_moment,
}


def listed(api: Api, ask: Ask) -> Answer:
    """Groups of failed jobs, those that failed last first."""
    found = queries.read(ask.query, FILTERS)
    limit, after = found.pop("limit", queries.USUAL), found.pop("cursor", None)
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    with api.database.read() as connection:
        groups = failure_groups(connection, tenants_of(ask.key), FailureFilter(**found), limit=limit + 1, after=after)
    return Answer(200, paged(groups, limit, failure_view, lambda group: queries.cursor_at(*group.position)))


def acknowledge(api: Api, ask: Ask) -> Answer:
    """Say that somebody knows of a group, until a job fails so again."""
    note = taken(AcknowledgeForm, ask.json()).get("note", "")
    with api.database.write() as connection:
        group = failures.acknowledge(api.database, connection, tenants_of(ask.key), _named(ask), ask.key.name, note, api.clock())
    return Answer(200, failure_view(group))


def reopen(api: Api, ask: Ask) -> Answer:
    """Take that back."""
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        group = failures.reopen(api.database, connection, tenants_of(ask.key), _named(ask), ask.key.name, api.clock())
    return Answer(200, failure_view(group))


def _named(ask: Ask) -> str:
    given = ask.path["failure"]
    if not GROUP.fullmatch(given):
        raise NotFound("there is no such group of failures")
    return given
