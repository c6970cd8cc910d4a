"""Idempotency keys: what a key was first used for is stored with its answer, failures too (documented)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from worker.sandbox.intacct.items import moment_text
from worker.sandbox.intacct.refusals import Refused, wrong

if TYPE_CHECKING:
    from worker.sandbox.wire import Answer

HEADER: Final = "Idempotency-Key"
MOST: Final = 256
REPLAYED: Final = 48 * 3_600.0
RESERVED: Final = 60 * 86_400.0


@dataclass(slots=True)
class Stored:
    """One use of a key. Without an answer it is under way."""

    request: bytes
    at: float
    answer: Answer | None = None


class Idempotency:
    """The keys of one company."""

    __slots__ = ("_stored",)

    def __init__(self) -> None:
        self._stored: dict[str, Stored] = {}

    def begin(self, key: str, request: bytes, now: float) -> Answer | None:
        """The stored answer of this key, with when it was stored; None: the call is the first and may run.

        Raises `Refused`: 409 while the first is under way, for another request, and from 48 hours to 60 days after the first.
        """
        if len(key) > MOST:
            raise wrong(f"{HEADER} has more than {MOST} characters")
        stored = self._stored.get(key)
        if stored is None or now - stored.at >= RESERVED:
            self._stored[key] = Stored(request, now)
            return None
        if stored.request != request:
            raise _conflict("was used for another request")
        if stored.answer is None:
            raise _conflict("is in use by a request that has not finished")
        if now - stored.at >= REPLAYED:
            raise _conflict("is reserved")
        head = f"x-ia-idempotency-cached-date: {moment_text(stored.at)}\r\n".encode()
        return stored.answer._replace(head=stored.answer.head + head)

    def end(self, key: str, answer: Answer, now: float) -> None:
        """What the first call was answered, or would have been."""
        stored = self._stored[key]
        stored.answer, stored.at = answer, now

    def drop(self, key: str) -> None:
        """The first call ended without an answer of its own: the key is free."""
        self._stored.pop(key, None)


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return sha256(b"\0".join((method.encode(), path.encode(), body))).digest()


def _conflict(why: str) -> Refused:
    return Refused(409, "conflict", f"The {HEADER} {why}")
