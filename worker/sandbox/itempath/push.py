"""Data Push (documented): transactions go to an address of the customer's, with a header of the customer's and no signature.

Of kits only a new name is a transaction (type 15). What a body looks like is the customer's mapping; ours is one such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from worker.sandbox.itempath.records import new_id
from worker.sandbox.itempath.times import here, time_text
from worker.sandbox.wire import JSON

if TYPE_CHECKING:
    from worker.sandbox.deliveries import Deliveries
    from worker.sandbox.itempath.installation import Installation
    from worker.sandbox.itempath.records import Kit
    from worker.sandbox.world import World

KIT_RENAME: Final = 15
TRIES: Final = 2
"""One automatic retry (documented default)."""


def push_rename(world: World, deliveries: Deliveries, found: Installation, kit: Kit, before: str) -> None:
    """Tell that a kit has another name, if an address is set."""
    content = {
        "id": new_id(),
        "creationDate": time_text(here(world)),
        "type": KIT_RENAME,
        "kitId": kit.id,
        "kitName": kit.name,
        "previousName": before,
        "userName": "warehouse",
    }
    push(world, deliveries, found, content)


def push(world: World, deliveries: Deliveries, found: Installation, content: dict[str, Any]) -> None:
    """Send one body in the background."""
    settings = found.settings
    if not settings.itempath_push_url:
        found.notifications["without_address"] += 1
        return
    head = JSON + f"{settings.itempath_push_header}: {settings.itempath_push_secret}\r\n".encode("latin-1", "replace")
    wait = world.settings.first_retry
    body = orjson.dumps(content)
    deliveries.spawn(deliveries.deliver(settings.itempath_push_url, head, body, found, tries=TRIES, first_retry=wait))
