"""What the reason of a delivery means for who looks at it, and what to do: which setting, which rule. One table; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker.settings import Settings, Source

    Make = Callable[[str, Settings, Mapping[str, Any]], "Advice"]
    """Advice on a part of a reason."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A reason in plain words: a few for a list, what it means, and what to do about it; nothing to do is an empty text."""

    short: str
    meaning: str
    do: str = ""


def advice_of(settings: Settings, delivery: Mapping[str, Any]) -> list[Advice]:
    """What there is to say of a delivery: of its state first, then of each part of its reason. Never empty but for a plain accepted one."""
    return [*_of_state(settings, delivery), *_of_rules(settings, delivery)]


def _of_state(settings: Settings, delivery: Mapping[str, Any]) -> Iterator[Advice]:
    if delivery["state"] == "orphan":
        yield _ORPHAN
    for part in sorted(parts(delivery["reason"]), key=lambda each: each.startswith(_BY_WHOM)):
        found = next((make for pattern, make in _REASONS if pattern.search(part)), None)
        if found is not None:
            yield found(part, settings, delivery)
        else:
            yield Advice(part, "", "")


def _of_rules(settings: Settings, delivery: Mapping[str, Any]) -> Iterator[Advice]:
    """What an ERP's delivery that was only looked at by rules would leave unsaid."""
    skipped = [each for each in delivery["outcomes"] or () if each["state"] == "skipped"]
    if delivery["source"] in ERPS and skipped and len(skipped) == len(delivery["outcomes"]) and not delivery["jobs"]:
        yield _no_job("", settings, delivery)


def parts(reason: str | None) -> Sequence[str]:
    """The parts of a reason, each of which says one thing."""
    return [each for each in (reason or "").split("; ") if each]


_BY_WHOM: Final = ("a test by ", "replayed by ")
"""What is told last: what became of a delivery matters more."""

_ORPHAN: Final = Advice(
    "No job is known for it yet",
    "It tells of an operation that no job has named so far. It may have come before the answer that names it, or the operation is not "
    "ours.",
    "Nothing, mostly: it is matched by itself as soon as a job learns its operation. No job is lost by it, because outcomes are asked for "
    "as well. If it stays, the operation was begun by another program.",
)


def _unproven(_part: str, settings: Settings, delivery: Mapping[str, Any]) -> Advice:
    return Advice(
        "Wrong, missing or stale signature",
        "It does not prove that it comes from the sender: its signature or token is missing, made with another secret or over another "
        "body, or more than five minutes old. Nothing in it was believed, and nothing was done.",
        where_proof(settings, delivery["tenant"], delivery["source"]),
    )


def where_proof(settings: Settings, tenant: str, source: str) -> str:
    """Which setting holds the proof of a sender."""
    home = settings.tenants.get(tenant)
    sender = home.sources.get(source) if home is not None else None
    if sender is not None:
        compare = f"Compare `secrets` of the source `{source}` in `[[tenants.{tenant}.sources]]` with the sender's."
        return f"{compare} {_SCHEMES[sender.scheme](sender)}"
    place = f"`[tenants.{tenant}.{source}]`"
    return f"{_PROOFS.get(source, 'The settings have no such source any more:')} {place}. Then see that the clocks of both sides are right."


_SCHEMES: Final[Mapping[str, Callable[[Source], str]]] = {
    "standard-webhooks": lambda _: (
        "It signs `webhook-id`, `webhook-timestamp` and the body; both clocks must be right within five minutes."
    ),
    "hmac-sha256": lambda source: (
        f"The signature stands in the header `{source.header}`, as {source.encoding} of HMAC-SHA256 over the raw body."
    ),
    "bearer": lambda _: "The secret is sent as `Authorization: Bearer …`.",
}
_PROOFS: Final[Mapping[str, str]] = {
    "visma": "Compare the signing key of the webhook in Visma with `webhook_keys` (or, in url mode, the address with `callback_tokens`) in",
    "itempath": "Compare the header that the Data Push sends with `webhook_header` and `webhook_secret` in",
    "intacct": "Compare the client whose secret signs the trigger with `client_secret` and `webhook_keys` in",
}


