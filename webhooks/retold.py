"""Read a stored delivery again, as when it came: by the same sender's reading, over today's settings. Nothing is proven anew: it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import orjson

from webhooks import intacct, itempath, visma
from worker.errors import Conflict, NotFound

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
"""By source; each raises `NotFound` where the tenant has no such sender any more."""

_UNPREFIXED: Final = frozenset({"content-type", "content-length"})


def retold(settings: Settings, delivery: Delivery, now: datetime) -> Arrival:
    """The delivery as a new arrival, with what its content says. Raises `Conflict` if its sender or its content is not what it was."""
    try:
        sender = SENDERS[delivery.source](settings, delivery.tenant)
        content = orjson.loads(delivery.body)
    except (KeyError, NotFound):
        raise Conflict(f"this delivery can't be replayed: {delivery.tenant} has no sender {delivery.source} any more") from None
    except orjson.JSONDecodeError:
        raise Conflict("this delivery can't be replayed: its body was not kept whole") from None
    environ = {_variable(name): value for name, value in delivery.headers.items()}
    bare = replace(sender.bare(environ, delivery.body.encode()), headers=delivery.headers, type=delivery.type)
    return sender.told(bare, environ, content, now)


def _variable(header: str) -> str:
    """Where a header stands in the environment of a request."""
    name = header.upper().replace("-", "_")
    return name if header in _UNPREFIXED else f"HTTP_{name}"
