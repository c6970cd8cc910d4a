"""Which headers of a call are kept with it: those that not every call has, and of them only values known to be harmless. Pure.

>>> kept([(b"Host", b"erp.test"), (b"Authorization", b"Bearer t0ken"), (b"Idempotency-Key", b"0191-1"), (b"X-Api-Key", b"s3cr3t")])
{'Idempotency-Key': '0191-1', 'X-Api-Key': '***'}

A header that nobody has thought of keeps its name alone: a value has to be asked for here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.clients.redaction import MASK, redact

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMON: Final = frozenset(
    (b"host", b"accept", b"user-agent", b"accept-encoding", b"connection", b"content-length", b"transfer-encoding", b"authorization")
)
"""What says nothing of one call. `Authorization` stands among them, so that not even its scheme is kept."""

_PLAIN: Final = re.compile(rb"[\x20-\x7e]{1,300}")
_HARMLESS: Final = {
    b"content-type": _PLAIN,
    b"erp-api-background": re.compile(rb"none|subscription:[\w.=-]{1,200}"),  # an address of ours ends with a token of ours
    b"idempotency-key": _PLAIN,
    b"if-match": _PLAIN,
    b"x-ia-api-param-entity": _PLAIN,
    b"x-ia-api-param-transaction": _PLAIN,
    b"webhook-id": _PLAIN,
    b"webhook-timestamp": _PLAIN,
}
"""The whole values that may be kept, by name."""


def kept(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """What to keep of a request's headers, in their order; None for nothing."""
    found = {name.decode("latin-1"): _value(name, value) for name, value in raw if name.lower() not in COMMON}
    return found or None


def _value(name: bytes, value: bytes) -> str:
    harmless = _HARMLESS.get(name.lower())
    return MASK if harmless is None or harmless.fullmatch(value) is None else redact(value.decode("ascii"))
