"""The record of who did what, in plain sentences: each begins with what somebody did, and leads to what it was done to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words

if TYPE_CHECKING:
    from worker.settings import Settings

ACTS: Final[Mapping[str, str]] = {
    "action.begun": "Began to change many jobs",
    "action.stopped": "Stopped changing many jobs",
    "batch.made": "Made a batch",
    "batch.paused": "Paused a batch",
    "batch.resumed": "Resumed a batch",
    "batch.cancelled": "Cancelled a batch",
    "connection.paused": "Paused a connection",
    "connection.resumed": "Resumed a connection",
    "connection.changed": "Changed a connection's limits",
    "delivery.replayed": "Replayed a delivery",
    "delivery.tested": "Sent a test delivery",
    "deliveries.replayed": "Replayed deliveries of a time",
    "failure.acknowledged": "Acknowledged failures",
    "failure.reopened": "Opened failures again",
    "job.edited": "Edited and replayed a job",
    "job.done": "Marked a job as done",
}
"""What may be asked for, by the ledger's name of it."""

LIMITS: Final = (("slots", "slots"), ("calls_per_hour", "calls an hour"))
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Sentence:
    """What somebody did, without who and when; `to` is the page of what it was done to, or empty."""

    text: str
    to: str = ""


def told(act: Mapping[str, Any], settings: Settings) -> Sentence:
    """An act of the API's list as a sentence. One that is not known here is told by its name."""
    make = _MAKERS.get(act["act"])
    if make is None:
        return Sentence(f"{act['act']} {act['subject']}")
    return make(act, settings)


def change(name: str, before: int | None, after: int | None, own: int | None) -> str:
    """From what to what, such as `slots 8 (settings) → 4`."""
    return f"{name} {_limit(before, own)} → {_limit(after, own)}"


def _limit(value: int | None, own: int | None) -> str:
    if value is not None:
        return words.number(value)
    return "as the settings say" if own is None else f"{words.number(own)} (settings)"


def _connection(act: Mapping[str, Any]) -> str:
    return f"{words.ERPS.get(act['subject'], act['subject'])} of {act['tenant']}"


def _turned(verb: str) -> Callable[[Mapping[str, Any], Settings], Sentence]:
    def make(act: Mapping[str, Any], _settings: Settings) -> Sentence:
        was_broken = verb == "resumed" and _of(act["before"], "broken") and not _of(act["before"], "paused_by")
        return Sentence(f"had {_connection(act)} tried again" if was_broken else f"{verb} {_connection(act)}", "/connections")

    return make


def _changed(act: Mapping[str, Any], settings: Settings) -> Sentence:
    tenant = settings.tenants.get(act["tenant"])
    own = None if tenant is None else getattr(tenant, act["subject"], None)
    found = [
        change(name, _of(act["before"], key), _of(act["after"], key), getattr(own, key, None))
        for key, name in LIMITS
        if _of(act["before"], key) != _of(act["after"], key)
    ]
    return Sentence(f"set {_connection(act)}: {', '.join(found) or 'nothing else than before'}", "/connections")


def _made(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    kind = words.KINDS.get(_of(act["after"], "kind"), "job").lower()
    items = _of(act["after"], "items")
    what = f"“{kind}” for all that is found" if items is None else f"“{kind}” for {words.number(items)}"
    return Sentence(f"made the batch {_quoted(_of(act['after'], 'name'))}: {what}", f"/batches/{act['subject']}")


def _batch(verb: str) -> Callable[[Mapping[str, Any], Settings], Sentence]:
    def make(act: Mapping[str, Any], _settings: Settings) -> Sentence:
        return Sentence(f"{verb} the batch {_quoted(_of(act['after'], 'name'))}", f"/batches/{act['subject']}")

    return make


def _begun(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    wanted = _of(act["after"], "filter") or {}
    where = ", ".join(f"{name} {_plain(value)}" for name, value in wanted.items()) or "all"
    text = f"began to {_of(act['after'], 'action')} {_jobs(_of(act['after'], 'count'))}: {where[:_LONGEST]}"
    return Sentence(text, f"/actions/{act['subject']}")


def _stopped(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    done, total = _of(act["after"], "done"), _of(act["after"], "total")
    return Sentence(f"stopped “{_of(act['after'], 'action')} {_jobs(total)}” after {words.number(done)}", f"/actions/{act['subject']}")


def _delivery(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    return Sentence("replayed a delivery", f"/deliveries/{act['subject']}")


def _tested(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    return Sentence(
        f"sent a test delivery of {_of(act['after'], 'source')}, {_of(act['after'], 'became')}", f"/deliveries/{act['subject']}"
    )


def _deliveries(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    count = _of(act["after"], "count")
    since, until = _of(act["after"], "since"), _of(act["after"], "until")
    return Sentence(f"replayed {words.number(count)} deliveries of {act['subject']} from {since} to {until}", "/deliveries")


def _failures(verb: str) -> Callable[[Mapping[str, Any], Settings], Sentence]:
    def make(act: Mapping[str, Any], _settings: Settings) -> Sentence:
        note = _of(act["after"], "note")
        more = f", saying {_quoted(note)}" if note else ""
        return Sentence(f"{verb} {_quoted(_of(act['after'], 'message'))}{more}", f"/failures/{act['subject']}")

    return make


def _edited(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    return Sentence("edited and replayed a job", f"/jobs/{act['subject']}")


def _done(act: Mapping[str, Any], _settings: Settings) -> Sentence:
    reference, reason = _of(act["after"], "reference") or "a job", _of(act["after"], "reason")
    return Sentence(f"marked {reference} as done" + (f", saying {_quoted(reason)}" if reason else ""), f"/jobs/{act['subject']}")


def _of(value: Any, name: str) -> Any:  # noqa: ANN401 - a member of a JSON value
    return value.get(name) if isinstance(value, Mapping) else None


def _jobs(count: int | None) -> str:
    return "jobs" if count is None else "1 job" if count == 1 else f"{words.number(count)} jobs"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _quoted(text: object) -> str:
    plain = str(text or "without a name")
    return f"“{plain[:_LONGEST]}{'…' if len(plain) > _LONGEST else ''}”"


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], Any], Sentence]]] = {
    "action.begun": _begun,
    "action.stopped": _stopped,
    "batch.made": _made,
    "batch.paused": _batch("paused"),
    "batch.resumed": _batch("resumed"),
    "batch.cancelled": _batch("cancelled"),
    "connection.paused": _turned("paused"),
    "connection.resumed": _turned("resumed"),
    "connection.changed": _changed,
    "delivery.replayed": _delivery,
    "delivery.tested": _tested,
    "deliveries.replayed": _deliveries,
    "failure.acknowledged": _failures("acknowledged"),
    "failure.reopened": _failures("opened again"),
    "job.edited": _edited,
    "job.done": _done,
}
