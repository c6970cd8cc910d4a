"""What a call must pass before it reaches its object, as at a gateway: whether Intacct is up, room, entity, and the faults."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from worker.sandbox.intacct.refusals import Refused, gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.sandbox.intacct.calls import Call
    from worker.sandbox.intacct.company import Company
    from worker.sandbox.intacct.tokens import Grant, Tokens
    from worker.sandbox.world import World

ERP: Final = "intacct"
ENTITY: Final = "X-IA-API-Param-Entity"
TRANSACTION: Final = "X-IA-API-Param-Transaction"
BROKEN: Final = (500, 502, 503, 504)
_MINUTE: Final = 1_500
_HOUR: Final = 50_000
RETRY_HEADERS: Final[tuple[Callable[[int, float], str], ...]] = (
    lambda seconds, _now: f"Retry-After: {seconds}",
    lambda seconds, now: f"Retry-After: {formatdate(math.ceil(now) + seconds, usegmt=True)}",
    lambda seconds, _now: f"X-IA-Throttle-Limit-Retry-After: {seconds}",
    lambda seconds, _now: f"X-IA-Throttle-Limit-RetryAfter: {seconds}",
    lambda seconds, _now: f"X-IA-Hour-Rate-Limit-Retry-After: {seconds}",
    lambda seconds, _now: f"X-IA-TENANT-Throttle-Limit-Retry-After: {seconds}",
    lambda _seconds, _now: "",
)
"""How an answer says how long to wait: every spelling that was documented or seen, and not at all."""


class Gate:
    """Lets calls in, or raises `Refused`."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens
        self._refusals = 0

    def clear(self) -> None:
        """As at the start."""
        self._refusals = 0

    def down(self) -> None:
        """Refuse while Intacct is down."""
        seconds = self._world.down_for(ERP)
        if seconds:
            wait = max(1, math.ceil(min(seconds, 3_600.0)))
            raise gateway(503, "0001", "Unable to process request", b"Retry-After: %d\r\n" % wait)

    def authorize(self, header: str) -> Grant:
        """The grant of a token that works."""
        if not header.startswith("Bearer "):
            raise gateway(401, "0034", "Invalid Authorization Header")
        grant = self._tokens.find(header)
        if grant is None:
            raise gateway(401, "0031", "Invalid Token")
        if not self._tokens.works(header, self._world.clock.now()):
            raise self._dead(grant.company)
        return grant

    def _dead(self, company: Company) -> Refused:
        """How a dead token is answered: 401 (documented), by fault 400 (seen)."""
        faults = self._world.faults
        if faults.active and faults.hits("intacct-token-400", "dead", company.ordinal("dead token")):
            return Refused(400, "tokenInvalid", "The access token is invalid or has expired")
        return gateway(401, "0031", "Invalid Token")

    def admit(self, company: Company, call: Call) -> None:
        """Room and entity."""
        if not company.counts.fits(company.settings.intacct_slots):
            raise self._too_many()
        if call.entity and call.entity not in company.entities:
            raise Refused(403, "unauthorizedUser", f"There is no access to the entity {call.entity}")

    def trouble(self, grant: Grant, subject: str, nth: int) -> None:
        """The faults that strike before anything is done."""
        faults = self._world.faults
        if faults.hits("intacct-token-killed", subject, nth):
            self._tokens.kill(grant)
            raise gateway(401, "0031", "Invalid Token")
        if faults.hits("intacct-token-400", subject, nth):
            self._tokens.kill(grant)
            raise Refused(400, "tokenInvalid", "The access token is invalid or has expired")
        if faults.hits("intacct-429", subject, nth):
            raise self._too_many(turn=True)
        if faults.hits("intacct-5xx", subject, nth):
            raise self.broken(subject, nth)

    def broken(self, subject: str, nth: int) -> Refused:
        """One of the server errors."""
        status = BROKEN[int(self._world.faults.part("intacct-status", subject, nth) * len(BROKEN))]
        return gateway(status, "0001", "Unable to process request")

    def _too_many(self, *, turn: bool = False) -> Refused:
        """429. By fault each retry header has its turn, from one on that the seed chooses; else it is the throttle's."""
        which = 2
        if turn:
            which = (int(self._world.faults.part("intacct-retry", "", 0) * len(RETRY_HEADERS)) + self._refusals) % len(RETRY_HEADERS)
            self._refusals += 1
        line = RETRY_HEADERS[which](self._world.settings.intacct_retry_after, self._world.clock.now())
        return gateway(429, "0010", "API rate limit exceeded", f"{line}\r\n".encode() if line else b"")


def limits(company: Company) -> bytes:
    """The head lines of every answer of a company: what there is and what is left (names documented, numbers ours but the slots)."""
    counts, slots = company.counts, company.settings.intacct_slots
    calls = sum(counts.calls.values()) + 1
    return (
        f"X-IA-Throttle-Limit: {slots}\r\nX-IA-Throttle-Limit-Remaining: {max(0, slots - counts.in_flight)}\r\n"
        f"X-IA-Minute-Rate-Limit: {_MINUTE}\r\nX-IA-Minute-Rate-Limit-Remaining: {_MINUTE - calls % _MINUTE}\r\n"
        f"X-IA-Hour-Rate-Limit: {_HOUR}\r\nX-IA-Hour-Rate-Limit-Remaining: {_HOUR - calls % _HOUR}\r\n"
        f"X-IA-TENANT-Throttle-Limit: {slots}\r\nX-IA-TENANT-Throttle-Limit-Remaining: {max(0, slots - counts.in_flight)}\r\n"
    ).encode()
