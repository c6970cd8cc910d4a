"""Test deliveries: written by a person, signed here with the sender's own secret, and taken by the real receiver in this process.

So proof, duplicate check, storing and rules are those of every delivery; only the network is left out. The secret goes nowhere: it makes
the proof, which the receiver checks and nobody keeps. A test takes nothing from the real sender: it is a duplicate of tests alone, no event
is a duplicate of it, and it counts for the rate of who tests, not for the source's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks import intacct, itempath, triggers, visma
from webhooks.bodies import LIMIT
from webhooks.cloudevents import STRUCTURED
from webhooks.concurrency import Threads
from webhooks.problems import Problem
from webhooks.proving import Message, prover_of, token_of
from webhooks.rates import Rates
from webhooks.receiver import TEST_HEADER, header_variable
from webhooks.retold import sender_of
from webhooks.ruling import ruled
from worker.errors import NotFound
from worker.jobs import acts, arrivals
from worker.settings import ERPS, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver
    from webhooks.refusals import Refusals
    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.engine import Database

A_MINUTE: Final = 30
"""Test deliveries that an API key may send, to whomever."""

_NOWHERE: Final = ""
"""No tenant has this name: the rates of who tests stand under it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A delivery to be tried: as whom, what, under which id (the sender's own for it), and who does it."""

    tenant: str
    source: str
    body: bytes
    id: str
    by: str


@dataclass(frozen=True, slots=True)
class Came:
    """What became of it: its row, and the one that it repeats, or why it was refused."""

    delivery: str
    first: str | None = None
    refused: str | None = None


class Trials:
    """Tries deliveries out. It works where it is asked to, in a thread that may block."""

    def __init__(self, receiver: Receiver, database: Database, refusals: Refusals) -> None:
        """`refusals` are the receiver's, whose bounds tests share."""
        self._receiver = replace(receiver, concurrency=Threads())
        self._refusals = refusals.blocking()
        self._database = database

    def sources(self, tenant: str) -> list[str]:
        """Who can prove deliveries to a tenant: the ERPs first."""
        settings = self._receiver.settings
        home = settings.tenants.get(tenant)
        known = () if home is None else (*ERPS, *sorted(home.sources))
        return [source for source in known if prover_of(settings, tenant, source) is not None]

    def foresee(self, trial: Trial) -> Arrival:
        """What the delivery would ask for; nothing is stored. Raises `Problem` for one that would be refused, `NotFound`."""
        sender = sender_of(self._receiver.settings, trial.tenant, trial.source)
        if len(trial.body) > LIMIT:
            raise Problem(413, f"the body is larger than {LIMIT} bytes")
        environ = self._environ(trial)
        content = sender.read(environ, trial.body)
        told = sender.told(sender.bare(environ, trial.body), environ, content, self._receiver.clock())
        return ruled(self._receiver.rules, sender, _of_tests(told), content, trial.body)

    def send(self, trial: Trial) -> Came:
        """Sign it and let it be received.

        Raises `NotFound` for a sender that can prove nothing, `Problem` 429 for one test too many, `LedgerUnavailable`.
        """
        environ = self._environ(trial)
        self._admit(trial.by)
        slip = _Slip(self._database, self._refusals, trial, self._receiver.clock)
        receiver = replace(self._receiver, writer=slip, refusals=slip, rates=_Untouched())
        try:
            _RECEIVERS.get(trial.source, _triggered)(receiver, environ, trial)
        except Problem as problem:
            return Came(slip.delivery, refused=problem.detail)
        return Came(slip.delivery, first=slip.first)

    def _admit(self, by: str) -> None:
        """Who tests is told to wait as a source of their own is. Raises `Problem` 429."""
        try:
            self._receiver.rates.admit(_NOWHERE, Source(by, "bearer", (), per_minute=A_MINUTE), self._receiver.clock().timestamp())
        except Problem as problem:
            raise Problem(429, f"{by} may send {A_MINUTE} test deliveries a minute", headers=problem.headers) from None

    def _environ(self, trial: Trial) -> dict[str, Any]:
        """The request that the sender would have made."""
        prove = prover_of(self._receiver.settings, trial.tenant, trial.source)
        if prove is None:
            raise NotFound("there is no such sender")
        headers = prove(Message(trial.body, trial.id, self._receiver.clock()))
        return {
            **{header_variable(name): value for name, value in headers.items()},
            "CONTENT_TYPE": STRUCTURED if trial.source not in ERPS and _is_cloudevent(trial.body) else "application/json",
            "CONTENT_LENGTH": f"{len(trial.body)}",
            "wsgi.input": BytesIO(trial.body),
        }


class _Untouched(Rates):
    """Stands for the sources' rates while a test delivery is received."""

    def admit(self, tenant: str, source: Source, now: float) -> None:
        """Nothing is taken."""


class _Slip:
    """Stands for writer and refusals while one test delivery is received: it marks what is kept with who did it, and puts it on record."""

    def __init__(self, database: Database, refusals: Refusals, trial: Trial, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._refusals = refusals
        self._trial = trial
        self._clock = clock
        self.delivery = ""
        self.first: str | None = None

    def store(self, arrival: Arrival) -> Stored:
        """Store it and who did it in one transaction."""
        self.delivery = arrival.id
        with self._database.write() as connection:
            now = self._clock()
            stored = arrivals.store(self._database, connection, [_of_tests(self._marked(arrival))], now)[0]
            self.first = stored.delivery if stored.duplicate else None
            self._record(connection, "duplicate" if stored.duplicate else "taken", now)
        return stored

    def keep(self, arrival: Arrival, state: str, reason: str) -> None:
        """Keep what was not taken; a duplicate is on record already."""
        self.delivery = arrival.id
        self._refusals.keep(self._marked(arrival), state, f"{self._why}; {reason}")
        if state == "refused":
            with self._database.write() as connection:
                self._record(connection, state, self._clock())

    @property
    def _why(self) -> str:
        return f"a test by {self._trial.by}"

    def _marked(self, arrival: Arrival) -> Arrival:
        reason = f"{self._why}; {arrival.reason}" if arrival.reason else self._why
        return replace(arrival, headers={**arrival.headers, TEST_HEADER: self._trial.by}, reason=reason)

    def _record(self, connection: Connection, became: str, now: datetime) -> None:
        told = {"source": self._trial.source, "became": became}
        acts.record(connection, self._trial.by, self._trial.tenant, "delivery.tested", self.delivery, None, told, now)


def _of_tests(arrival: Arrival) -> Arrival:
    """With a key that no sender's delivery has: those begin with another word."""
    return arrival if arrival.key is None else replace(arrival, key=f"test:{arrival.key}")


def _is_cloudevent(body: bytes) -> bool:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(content, dict) and "specversion" in content


def _triggered(receiver: Receiver, environ: Mapping[str, Any], trial: Trial) -> Answer:
    return triggers.receive(receiver, environ, trial.tenant, trial.source)


def _notified(receiver: Receiver, environ: Mapping[str, Any], trial: Trial) -> Answer:
    return visma.receive(receiver, environ, trial.tenant, token_of(receiver.settings, trial.tenant))


_RECEIVERS: Final[Mapping[str, Callable[[Receiver, Mapping[str, Any], Trial], Answer]]] = {
    visma.SOURCE: _notified,
    itempath.SOURCE: lambda receiver, environ, trial: itempath.receive(receiver, environ, trial.tenant),
    intacct.SOURCE: lambda receiver, environ, trial: intacct.receive(receiver, environ, trial.tenant),
}
