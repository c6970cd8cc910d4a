"""Cut a stretch of time by what is known of it: each piece has the one cause that stands first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEAST: Final = timedelta(seconds=1)
"""A piece that is shorter is not told."""


@dataclass(frozen=True, slots=True)
class Words:
    """A cause, and what is said of it before and after the time that it took."""

    cause: str
    after: str
    before: str = "waited"


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a cause held; `until` is None while it lasts."""

    since: datetime
    until: datetime | None
    words: Words


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece of a job's life, and why it took so long. `cause` is one word; `sentence` says how long, as `lasting(seconds)` does."""

    since: datetime
    until: datetime
    seconds: float
    cause: str
    sentence: str


def pieces(since: datetime, until: datetime, spells: Iterable[Spell], rest: Words) -> list[Gap]:
    """The stretch from `since` to `until` by cause, in order of time.

    Of spells that overlap the first one given counts; where none is, `rest`. Pieces of less than `LEAST` are left out.
    """
    touching = [spell for spell in spells if spell.since < until and (spell.until is None or spell.until > since)]
    borders = {since, until}
    for spell in touching:
        borders |= {max(since, spell.since), until if spell.until is None else min(until, spell.until)}
    cut: list[tuple[datetime, datetime, Words]] = []
    for begin, end in pairwise(sorted(borders)):
        words = _words(touching, begin, end, rest)
        if cut and cut[-1][2] == words:
            cut[-1] = (cut[-1][0], end, words)
        else:
            cut.append((begin, end, words))
    return [_gap(*each) for each in cut if each[1] - each[0] >= LEAST]


def lasting(seconds: float) -> str:
    """A length of time: 4 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = round(seconds)
    for size, name, part, rest in _UNITS:
        if whole >= size:
            count, left = divmod(whole, size)
            return f"{count} {name} {left // part} {rest}" if left >= part else f"{count} {name}"
    return f"{whole} s"


def _words(spells: Sequence[Spell], begin: datetime, end: datetime, rest: Words) -> Words:
    holds = (spell.words for spell in spells if spell.since <= begin and (spell.until is None or spell.until >= end))
    return next(holds, rest)


def _gap(since: datetime, until: datetime, words: Words) -> Gap:
    seconds = (until - since).total_seconds()
    return Gap(since, until, seconds, words.cause, f"{words.before} {lasting(seconds)}{words.after}")


_UNITS: Final = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
