"""The names and rates of faults, and their decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.faults import FAULTS, NOT_IN_ALL, Faults, check_rates, parse_faults

names = st.sampled_from(sorted(FAULTS))
seeds = st.integers(0, 2**32)


def test_words() -> None:
    """A name takes the default rate, a number its own; later words win."""
    assert parse_faults(["lost", "late=0.5", "lost=1"]) == {"lost": 1.0, "late": 0.5}


def test_all_but_down() -> None:
    """`all` is every fault but the states of an ERP, such as `down`, at default rates or at one of its own."""
    assert parse_faults(["all"]) == {name: fault.rate for name, fault in FAULTS.items() if name not in NOT_IN_ALL}
    assert set(parse_faults(["all=0.5", "down"]).values()) == {0.5, FAULTS["down"].rate}


def test_all_of_one() -> None:
    """`all-itempath` is all of ItemPath's, and none of another's."""
    assert {FAULTS[name].erp for name in parse_faults(["all-itempath"])} == {"itempath"}
    assert parse_faults(["all-itempath=0.5"])["import-refused"] == 0.5


@pytest.mark.parametrize("word", ["gone", "all-gone", "lost=", "lost=x", "lost=1.1", "lost=-0.1", "lost=nan", "all=2"])
def test_wrong_words(word: str) -> None:
    """An unknown name or a rate that is no share is refused."""
    with pytest.raises(ValueError, match=word.partition("=")[0]):
        parse_faults([word])


@given(st.dictionaries(names, st.floats(0, 1)))
def test_rates_unchanged(rates: dict[str, float]) -> None:
    """Good rates come through as they are."""
    assert check_rates(rates) == rates


@given(seeds, names, st.text(), st.integers(0, 100))
def test_same_question_same_answer(seed: int, name: str, key: str, nth: int) -> None:
    """A decision depends on nothing but its question; rate 0 never hits and rate 1 always does."""
    first, second = Faults(seed, {name: 0.5}), Faults(seed, {name: 0.5})
    second.hits(name, key + "x", nth)
    assert first.hits(name, key, nth) == second.hits(name, key, nth) == (second.part(name, key, nth) < 0.5)
    assert Faults(seed, {name: 1.0}).hits(name, key, nth)
    assert not Faults(seed, {name: 0.0}).active


@given(seeds)
def test_rate_is_share(seed: int) -> None:
    """Over many documents, about the rate's share is hit; hits are counted."""
    faults = Faults(seed, {"lost": 0.2})
    hit = sum(faults.hits("lost", f"release P/{number:06}", 0) for number in range(1_000))
    assert 130 < hit < 270
    assert faults.counts == {"lost": hit}
