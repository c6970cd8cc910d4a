"""A stretch of time cut by what is known of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import NOW, later
from worker.jobs.spells import LEAST, Spell, Words, lasting, pieces

if TYPE_CHECKING:
    from worker.jobs.spells import Gap

REST: Final = Words("turn", " for its turn")
LASTING: Final = {
    0.4: "0 s",
    59.4: "59 s",
    59.6: "1 min",
    190: "3 min 10 s",
    3_600: "1 h",
    3_690: "1 h 1 min",
    86_400: "1 d",
    86_400 * 3 + 4 * 3_600 + 59: "3 d 4 h",
}


@st.composite
def some_spells(draw: st.DrawFn) -> list[Spell]:
    """Spells in any order, some without an end, some empty."""
    found = []
    for _ in range(draw(st.integers(0, 6))):
        since = draw(st.integers(-200, 1_200))
        length = draw(st.none() | st.integers(0, 600))
        cause = draw(st.sampled_from("abc"))
        until = None if length is None else later((since + length) / 10)
        found.append(Spell(later(since / 10), until, Words(cause, f": {cause} {{}}")))
    return found


def shown(found: list[Gap]) -> list[tuple[str, float]]:
    """Cause and seconds."""
    return [(gap.cause, gap.seconds) for gap in found]


@given(some_spells(), st.integers(1, 1_000))
def test_pieces_fit(spells: list[Spell], tenths: int) -> None:
    """They lie within the stretch in order, never overlap, are told with their own seconds, and neighbours differ."""
    end = later(tenths / 10)

    found = pieces(NOW, end, spells, REST)

    assert all(NOW <= gap.since < gap.until <= end for gap in found)
    assert all(one.until <= two.since for one, two in pairwise(found))
    assert all(one.cause != two.cause for one, two in pairwise(found) if one.until == two.since)
    assert all(gap.seconds == (gap.until - gap.since).total_seconds() >= LEAST.total_seconds() for gap in found)
    assert all(gap.sentence.startswith(f"waited {lasting(gap.seconds)}") for gap in found)


@given(some_spells(), st.integers(1, 1_000))
def test_first_spell_counts(spells: list[Spell], tenths: int) -> None:
    """Wherever one looks in a piece, its cause is that of the first spell that holds there, or of none."""
    for gap in pieces(NOW, later(tenths / 10), spells, REST):
        for part in (0.01, 0.5, 0.99):
            moment = gap.since + part * (gap.until - gap.since)
            holding = [spell for spell in spells if spell.since <= moment and (spell.until is None or moment < spell.until)]
            assert gap.cause == (holding[0].words if holding else REST).cause


@given(some_spells(), st.integers(20, 1_000))
def test_hardly_anything_is_left_out(spells: list[Spell], tenths: int) -> None:
    """What is not told of a stretch are pieces of less than a second, of which there are no more than borders."""
    length = timedelta(seconds=tenths / 10)

    told = sum((gap.until - gap.since for gap in pieces(NOW, NOW + length, spells, REST)), timedelta())

    assert length - told <= (2 * len(spells) + 1) * LEAST


def test_shares_of_causes() -> None:
    """Each cause has its share of the stretch."""
    found = pieces(NOW, later(60), [Spell(later(10), later(20), Words("budget", "")), Spell(later(5), later(15), Words("batch", ""))], REST)
    assert shown(found) == [("turn", 5), ("batch", 5), ("budget", 10), ("turn", 40)]


@pytest.mark.parametrize(("seconds", "said"), LASTING.items())
def test_lasting(seconds: float, said: str) -> None:
    """A length of time in its two largest units."""
    assert lasting(seconds) == said