def _rate(part: str, _settings: Settings, delivery: Mapping[str, Any]) -> Advice:
    return Advice(
        "Too many at once",
        f"{part[:1].upper()}{part[1:]}. The sender was told when to send it again.",
        f"Nothing, if the sender repeats it. If it needs more, raise `per_minute` of the source `{delivery['source']}`.",
    )


def _no_job(_part: str, _settings: Settings, delivery: Mapping[str, Any]) -> Advice:
    return Advice(
        "No rule made a job of it",
        "It was stored, and each rule of its source passed it by: see below why.",
        f"If it should make jobs, see `on` and `when` of the rules whose source is `{delivery['source']}`: one has to match the type "
        f"`{delivery['type']}`. Correct it in the settings, start kitrelay again, and replay this delivery.",
    )


def _no_rule(_part: str, _settings: Settings, delivery: Mapping[str, Any]) -> Advice:
    return Advice(
        "No rule is for it",
        "It was stored, and nothing follows from it: the settings have no rule for this source.",
        f"Write a rule in `[[tenants.{delivery['tenant']}.rules]]` with source `{delivery['source']}` and on `{delivery['type']}`; then "
        "replay this delivery. A test delivery shows what a rule would make.",
    )


def _refused_parts(part: str, _settings: Settings, _delivery: Mapping[str, Any]) -> Advice:
    return Advice(
        f"{part[:1].upper()}{part[1:]}",
        "What the rule made of the event is not right for a job; each fault is told below with its place in the settings.",
        "Correct the rule, or have the sender send what it needs. Then replay this delivery: what was made already is not made twice where "
        "the rule has a `unique_key`.",
    )


def _plain(short: str, meaning: str, do: str = "") -> Make:
    return lambda _part, _settings, _delivery: Advice(short, meaning, do)


def _as_told(meaning: str, do: str = "") -> Make:
    return lambda part, _settings, _delivery: Advice(f"{part[:1].upper()}{part[1:]}", meaning, do)


_SENDER: Final = "Have the sender send it otherwise: it was answered with this reason."
_REASONS: Final[Sequence[tuple[re.Pattern[str], Make]]] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"^missing, wrong or stale proof", _unproven),
        (r"may send \d+ events a minute", _rate),
        (r"^it came before, as ", _plain("It came before", "The first one is what counts; nothing follows from this one.")),
        (r"^no rule is for it", _no_rule),
        (r"^no rule made a job of it", _no_job),
        (r"^rules refused \d+ of \d+", _refused_parts),
        (r"^the body is larger than", _as_told("Nothing of it was read.", "Have the sender send smaller parts: no larger body is taken.")),
        (r"^the body (must|is not JSON|is neither|is shorter|is nested|did not)", _as_told("It can't be understood.", _SENDER)),
        (
            r"^(an event|a CloudEvent|the type of an event|specversion|data_base64|batches of|a ce- header)",
            _as_told('A trigger sends {"type": "…", "data": {…}}, or a CloudEvent 1.0.', _SENDER),
        ),
        (
            r"^it has no id",
            _as_told(
                "It was taken; but if it is sent again it is done again.",
                "See `id_header` or `id` of the source: nothing stands where they look.",
            ),
        ),
        (
            r"is not the source of syncs$",
            _as_told(
                "A kit was changed in a system that others are not made to follow, so nothing is synced.",
                "If kits should follow it, name it as `source` in the tenant's [sync].",
            ),
        ),
        (r"^syncs have no target", _as_told("There is nothing to sync to.", "Name `targets` in the tenant's [sync].")),
        (
            r"^(names no kit|what it names is no kit's code)",
            _as_told(
                "No sync follows from it.", "If it is about a kit, see `webhook_kits` of the connection: it says where the code stands."
            ),
        ),
        (r"^names \d+ kits|of its names can be no kit's", _as_told("The others were taken.")),
        (r"^raised by our own user", _as_told("The change came from kitrelay itself, most likely by a sync.")),
        (r"^replayed by ", _as_told("It is a stored delivery that a person had done again.")),
        (r"^a test by ", _as_told("It was sent from these pages, signed with the source's own secret, and passed through the receiver.")),
    )
)
