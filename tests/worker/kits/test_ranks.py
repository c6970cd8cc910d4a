"""The order of lines."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import line
from worker.kits.ranks import longest_rising, ranked


def test_ranked_is_stable() -> None:
    """Lines of one rank keep the order they came in; ranks are 1 to n."""
    found = ranked([line("A", rank=5), line("B"), line("C"), line("D", rank=2)])
    assert [(each.component, each.rank) for each in found] == [("B", 1), ("C", 2), ("D", 3), ("A", 4)]


@given(st.lists(st.integers(0, 6), max_size=7))
def test_longest_rising(values: list[int]) -> None:
    """What is found never falls, and nothing longer does so either."""
    found = [values[index] for index in sorted(longest_rising(values))]
    assert found == sorted(found)
    longer = combinations(values, len(found) + 1)
    assert not any(list(each) == sorted(each) for each in longer)
