"""An address for every page that can be looked at: those about one thing with a thing of the ledger, lists with filters people use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from tests.bench.ledger_stock import TENANTS
from webhooks.dashboard import PAGES
from worker.jobs.states import State
from worker.jobs.tables import actions, batches, deliveries, exchanges, in_state, jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from worker.jobs.engine import Database

MORE: Final = {
    "/": ("hours=3h", "hours=7d", f"tenant={TENANTS[2]}", "part=live_now", "part=live_pace"),
    "/batches": (f"tenant={TENANTS[2]}", "state=running"),
    "/jobs": ("state=failed", f"tenant={TENANTS[2]}", "q=KIT-0042", "state=queued,retrying", "error_class=in_doubt", "tag=rush"),
    "/failures": ("standing=open", f"tenant={TENANTS[2]}"),
    "/kits": ("q=KIT-00", f"code=KIT-0042&tenant={TENANTS[0]}"),
    "/deliveries": ("state=refused", "source=webshop"),
    "/connections": (f"tenant={TENANTS[2]}",),
    "/connections/record": ("act=batch.made", "by=person-3"),
}
"""Questions that a page is asked with beside none."""

_PART: Final = re.compile(r"<(?:path:)?(\w+)>")


def addresses(db: Database) -> list[str]:
    """All of them, in the order of the table of pages; a page about a thing of which the ledger has none is left out."""
    with db.read() as connection:
        things = _things(connection)
    found: list[str] = []
    for page in PAGES:
        if page.method != "GET" or page.path.endswith(".csv"):  # a file of all there is takes as long as there is much
            continue
        able = (values for values in things.get(page.path.split("/")[1], [{}]) if set(_PART.findall(page.path)) <= values.keys())
        found += [_named(page.path, values) for values in able]
        found += [f"{page.path}?{query}" for query in MORE.get(page.path, ())]
    return list(dict.fromkeys(found))


def _named(path: str, values: Mapping[str, str]) -> str:
    return _PART.sub(lambda part: values[part.group(1)], path)


def _things(connection: Connection) -> dict[str, list[dict[str, str]]]:
    """By the first word of an address, what may stand in it: the largest batch and one under way, a failed job that made calls."""
    called = select(exchanges.c.job).join(jobs, jobs.c.id == exchanges.c.job).where(in_state(State.FAILED)).limit(1)
    job = connection.execute(called).scalar() or connection.execute(select(jobs.c.id).limit(1)).scalar()
    largest = connection.execute(select(batches.c.id).order_by(batches.c.total.desc()).limit(1)).scalar()
    running = connection.execute(
        select(batches.c.id).where(batches.c.state == "running").order_by(batches.c.total.desc()).limit(1)
    ).scalar()
    given: dict[str, list[dict[str, str | None]]] = {
        "jobs": [{"id": job, "number": "1.1"}],
        "batches": [{"id": largest}, {"id": running}],
        "deliveries": [{"id": connection.execute(select(func.max(deliveries.c.id))).scalar()}],
        "actions": [{"id": connection.execute(select(func.max(actions.c.id))).scalar()}],
        "kits": [{"code": "KIT-0042", "kit": "KIT-0042", "tenant": TENANTS[0]}],
        "connections": [{"tenant": TENANTS[0], "erp": "visma"}],
    }
    return {name: [{key: str(value) for key, value in each.items() if value is not None} for each in some] for name, some in given.items()}
