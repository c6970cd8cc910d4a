"""What can go wrong, by name and rate, decided by seed.

A decision is a hash of the seed, the fault's name, what the call is about and how often that was called before.
So two runs with one seed hit the same documents, in whatever order and however parallel the calls come.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong in one ERP; `rate` is its share when it is switched on without one."""

    name: str
    meaning: str
    rate: float
    erp: str = "visma"


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("lost", "a notification is never sent", 0.05),
        Fault("duplicated", "a notification is sent twice, with the same id or with another", 0.05),
        Fault("early", "the operation ends and is notified before its 202 is answered", 0.05),
        Fault("late", "a notification comes some seconds late", 0.05),
        Fault("batched", "several notifications come in one array, without the headers that the callers asked for", 0.1),
        Fault("lost-202", "a background call is accepted and run, and its connection closed without an answer", 0.03),
        Fault("429", "a storm begins: the company's calls are refused for a second or two, with Retry-After", 0.005),
        Fault("5xx", "a call is refused with 500, 502 or 503 and has no effect", 0.03),
        Fault("5xx-after", "a write is answered with 500, 502 or 503 although it is accepted and takes effect", 0.02),
        Fault("slow", "a call is answered some seconds late", 0.03),
        Fault("finished-400", "a document cannot be released, ever: the operation ends Finished with 400 and says why", 0.02),
        Fault("failed", "a background operation ends Failed, without effect", 0.03),
        Fault("late-release", "a release ends with 200 and its document turns R some seconds later", 0.05),
        Fault("token-revoked", "the token in use stops working: 401 from here on", 0.003),
        Fault("forgotten", "the state of an operation is gone soon after its end: 404", 0.03),
        Fault("down", "the ERP is down for periods: 503 to every call but the token's; the rate is the share of the time", 0.2),
        Fault("import-slow", "Power Pick imports a write some seconds late", 0.1, "itempath"),
        Fault("import-refused", "an accepted write is never imported: it never shows, and nobody is told", 0.02, "itempath"),
        Fault("itempath-timeout", "a write runs and its answer never comes", 0.03, "itempath"),
        Fault("itempath-5xx", "a call is refused with 500, 502 or 503 and has no effect", 0.03, "itempath"),
        Fault("itempath-5xx-after", "a write is answered with 500, 502 or 503 although it was accepted", 0.02, "itempath"),
        Fault(
            "itempath-429", "a storm begins: the installation's calls are refused for a second or two, with Retry-After", 0.005, "itempath"
        ),
        Fault(
            "itempath-down", "the installation is down for periods: 503 to every call; the rate is the share of the time", 0.2, "itempath"
        ),
        Fault(
            "intacct-429", "a call is refused with 429 GW-0010; each kind of header that says how long to wait, in turn", 0.02, "intacct"
        ),
        Fault("intacct-5xx", "a call is refused with 500, 502, 503 or 504 and has no effect", 0.03, "intacct"),
        Fault("intacct-5xx-after", "a write is answered with 500, 502, 503 or 504 although it took effect", 0.02, "intacct"),
        Fault("intacct-timeout", "a write runs and its answer never comes", 0.03, "intacct"),
        Fault(
            "intacct-token-killed", "somebody else authorises as the same user: 401 with the token in use from here on", 0.003, "intacct"
        ),
        Fault("intacct-token-400", "the token in use stops working, and a dead token answers 400 that says so", 0.003, "intacct"),
        Fault("intacct-nesting", "an error comes in another one of the four wrappings", 0.5, "intacct"),
        Fault("intacct-ignored", "a write succeeds, and one of its fields is not written", 0.02, "intacct"),
        Fault("intacct-down", "Intacct is down for periods: 503 to every call; the rate is the share of the time", 0.2, "intacct"),
        Fault("or-unsupported", "an installation too old for [or] and [nor]: 400; the rate is the share of installations", 1.0, "itempath"),
    )
}
NOT_IN_ALL: Final = frozenset({"down", "itempath-down", "intacct-down", "or-unsupported"})
ERPS: Final = tuple(dict.fromkeys(fault.erp for fault in FAULTS.values()))
_GROUPS: Final = {
    "all": tuple(fault for fault in FAULTS.values() if fault.name not in NOT_IN_ALL),
    **{f"all-{erp}": tuple(fault for fault in FAULTS.values() if fault.erp == erp and fault.name not in NOT_IN_ALL) for erp in ERPS},
}
_SPAN: Final = float(1 << 64)


def parse_faults(words: Iterable[str]) -> dict[str, float]:
    """Rates by name from words like `lost`, `lost=0.2`, `all` and `all=0.1`; later words win. Raises `ValueError` that lists the names.

    `all` is every ERP's faults, `all-itempath` those of one; periods of being down and what an installation is too old for are in neither.
    """
    rates: dict[str, float] = {}
    for word in words:
        name, given, number = word.partition("=")
        rate = _rate(word, number) if given else None
        if name in _GROUPS:
            rates |= {fault.name: fault.rate if rate is None else rate for fault in _GROUPS[name]}
            continue
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are: {', '.join((*_GROUPS, *FAULTS))}")
        rates[name] = FAULTS[name].rate if rate is None else rate
    return rates


def check_rates(rates: Mapping[str, float]) -> dict[str, float]:
    """The same rates, of known faults and between 0 and 1. Raises `ValueError`."""
    return parse_faults(f"{name}={rate}" for name, rate in rates.items())


def _rate(word: str, number: str) -> float:
    """A share from 0 to 1."""
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"{word!r}: a rate is a number from 0 to 1")
    return rate


class Faults:
    """The decisions of one run. `active` is false when nothing can go wrong, so that a call need not ask."""

    __slots__ = ("active", "counts", "rates", "seed")

    def __init__(self, seed: int, rates: Mapping[str, float]) -> None:
        self.seed = seed
        self.rates = {name: rate for name, rate in rates.items() if rate > 0.0}
        self.active = bool(self.rates)
        self.counts: dict[str, int] = {}

    def hits(self, name: str, key: str, nth: int) -> bool:
        """Whether this fault happens to the nth call about `key`. A hit is counted."""
        if not self.would_hit(name, key, nth):
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        return True

    def would_hit(self, name: str, key: str, nth: int) -> bool:
        """The same, not counted: for what is asked again and again about one event."""
        rate = self.rates.get(name)
        return rate is not None and self.part(name, key, nth) < rate

    def part(self, name: str, key: str, nth: int) -> float:
        """A number from 0 up to 1, always the same for the same question."""
        digest = blake2b(f"{self.seed}|{name}|{key}|{nth}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / _SPAN
