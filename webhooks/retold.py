"""Read a stored delivery again, as when it came: by the same sender's reading, over today's settings. Nothing is proven anew: it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhooks import intacct, itempath, triggers, visma
from webhooks.problems import Problem
from webhooks.receiver import NOT_KEPT, header_variable
from webhooks.ruling import ruled
from worker.errors import Conflict, NotFound
from worker.rules import Rulebook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhooks.receiver import Sender
    from worker.jobs.arrivals import Arrival
    from worker.jobs.model import Delivery
    from worker.settings import Settings

    Finder = Callable[[Settings, str], Sender]

SENDERS: Final[Mapping[str, Finder]] = {
    visma.SOURCE: visma.sender_of,
    intacct.SOURCE: intacct.sender_of,
    itempath.SOURCE: itempath.sender_of,
}
"""The ERPs by source; each raises `NotFound` where the tenant has no such sender any more. Every other source sends triggers."""


def teller(settings: Settings, clock: Callable[[], datetime]) -> Callable[[Delivery], Arrival]:
    """What reads stored deliveries again: see `retold`."""
    book = Rulebook(settings)
    return lambda delivery: retold(settings, book, delivery, clock())


def retold(settings: Settings, book: Rulebook, delivery: Delivery, now: datetime) -> Arrival:
    """The delivery as a new arrival, with what its content says and what rules make of it.

    Raises `Conflict` if its sender or its content is not what it was.
    """
    if NOT_KEPT in delivery.headers.values():
        raise Conflict("this delivery can't be replayed: a header of its event looked like a credential, and was not kept")
    environ = {header_variable(name): value for name, value in delivery.headers.items()}
    body = delivery.body.encode()
    try:
        sender = sender_of(settings, delivery.tenant, delivery.source)
        content = sender.read(environ, body)
    except NotFound:
        raise Conflict(f"this delivery can't be replayed: {delivery.tenant} has no sender {delivery.source} any more") from None
    except Problem:
        raise Conflict("this delivery can't be replayed: its body was not kept whole") from None
    bare = replace(sender.bare(environ, body), headers=delivery.headers, type=delivery.type)
    return ruled(book, sender, sender.told(bare, environ, content, now), content, body)


def sender_of(settings: Settings, tenant: str, source: str) -> Sender:
    """Who reads what this source sends. Raises `NotFound`."""
    find = SENDERS.get(source)
    return triggers.sender_of(settings, tenant, source) if find is None else find(settings, tenant)
