"""Every list, filter, pair of filters, search, group and count that the API asks of the ledger, with values that are in it."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from tests.bench.ledger_stock import END, TENANTS
from worker.jobs import actions, overview, search, speeds
from worker.jobs.deliveries import DeliveryFilter, find_deliveries
from worker.jobs.failures import STANDINGS, FailureFilter, failure_groups, find_group
from worker.jobs.filters import JobFilter
from worker.jobs.model import Lane
from worker.jobs.progress import progress_of
from worker.jobs.tables import batches, deliveries, jobs
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    Ask = Callable[[Connection], object]

PAGE: Final = 51
LARGE: Final = 501
Tenants = tuple[str, ...] | None


def questions(connection: Connection, tenants: Tenants) -> dict[str, list[Ask]]:
    """By name, each with several values."""
    asked: dict[str, list[Ask]] = {}
    values = _values(connection, tenants)
    asked["jobs"] = [_jobs(tenants)]
    asked["jobs, 500"] = [lambda c: search.find_jobs(c, JobFilter(tenants), LARGE)]
    asked["jobs, a page far back"] = [_after(tenants, _far_back(connection))]
    for name, given in values.items():
        asked[f"jobs by {name}"] = [_jobs(tenants, **{name: value}) for value in given]
    for one, other in combinations(values, 2):
        pairs = [{one: first, other: second} for first in values[one] for second in values[other]]
        asked[f"jobs by {one}, {other}"] = [_jobs(tenants, **pair) for pair in pairs]
    asked |= _others(connection, tenants, values)
    return asked


def _values(connection: Connection, tenants: Tenants) -> dict[str, list[Any]]:
    home = (tenants or TENANTS)[-1]
    mine = batches.c.tenant.in_(tenants or TENANTS)
    large = connection.execute(select(batches.c.id).where(mine).order_by(batches.c.total.desc()).limit(1)).scalar_one()
    small = connection.execute(select(batches.c.id).where(mine, batches.c.total > 1).order_by(batches.c.total).limit(1)).scalar_one()
    some = connection.execute(
        select(jobs).where(jobs.c.tenant == home, jobs.c.state == "failed", jobs.c.kind == "release_kit_assembly").limit(1)
    ).one()
    return {
        "tenant": [home] if tenants else [TENANTS[0], TENANTS[5], TENANTS[-1]],
        "kind": ["release_kit_assembly", "sync_kit_lines", "delete_kit_component"],
        "state": [("failed",), ("succeeded",), ("cancelled",), ("waiting",), ("queued", "running", "waiting", "retrying")],
        "batch": [large, small],
        "tag": ["rush", "spring"],
        "erp_id": [some.erp_id],
        "reference": [some.reference, "KIT-0017"],
        "error_class": ["auth", "validation", "unavailable"],
        "q": ["kit-0017", "p/00", "KIT", some.reference, some.id, some.erp_id, "closed warehouse", "so0001", "token refused kit-1"],
        "since": [END - timedelta(hours=1), END - timedelta(days=30)],
        "until": [END - timedelta(days=80), END - timedelta(days=1)],
    }


def _others(connection: Connection, tenants: Tenants, values: dict[str, list[Any]]) -> dict[str, list[Ask]]:
    asked: dict[str, list[Ask]] = {}
    asked["a job with its history"] = [lambda c: _story(c, tenants)]
    asked["batches with progress"] = [lambda c: _batches(c, tenants), lambda c: _batches(c, tenants, "running")]
    asked["a batch with progress"] = [_progress(batch) for batch in values["batch"]]
    asked["failures"] = [_failures(tenants)]
    for name in ("kind", "error_class", "batch"):
        asked[f"failures by {name}"] = [_failures(tenants, **{name: value}) for value in values[name]]
    asked["failures by time"] = [_failures(tenants, since=END - timedelta(days=1)), _failures(tenants, until=END - timedelta(days=60))]
    asked["failures by standing"] = [_failures(tenants, standing=each) for each in STANDINGS]
    group = failure_groups(connection, tenants, limit=1)[0].id
    asked["a group of failures"] = [lambda c: find_group(c, tenants, group)]
    asked["jobs of a group"] = [_jobs(tenants, failure=group), _jobs(tenants, failure=group, closed=False)]
    asked["jobs on one document"] = [
        lambda c: search.same_document(c, search.find_jobs(c, JobFilter(tenants, state=("failed",)), 1)[0], 20)
    ]
    asked["jobs by ids"] = [_jobs(tenants, ids=tuple(job.id for job in search.find_jobs(connection, JobFilter(tenants), 500)))]
    told: dict[str, list[Any]] = {
        "source": ["visma", "webshop"],
        "state": [("accepted",), ("refused",), ("orphan", "duplicate")],
        "type": ["order.paid", "nothing"],
        "since": values["since"],
        "until": values["until"],
        "job": [_touched(connection)],
    }
    asked["deliveries"] = [_deliveries(tenants)]
    for name, given in told.items():
        asked[f"deliveries by {name}"] = [_deliveries(tenants, **{name: value}) for value in given]
    for one, other in combinations(told, 2):
        pairs = [{one: first, other: second} for first in told[one] for second in told[other]]
        asked[f"deliveries by {one}, {other}"] = [_deliveries(tenants, **pair) for pair in pairs]
    asked["connections"] = [lambda c: [overview.oldest_due(c, Lane(home, erp), END) for home in tenants or TENANTS for erp in ERPS]]
    asked["how fast batches went"] = [_speed(each) for each in tenants or TENANTS]
    asked["gauges: open"] = [overview.open_counts]
    asked["gauges: final"] = [overview.final_counts]
    asked["last move"] = [overview.last_move]
    previews = [{"state": ("failed",)}, {"batch": values["batch"][0]}, {"kind": "sync_kit_lines"}, {"error_class": "auth"}, {"tag": "rush"}]
    previews += [
        {"failure": group},
        {"failure": group, "batch": values["batch"][0]},
        {"q": "kit-0017"},
        {"state": ("failed",), "kind": "release_kit_assembly"},
        {"tenant": values["tenant"][0]},
    ]
    for each in previews:
        asked[f"preview of {', '.join(each)}"] = [_preview(verb, tenants, each) for verb in actions.VERBS]
    return asked


def _jobs(tenants: Tenants, **values: Any) -> Ask:
    wanted = JobFilter(tenants, **values)
    return lambda connection: search.find_jobs(connection, wanted, PAGE)


def _after(tenants: Tenants, job: str) -> Ask:
    return lambda connection: search.find_jobs(connection, JobFilter(tenants), PAGE, job)


def _failures(tenants: Tenants, **values: Any) -> Ask:
    return lambda connection: failure_groups(connection, tenants, FailureFilter(**values), limit=PAGE)


def _deliveries(tenants: Tenants, **values: Any) -> Ask:
    return lambda connection: find_deliveries(connection, DeliveryFilter(tenants, **values), PAGE)


def _preview(verb: str, tenants: Tenants, values: dict[str, Any]) -> Ask:
    return lambda connection: actions.forecast(connection, verb, JobFilter(tenants, **values))


def _progress(batch: str) -> Ask:
    return lambda connection: progress_of(connection, search.find_batch(connection, batch), END)


def _speed(tenant: str) -> Ask:
    return lambda connection: speeds.speed_of(connection, tenant, "release_kit_assembly", END)


def _batches(connection: Connection, tenants: Tenants, state: str | None = None) -> object:
    found = search.find_batches(connection, tenants, PAGE, None, state)
    return [progress_of(connection, batch, END) for batch in found]


def _story(connection: Connection, tenants: Tenants) -> object:
    job = search.find_jobs(connection, JobFilter(tenants, state=("failed",)), 1)[0]
    return search.timeline(connection, job), search.history(connection, job)


def _far_back(connection: Connection) -> str:
    return str(connection.execute(select(jobs.c.id).where(jobs.c.created_at < END - timedelta(days=70)).limit(1)).scalar_one())


def _touched(connection: Connection) -> str:
    counted = defaultdict(int, {"n": connection.execute(select(func.count()).select_from(deliveries)).scalar_one()})
    assert counted["n"]
    found = find_deliveries(connection, DeliveryFilter(state=("accepted",)), 1)
    return found[0].jobs[0]
