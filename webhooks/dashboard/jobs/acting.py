"""Acting on many jobs: first what would happen, in words and numbers; then, if it is still the same, doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import actions, jobs
from webhooks.api.access import sees, tenants_of
from webhooks.api.fields import instant
from webhooks.dashboard import words
from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.jobs.lines import line
from webhooks.dashboard.visiting import Moved, Page
from worker.errors import InvalidArguments, NotFound
from worker.jobs.actions import VERBS
from worker.jobs.batch_names import batch_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.dashboard.jobs.filters import Pairs
    from webhooks.dashboard.visiting import Outcome, Visit

PATH: Final = "/jobs/act"
_OF_GROUP: Final = frozenset({"tenant", "failure", "closed"})
"""The filter of a whole group of failures, or of those of it that are open."""

_INSTANT: Final = timedelta(microseconds=1)
SHOWN: Final = 10
"""Of the jobs that would change, so many are shown."""


@dataclass(frozen=True, slots=True)
class Told:
    """An action in words: what it is called, what happens to the jobs, and the tone of its button."""

    name: str
    what: str
    tone: str


WORDS: Final[Mapping[str, Told]] = {
    "replay": Told(
        "Replay",
        "They are queued again and tried from their first attempt on, with their history. "
        "Where an earlier try may have reached the ERP, the ERP is asked first: nothing is done twice by guess.",
        "primary",
    ),
    "cancel": Told(
        "Cancel",
        "They will not be started. What the ERP has taken already it may still carry out, and kitrelay follows it no more. "
        "They can be replayed later.",
        "danger",
    ),
    "discard": Told(
        "Discard",
        "They are given up: their state becomes Cancelled, and they count as failed no more. Nothing changes in any ERP. "
        "They can be replayed later.",
        "danger",
    ),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done, to which jobs: those ticked, or all of a filter. `came` is the filter of the list it was asked for on."""

    action: str
    wanted: Pairs
    came: Pairs
    ticked: bool


def asked(visit: Visit) -> Outcome:
    """`GET /jobs/act`: what would change, what would be skipped and why. Nothing is done."""
    given = job_filters.read([pair for pair in visit.query if pair[0] not in ("action", "all", "id")], visit.zone)
    came = job_filters.parts(given)
    ids = ",".join(dict.fromkeys(value for name, value in visit.query if name == "id"))
    every = bool(visit.get("all"))
    wanted = came if every else [("ids", ids)] if ids else []
    if not wanted:
        said = "Name a filter first: it says which jobs are meant." if every else "Tick a job first."
        return Moved(job_filters.address("/jobs", came), said, "bad")
    try:
        return _preview(visit, Wish(_action(visit.get("action")), wanted, came, ticked=not every))
    except InvalidArguments:
        return Moved(job_filters.address("/jobs", came), "Correct the filter first.", "bad")


def begin(visit: Visit) -> Outcome:
    """`POST /jobs/act`: begin it, but only if it comes to what was shown; jobs that were made since are not caught."""
    given = [(name, visit.one(name)) for name in job_filters.LABELS if visit.one(name)]
    came = [(name, visit.one(f"came-{name}")) for name in job_filters.LABELS if visit.one(f"came-{name}")]
    wish = Wish(_action(visit.one("action")), given, came, ticked=bool(visit.one("ticked")))
    now = _forecast(visit, wish)
    if str(now["would_change"]) != visit.one("shown"):
        return _preview(visit, wish, before=visit.one("shown"))
    bounded = wish if wish.ticked else replace(wish, wanted=_made_before(wish.wanted, visit.one("at"), visit.now))
    begun = visit.ask(actions.create, body={"action": wish.action, "filter": job_filters.as_body(bounded.wanted)})
    return Moved(f"/actions/{begun['id']}")


def _preview(visit: Visit, wish: Wish, before: str = "") -> Page:
    seen = _forecast(visit, wish)
    sample = _sample(visit, wish)
    batches = sorted({value for name, value in wish.wanted if name == "batch"})
    with visit.api.database.read() as connection:
        names = batch_names(connection, batches, tenants_of(visit.key)) if batches else {}
    values = {
        "wish": wish,
        "told": WORDS[wish.action],
        "seen": seen,
        "before": before,
        "at": words.stamp(visit.now),
        "chips": job_filters.chips(wish.wanted, names),
        "back": _back(wish),
        "rows": sample,
        "ids": dict(wish.wanted).get("ids", "").count(",") + 1,
        "many_tenants": len({job["tenant"] for job in sample}) > 1,
    }
    return Page("acting.html", values, 409 if before else 200)


def _back(wish: Wish) -> tuple[str, str]:
    """The name and address of the page that it was asked for on: a list of jobs, or a group of failures."""
    came = dict(wish.came)
    if "failure" in came and came.keys() <= _OF_GROUP:
        return "Failures", f"/failures/{came['failure']}"
    return "Jobs", job_filters.address("/jobs", wish.came)


def _forecast(visit: Visit, wish: Wish) -> dict[str, Any]:
    tenant = dict(wish.wanted).get("tenant")
    if tenant is not None and not sees(visit.key, tenant):
        raise NotFound("there is no such tenant")
    body = {"action": wish.action, "filter": job_filters.as_body(wish.wanted), "preview": True}
    found: dict[str, Any] = visit.ask(actions.create, body=body)
    return found


def _sample(visit: Visit, wish: Wish) -> list[dict[str, Any]]:
    """The newest of the jobs that would change."""
    verb = VERBS[wish.action]
    wanted = dict(wish.wanted)
    chosen = wanted["state"].split(",") if "state" in wanted else ()
    states = [state for state in verb.states if (state in chosen if chosen else "ids" in wanted or state not in verb.unless_named)]
    if not states:
        return []
    query = [*job_filters.changed(wish.wanted, "state", ",".join(states)), ("limit", str(SHOWN))]
    return [line(job, visit.now) for job in visit.ask(jobs.listed, query)["items"]]


def _action(given: str) -> str:
    if given not in WORDS:
        raise NotFound("there is no such action")
    return given


def _made_before(wanted: Pairs, at: str, now: datetime) -> list[tuple[str, str]]:
    """The filter of what was there when it was shown: at the latest now, whatever a form says."""
    shown, until = min(instant(at) or now, now), instant(dict(wanted).get("until", ""))
    if until is not None and until <= shown:
        return list(wanted)
    return job_filters.changed(wanted, "until", words.stamp(shown + _INSTANT))
