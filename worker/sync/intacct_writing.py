"""One order of writes sent to Intacct, with what became of each.

Writes of one sort that follow each other go as one batch, not atomic, each with its own end; those that set a line number go one by one,
since a number that is taken renumbers the others. After the first that is not accepted nothing more is sent.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from worker.clients.intacct.faults import replayed
from worker.clients.intacct.keys import idempotency_key
from worker.clients.intacct.schemas import component_body
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Unclear
from worker.kits.model import CreateLine, DeleteLine, UpdateLine
from worker.sync.system import Sent, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker.clients.intacct.client import IntacctClient
    from worker.clients.intacct.records import Outcome, Reference
    from worker.kits.model import Write
    from worker.sync.system import Order

EXTRAS: Final = ("revenue_percentage", "default_delivery_status", "default_deferral_status")
"""What only Intacct knows of a line: it rides in a line's extras under these names."""

BATCH: Final = 100
"""Writes of one call: far below the documented 500, so that a call ends in time."""

_FORBIDDEN: Final = 403
Ended = tuple[str | None, CallError | None]
"""A line's key, where it is known, and what went wrong."""


class Writing:
    """Sends one order; `clock` gives epoch seconds."""

    def __init__(self, client: IntacctClient, order: Order, clock: Callable[[], float]) -> None:
        self._client = client
        self._order = order
        self._clock = clock

    def run(self) -> Written:
        """See `KitSystem.write`."""
        sent: list[Sent] = []
        for run in _runs(self._order.writes[: self._order.most]):
            done, error = self._send(run)
            sent += done
            if error is not None:
                return Written(tuple(sent), error, spent=replayed(error) or error.status == HTTPStatus.CONFLICT)
        return Written(tuple(sent))

    def _send(self, run: Sequence[Write]) -> tuple[list[Sent], CallError | None]:
        at = self._clock()
        lacking = [write.line.component for write in run if isinstance(write, CreateLine) and write.line.component not in self._order.items]
        if lacking:
            missing = Missing(f"Intacct has no item {', '.join(lacking)}")
            return [_sent(write, (None, missing), at, never=True) for write in run], missing
        try:
            ends = self._call(run)
        except CallError as error:
            ends = [(_key(write), error) for write in run]
        ends = [(key, None if _gone(write, error) else error) for write, (key, error) in zip(run, ends, strict=True)]
        done = [_sent(write, end, at) for write, end in zip(run, ends, strict=True)]
        return done, next((error for _, error in ends if error is not None), None)

    def _call(self, run: Sequence[Write]) -> list[Ended]:
        first = run[0]
        if isinstance(first, DeleteLine):
            return self._delete([_key(write) or "" for write in run])
        if isinstance(first, UpdateLine):
            return self._update([(write.remote.id, _changes(write)) for write in run if isinstance(write, UpdateLine)])
        return self._create([self._values(write) for write in run if isinstance(write, CreateLine)])

    def _create(self, values: list[dict[str, Any]]) -> list[Ended]:
        key = self._idempotency("create", "+".join(each["component"] for each in values), [component_body(each) for each in values])
        if len(values) == 1:
            return [(self._client.create_kit_component(values[0], key).key, None)]
        return _ends(self._client.create_kit_components(values, key))

    def _update(self, changes: list[tuple[str, dict[str, Any]]]) -> list[Ended]:
        key = self._idempotency("update", "+".join(line for line, _ in changes), [component_body(values) for _, values in changes])
        if len(changes) == 1:
            self._client.update_kit_component(*changes[0], key)
            return [(changes[0][0], None)]
        return _ends(self._client.update_kit_components(changes, key), [line for line, _ in changes])

    def _delete(self, keys: list[str]) -> list[Ended]:
        if len(keys) == 1:
            self._client.delete_kit_component(keys[0])
            return [(keys[0], None)]
        return _ends(self._client.delete_kit_components(keys), keys)

    def _values(self, write: CreateLine) -> dict[str, Any]:
        values: dict[str, Any] = {
            "kit": self._order.kit.id,
            "component": self._order.items[write.line.component].id,
            "number_of_units": write.line.quantity,
            **_extras(write.line.extras),
        }
        return values if write.number is None else {**values, "line_number": write.number}

    def _idempotency(self, operation: str, component: str, content: object) -> str:
        return idempotency_key(self._order.job, self._order.generation, operation, self._order.kit.id, component, content)


def _runs(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """The writes in their order, as they go together."""
    run: list[Write] = []
    for write in writes:
        if isinstance(write, UpdateLine) and not _changes(write):
            continue
        alone = _number(write) is not None
        if run and (alone or type(write) is not type(run[0]) or len(run) == BATCH or _number(run[0]) is not None):
            yield run
            run = []
        run.append(write)
    if run:
        yield run


def _changes(write: UpdateLine) -> dict[str, Any]:
    named = {"number_of_units": write.quantity, "line_number": write.number}
    return {name: value for name, value in named.items() if value is not None} | _extras(write.extras)


def _extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {name: extras[name] for name in EXTRAS if extras.get(name) is not None}


def _ends(outcomes: Sequence[Outcome[Reference]], keys: Sequence[str] | None = None) -> list[Ended]:
    known: Sequence[str | None] = keys or [each.value.key if each.value is not None else None for each in outcomes]
    return [(key, each.error) for key, each in zip(known, outcomes, strict=True)]


def _sent(write: Write, end: Ended, at: float, *, never: bool = False) -> Sent:
    key, error = end
    line = write.line if isinstance(write, CreateLine) else write.remote.line
    quantity = write.line.quantity if isinstance(write, CreateLine) else write.quantity if isinstance(write, UpdateLine) else None
    return Sent(
        write="create" if isinstance(write, CreateLine) else "update" if isinstance(write, UpdateLine) else "delete",
        component=line.component,
        outcome="unsent" if never else _outcome(error),
        at=at,
        line=key,
        quantity=None if quantity is None else str(quantity),
        number=_number(write),
    )


def _outcome(error: CallError | None) -> Any:  # noqa: ANN401 - one of the four words
    if error is None:
        return "accepted"
    if isinstance(error, (NotSent, RateLimited)) or (isinstance(error, AuthRefused) and error.status != _FORBIDDEN):
        return "unsent"
    return "unclear" if isinstance(error, (Unclear, BadAnswer)) else "refused"


def _gone(write: Write, error: CallError | None) -> bool:
    """A delete of what is not there any more has done its work."""
    return isinstance(write, DeleteLine) and isinstance(error, Missing)


def _key(write: Write) -> str | None:
    return None if isinstance(write, CreateLine) else write.remote.id


def _number(write: Write) -> int | None:
    return None if isinstance(write, DeleteLine) else write.number
