"""What people and keys did, over HTTP: the record of who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, tenants_of
from webhooks.api.queries import PAGING, cursor, page_of, paged
from worker.jobs.acts import find_acts
from worker.jobs.views import act_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhooks.api.asking import Api, Ask

FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("tenant", "act", "by", "subject"), queries.text),
    "since": queries.moment,
    "until": queries.moment,
    **PAGING,
}


def listed(api: Api, ask: Ask) -> Answer:
    """What people and keys did, newest first. What is about no single tenant is seen only by who sees all."""
    found = queries.read(ask.query, FILTERS)
    page = page_of(found)
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    with api.database.read() as connection:
        acts = find_acts(connection, tenants_of(ask.key), page.limit + 1, page.after, **found)
    return Answer(200, paged(acts, page.limit, act_view, lambda act: cursor(act.id)))
