"""The notification that a background operation has ended.

Its body is not documented: ours has the members that the documents speak of (an id, a status code, the state's location,
and by an older text the content's). The headers are those of the Visma Webhook Dispatcher, seen in a sample for a sister product.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson

from worker.sandbox.ids import make_id
from worker.sandbox.visma.operations import FAILED, state_location
from worker.sandbox.wire import JSON

if TYPE_CHECKING:
    from worker.sandbox.deliveries import Deliveries
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.operations import Operation
    from worker.sandbox.world import World

EVENT: Final = "BACKGROUND_API_RESPONSE"
BATCH: Final = 10
_HALF: Final = 0.5


class Notifications:
    """Makes notifications and hands them to delivery, with the faults on the way."""

    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world = world
        self._deliveries = deliveries
        self._batches: dict[str, list[Operation]] = {}

    def clear(self) -> None:
        """Forget what was held back."""
        self._batches.clear()

    def _due(self, operation: Operation) -> bool:
        """Whether anybody is to be told: the catalogue has it only for operations that ended with a response (documented)."""
        target = operation.target
        if not target.subscription and not target.url:
            return False
        if operation.status == FAILED:
            return self._world.settings.notify_failed
        return operation.code != HTTPStatus.NO_CONTENT or self._world.settings.notify_empty

    def notify(self, operation: Operation) -> None:
        """Tell who is to be told, in the background, as the faults let it."""
        if not self._reachable(operation):
            return
        counters, settings, faults = operation.company.counters, self._world.settings, self._world.faults
        if not faults.active:
            self._deliveries.spawn(self.send(operation))
            return
        key, nth = operation.call.key(), operation.nth
        if faults.hits("lost", key, nth):
            counters.notifications["lost"] += 1
            return
        if operation.target.subscription and faults.hits("batched", key, nth):
            self._collect(operation)
            return
        wait = settings.late_seconds * (0.5 + faults.part("wait", key, nth) / 2) if faults.hits("late", key, nth) else 0.0
        notification_id = make_id()
        self._deliveries.spawn(self.send(operation, wait=wait, notification_id=notification_id))
        if faults.hits("duplicated", key, nth):
            again = notification_id if faults.part("same id", key, nth) < _HALF else make_id()
            self._deliveries.spawn(self.send(operation, wait=wait + 0.05, notification_id=again))

    async def tell_at_once(self, operation: Operation) -> None:
        """Tell who is to be told, and wait until it is taken."""
        if self._reachable(operation):
            await self.send(operation)

    def _reachable(self, operation: Operation) -> bool:
        """Whether a notification is due and has somewhere to go; both are counted."""
        if not self._due(operation):
            return False
        numbers = operation.company.counters.notifications
        numbers["due"] += 1
        if operation.target.address(operation.company.settings.webhook_url) == "none":
            numbers["without_address"] += 1
            return False
        return True

    async def send(self, operation: Operation, *, wait: float = 0.0, notification_id: str | None = None) -> None:
        """One notification of one operation."""
        if wait:
            await asyncio.sleep(wait)
        company, target = operation.company, operation.target
        body = content(operation, self._world.base)
        head = self._dispatched(company, body, target.headers, notification_id or make_id()) if target.subscription else JSON
        await self._deliver(target.address(company.settings.webhook_url), head, body, company)

    async def _deliver(self, url: str, head: bytes, body: bytes, company: Company) -> None:
        """Hand over to delivery."""
        settings = self._world.settings
        await self._deliveries.deliver(url, head, body, company.counters, tries=settings.tries, first_retry=settings.first_retry)

    def _collect(self, operation: Operation) -> None:
        """Hold this one back until some more are there or their time is up."""
        name = operation.company.settings.name
        held = self._batches.setdefault(name, [])
        held.append(operation)
        if len(held) == 1:
            self._deliveries.spawn(self._flush_later(held))
        if len(held) >= BATCH:
            del self._batches[name]

    async def _flush_later(self, held: list[Operation]) -> None:
        """Send what was held back in one array (seen for the older entity hooks). An array has no room for the callers' headers."""
        await asyncio.sleep(self._world.settings.batch_seconds)
        company = held[0].company
        if self._batches.get(company.settings.name) is held:
            del self._batches[company.settings.name]
        body = b"[%b]" % b",".join(content(operation, self._world.base) for operation in held)
        await self._deliver(company.settings.webhook_url, self._dispatched(company, body, (), make_id()), body, company)

    def _dispatched(self, company: Company, body: bytes, asked: tuple[tuple[str, str], ...], notification_id: str) -> bytes:
        """The head lines: those that the caller asked for, and the dispatcher's with the signature (documented; the header's name seen)."""
        settings = company.settings
        stamp = int(self._world.clock.now() * 1000)
        own = "".join(f"{name}: {value}\r\n" for name, value in asked)
        return (
            f"{own}Content-Type: application/json; charset=utf-8\r\n"
            f"x-vwd-application-id: {settings.client_id}\r\nx-vwd-application-version: 1\r\nx-vwd-event-id: {EVENT}\r\n"
            f"x-vwd-group-id: visma-net-financials\r\nx-vwd-notification-id: {notification_id}\r\n"
            f"x-vwd-notification-timestamp: {stamp}\r\nx-vwd-subscription-id: {settings.name}-subscription\r\n"
            f"x-vwd-tenant-id: {settings.tenant_id}\r\nx-vwd-webhook-timestamp: {stamp}\r\n"
            f"x-vwd-signature-v1: {signature(settings.webhook_key, body)}\r\n"
        ).encode("latin-1", "replace")


def content(operation: Operation, base: str) -> bytes:
    """Our reading of the body."""
    location = state_location(base, operation.operation_id)
    return orjson.dumps(
        {
            "id": operation.operation_id,
            "event": EVENT,
            "tenantId": operation.company.settings.tenant_id,
            "statusCode": operation.code,
            "stateLocation": location,
            "contentLocation": f"{location}/content",
        }
    )


def signature(key: str, body: bytes) -> str:
    """base64(HMAC-SHA256(key, body)); the key is a plain string (seen)."""
    return b64encode(hmac.digest(key.encode(), body, "sha256")).decode()
