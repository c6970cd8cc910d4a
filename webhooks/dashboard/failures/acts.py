"""What a person says of a group of failures: that somebody knows of it, or that this is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.api import failures
from webhooks.api.fields import GROUP
from webhooks.dashboard.failures.page import page_of
from webhooks.dashboard.visiting import Moved
from worker.errors import Conflict, InvalidArguments, NotFound

if TYPE_CHECKING:
    from webhooks.api.asking import Handler
    from webhooks.dashboard.visiting import Outcome, Visit


def acknowledge(visit: Visit) -> Outcome:
    """`POST /failures/<id>/acknowledge`, with a note or without."""
    note = visit.one("note")
    try:
        return _turned(visit, failures.acknowledge, {"note": note} if note else {}, "Acknowledged, until another job fails so.")
    except InvalidArguments as refused:
        return page_of(visit, 422, note, [{"path": each.path, "message": each.message} for each in refused.faults])


def reopen(visit: Visit) -> Outcome:
    """`POST /failures/<id>/reopen`."""
    return _turned(visit, failures.reopen, {}, "Open again.")


def _turned(visit: Visit, handler: Handler, body: object, said: str) -> Moved:
    """What stands against it, because others were quicker, is said on the group's page."""
    if not GROUP.fullmatch(visit.path["id"]):
        raise NotFound("there is no such group of failures")
    to = f"/failures/{visit.path['id']}"
    try:
        visit.ask(handler, body=body, failure=visit.path["id"])
    except (Conflict, NotFound) as refused:
        text = str(refused)
        return Moved(to, f"{text[:1].upper()}{text[1:]}.", "bad")
    return Moved(to, said)
