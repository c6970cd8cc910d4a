"""A shop that sends orders: its source in each scheme, its rule, and how it signs."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from standardwebhooks import Webhook

from tests.webhooks.world import NOW, trio
from worker.settings import Rule, Secret, Source, Tenant

if TYPE_CHECKING:
    from datetime import datetime

    from tests.webhooks.world import Reply, World

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLAIN = "a-secret-of-the-warehouse"
ORDER = {"channel": "b2b", "no": "A1", "lines": [{"sku": "KIT-1", "qty": 2}, {"sku": "SCREW", "qty": 9}, {"sku": "KIT-2", "qty": 0.5}]}

SOURCES = (
    Source("webshop", "standard-webhooks", (Secret("whsec_b2xkb2xkb2xkb2xk"), Secret(SECRET))),
    Source("warehouse", "hmac-sha256", (Secret("older-than-this-one"), Secret(PLAIN)), header="X-Proof", id_header="X-Event-Id"),
    Source("paper", "bearer", (Secret(PLAIN),), id="data.no"),
    Source("idless", "bearer", (Secret(PLAIN),)),
)
RULE = Rule(
    "webshop",
    "order.*",
    "create_kit_assembly",
    {"item_id": "item.sku", "quantity": "item.qty"},
    when="data.channel == 'b2b'",
    each="data.lines[?starts_with(sku, 'KIT-')]",
    unique_key="join('/', [event.data.no, item.sku])",
)


def tenant(*rules: Rule, **changes: Any) -> Tenant:
    """A tenant with these sources; without rules given, each source has the shop's."""
    found = rules or tuple(replace(RULE, source=source.name) for source in SOURCES)
    return trio(**{"name": "acme", "sources": {source.name: source for source in SOURCES}, "rules": found, **changes})


def event(kind: str = "order.paid", **changes: Any) -> bytes:
    """An order."""
    return orjson.dumps({"type": kind, "data": {**ORDER, **changes}})


def signed(body: bytes, message: str = "msg_1", now: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """The headers that the official library makes."""
    signature = Webhook(secret).sign(message, now, body.decode())
    return {"webhook_id": message, "webhook_timestamp": str(round(now.timestamp())), "webhook_signature": signature}


def hashed(body: bytes) -> dict[str, str]:
    """The header of a plain HMAC."""
    return {"x_proof": "sha256=" + hmac.digest(PLAIN.encode(), body, hashlib.sha256).hex()}


def bearer() -> dict[str, str]:
    """The header of a token."""
    return {"authorization": f"Bearer {PLAIN}"}


def send(world: World, body: bytes, message: str = "msg_1", **headers: str) -> Reply:
    """An event of the webshop, signed."""
    return world.push(body, "/triggers/acme/webshop", **{**signed(body, message, world.now), **headers})
