"""What a batch answers, record for record. Pure.

A 204, or a 2xx with a list, says that all went well; 207 holds for each record its `ia::status` and what it answered or `ia::error`
(documented). Whether the answer stands in `ia::result` or beside the status is not: both are read. Places count, keys only confirm them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.clients.intacct.faults import CACHED, STATUS, faults_in, meaning
from worker.clients.intacct.records import Outcome
from worker.clients.intacct.schemas import result_of
from worker.errors import BadAnswer

if TYPE_CHECKING:
    from worker.clients.base import Reply

T = TypeVar("T")
MOST: Final = 500
"""Records of a batch at most (documented)."""


def outcomes_of(
    reply: Reply, count: int, load: Callable[[Any], T], *, write: bool, keys: Sequence[str] | None = None
) -> tuple[Outcome[T], ...]:
    """What became of each of `count` records, in the order in which they were sent. Raises `BadAnswer` where that can't be told."""
    if reply.status == HTTPStatus.NO_CONTENT or not reply.body.strip():
        return tuple(Outcome(status=reply.status) for _ in range(count))
    value = reply.json()
    rows = value if isinstance(value, list) else result_of(value)
    rows = [rows] if isinstance(rows, Mapping) else rows
    if not isinstance(rows, list) or len(rows) != count or not all(isinstance(row, Mapping) for row in rows):
        raise BadAnswer(f"a batch of {count} was answered with something else", status=reply.status)
    for row, key in zip(rows, keys or (), strict=False):
        if _shown_key(row) not in (None, key):
            raise BadAnswer("a batch was answered in another order", status=reply.status)
    cached = reply.headers.get(CACHED)
    return tuple(_outcome(row, reply.status, load, write=write, cached=cached) for row in rows)


def _outcome(row: Mapping[str, Any], status: int, load: Callable[[Any], T], *, write: bool, cached: str | None) -> Outcome[T]:
    own = row.get(STATUS)
    own = own if isinstance(own, int) else status
    faults = list(faults_in(row))
    if faults or not HTTPStatus.OK <= own < HTTPStatus.MULTIPLE_CHOICES:
        error = meaning(faults, own, write=write, cached=cached)
        return Outcome(status=own, error=error)
    return Outcome(status=own, value=load(_inner(row)))


def _inner(row: Mapping[str, Any]) -> Mapping[str, Any]:
    result = row.get("ia::result")
    return result if isinstance(result, Mapping) else {name: value for name, value in row.items() if not name.startswith("ia::")}


def _shown_key(row: Mapping[str, Any]) -> object:
    return _inner(row).get("key")
