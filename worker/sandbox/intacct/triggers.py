"""Platform triggers: an HTTP POST to the company's address when a kit's components change.

Attempts, waits, headers and claims are documented; that kit components can carry a trigger, and what no answer at all means, is inferred.
The body is whatever the company's administrator wrote as a template; the setting's default names the kit.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from worker.sandbox.ids import make_id
from worker.sandbox.intacct.components import COMPONENT_OBJECT
from worker.sandbox.intacct.signing import FORMS, jwt

if TYPE_CHECKING:
    from worker.sandbox.deliveries import Deliveries
    from worker.sandbox.intacct.company import Company
    from worker.sandbox.intacct.items import Item
    from worker.sandbox.world import World

WAITS: Final = (0.0, 10.0, 30.0, 90.0)
AGAIN: Final = frozenset({0, 408, 429, 500, 502, 503, 504})
"""After which statuses another attempt is made; 0: no answer."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What happened: to a kit, by whom. `event` as in `after_update`; `key` names the record, if it was one."""

    kit: Item
    event: str
    user: str
    key: str = ""
    object: str = COMPONENT_OBJECT
    entity: str = ""

    def body(self, template: str) -> bytes:
        """The template with its marks `{!…!}` replaced, as they stand inside a JSON text."""
        marks = {
            "kit.id": self.kit.id,
            "kit.key": self.kit.key,
            "object": self.object,
            "event": self.event,
            "key": self.key,
            "user": self.user,
        }
        for mark, value in marks.items():
            template = template.replace(f"{{!{mark}!}}", orjson.dumps(value).decode()[1:-1])
        return template.encode()

    def context(self, company: str) -> str:
        """The context header: base64 of JSON, unsigned."""
        context: dict[str, Any] = {
            "COMPANY": company,
            "ENTITY": self.entity or False,
            "USER": self.user,
            "OBJECTNAME": self.object.rpartition("/")[2].replace("-", "").upper(),
            "RESTOBJECTNAME": self.object,
            "DOCTYPE": "",
            "ID": self.key or {},
            "VID": "",
            "EVENT": self.event,
            "EVENTNAME": f"{self.event} of {self.object}",
        }
        return b64encode(orjson.dumps(context)).decode()


class Triggers:
    """Tells the companies' receivers."""

    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world = world
        self._deliveries = deliveries

    def tell(self, company: Company, trigger: Trigger) -> None:
        """Send it in the background, if the company has an address for it."""
        numbers = company.counts.notifications
        numbers["due"] += 1
        url = company.settings.intacct_webhook_url
        if not url:
            numbers["without_address"] += 1
            return
        body = trigger.body(self._world.settings.intacct_template)
        self._deliveries.spawn(self._send(url, self._head(company, trigger, body), body, numbers))

    def _head(self, company: Company, trigger: Trigger, body: bytes) -> bytes:
        """The head lines."""
        settings, shared = company.settings, self._world.settings
        token = jwt(body, settings.intacct_webhook_key, settings.client_id, self._world.clock.now(), shared.intacct_jwt_times)
        return (
            f"Content-Type: application/json\r\nX-IA-Sage-Signature: {FORMS[shared.intacct_signature](token, settings.client_id)}\r\n"
            f"x-clientcontext: {trigger.context(settings.tenant_id)}\r\nIdempotency-Key: {make_id()}\r\n"
        ).encode()

    async def _send(self, url: str, head: bytes, body: bytes, numbers: dict[str, int]) -> None:
        """Up to four attempts; exactly 200 is success."""
        numbers["sent"] += 1
        for number, wait in enumerate(WAITS):
            if number:
                numbers["retried"] += 1
                await asyncio.sleep(wait * self._world.settings.intacct_retry_scale)
            status = await self._deliveries.post(url, head, body)
            if status == HTTPStatus.OK:
                numbers["accepted"] += 1
                return
            numbers["refused"] += 1
            if status not in AGAIN:
                break
        numbers["given_up"] += 1
