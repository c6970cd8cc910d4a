"""What a person does to a batch: pause, resume, cancel, and replay what failed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import actions, batches
from webhooks.dashboard.batches.page import find
from webhooks.dashboard.visiting import Moved
from webhooks.dashboard.words import number
from worker.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.api.asking import Handler
    from webhooks.dashboard.visiting import Outcome, Visit

_SAID: Final = {
    "pause": "Paused: nothing more of this batch is started.",
    "resume": "Goes on.",
    "cancel": "Cancelled: nothing more of this batch is started. What the ERP has taken is followed to its end.",
}

_MORE: Final = ("Started: its jobs begin as the connection has room.", "Dropped: nothing of it was started.")
"""What is said instead where a held batch is started or dropped."""


def _turn(action: str, handler: Handler) -> Callable[[Visit], Outcome]:
    def turned(visit: Visit) -> Outcome:
        """What can't be done any more, because the batch moved on, is said on its page."""
        to = f"/batches/{visit.path['id']}"
        try:
            visit.ask(handler, body={})
        except Conflict as conflict:
            return Moved(to, f"{str(conflict)[:1].upper()}{str(conflict)[1:]}.", "bad")
        return Moved(to, visit.one("said") if visit.one("said") in _MORE else _SAID[action])

    return turned


pause: Final = _turn("pause", batches.pause)
resume: Final = _turn("resume", batches.resume)
cancel: Final = _turn("cancel", batches.cancel)


def replay(visit: Visit) -> Outcome:
    """All failed jobs of the batch again, or with `failure` those that failed for one reason."""
    with visit.api.database.read() as connection:
        batch = find(visit, connection)
    wanted: dict[str, Any] = {"tenant": batch.tenant, "batch": batch.id, "state": "failed"}
    if visit.one("failure"):
        wanted["failure"] = visit.one("failure")
    begun = visit.ask(actions.create, body={"action": "replay", "filter": wanted})
    jobs = "1 job is" if begun["total"] == 1 else f"{number(begun['total'])} jobs are"
    return Moved(f"/batches/{batch.id}?action={begun['id']}", f"{jobs} being replayed.")


def stop(visit: Visit) -> Outcome:
    """End a replay that was begun here before it is through."""
    to, action = f"/batches/{visit.path['id']}", visit.path["action"]
    try:
        visit.ask(actions.stop, body={}, id=action)
    except Conflict as conflict:
        return Moved(f"{to}?action={action}", str(conflict), "bad")
    return Moved(f"{to}?action={action}", "Stopped: no more jobs are replayed; those that were stay so.")
