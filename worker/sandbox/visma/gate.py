"""What a call must pass before its operation is looked at: the faults, the limits and the scope, in the order of a real gateway."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from worker.sandbox.visma.refusals import Refused, refused
from worker.sandbox.wire import Answer, json_answer, message

if TYPE_CHECKING:
    from worker.sandbox.visma.calls import Call
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.tokens import Token
    from worker.sandbox.world import World

_HTML: Final = b"Content-Type: text/html\r\n"
UNAUTHORIZED: Final = message(401, "Authorization has been denied for this request.", b'WWW-Authenticate: Bearer error="invalid_token"\r\n')
BROKEN: Final = (
    json_answer(
        500,
        {
            "ExceptionType": "IPPException",
            "ExceptionMessage": "An unexpected error has occurred.",
            "ExceptionFaultCode": "10000",
            "ExceptionMessageID": None,
            "ExceptionDetails": None,
        },
    ),
    Answer(502, b"<html><head><title>502 Bad Gateway</title></head></html>", _HTML),
    Answer(503, b"<html><head><title>503 Service Unavailable</title></head></html>", _HTML),
)
"""Server errors as they were seen: the older gateway's object, and a proxy's page that is no JSON."""


def too_many(seconds: float, text: str) -> Refused:
    """429 with Retry-After in seconds (documented)."""
    return Refused(message(429, text, _retry_after(seconds)))


def _retry_after(seconds: float) -> bytes:
    """The header line: whole seconds, at least one; an hour for what has no end."""
    return b"Retry-After: %d\r\n" % max(1, math.ceil(min(seconds, 3_600.0)))


class Gate:
    """Lets calls in, or raises `Refused`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def admit(self, company: Company, token: Token, call: Call) -> None:
        """Down, storm, the hour's calls, scope."""
        now = self._world.clock.now()
        down = self._world.down_for()
        if down:
            raise Refused(BROKEN[2]._replace(head=_HTML + _retry_after(down)))
        if now < company.storm_until:
            raise too_many(company.storm_until - now, "Too many requests.")
        if not company.window.take(now):
            raise too_many(company.window.reset_in(now), "API calls quota exceeded.")
        if call.route.verb not in token.verbs:
            raise refused(f"The scope vismanet_erp_service_api:{call.route.verb} is missing.", 403)

    async def trouble(self, company: Company, token: Token, key: str, nth: int) -> None:
        """The faults that strike before anything is accepted."""
        settings, faults = self._world.settings, self._world.faults
        if faults.hits("token-revoked", key, nth):
            token.works = False
            raise Refused(UNAUTHORIZED)
        if faults.hits("429", key, nth):
            length = settings.storm_seconds * (2 + faults.part("storm", key, nth)) / 3
            company.storm_until = self._world.clock.now() + length
            raise too_many(length, "Too many requests.")
        if faults.hits("5xx", key, nth):
            raise Refused(self.broken(key, nth))
        if faults.hits("slow", key, nth):
            await asyncio.sleep(settings.slow_seconds * (0.5 + faults.part("wait", key, nth) / 2))

    def broken(self, key: str, nth: int) -> Answer:
        """One of the server errors."""
        return BROKEN[int(self._world.faults.part("status", key, nth) * len(BROKEN))]
