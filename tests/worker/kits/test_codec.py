"""Recipes as JSON values."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import line, recipe
from worker.kits.codec import from_json, remote_from_json, remote_to_json, to_json
from worker.kits.model import Line, Recipe, RemoteKit, RemoteLine

decimals = st.decimals(allow_nan=False, allow_infinity=False)
keys = st.text(max_size=5) | st.sampled_from(["$decimal", "$$decimal", "$", "decimal"])
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | decimals
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6)
lines = st.builds(
    Line,
    st.text(max_size=8),
    decimals,
    st.none() | st.text(max_size=5),
    st.sampled_from(["item", "kit", "stockable_kit"]),
    st.booleans(),
    st.integers(0, 99),
    st.dictionaries(keys, values, max_size=3),
)
recipes = st.builds(
    Recipe,
    st.text(max_size=8),
    st.lists(lines, max_size=4).map(tuple),
    st.none() | st.text(max_size=5),
    st.sampled_from(["kit", "stockable_kit"]),
    st.booleans(),
)
remotes = st.builds(
    RemoteKit,
    st.text(max_size=8),
    st.text(max_size=8),
    st.lists(st.builds(RemoteLine, st.text(max_size=5), lines, st.text(max_size=5), st.none() | st.integers()), max_size=3).map(tuple),
    posting=st.sampled_from([None, "componentLevel", "kitLevel"]),
    facts=st.dictionaries(keys, values, max_size=3),
)


@given(remotes)
def test_remote_round_trip(drawn: RemoteKit) -> None:
    """So does a kit as it stands in one system, with that system's ids and facts."""
    back = remote_from_json(json.loads(json.dumps(remote_to_json(drawn))))
    assert back == drawn
    assert repr(back) == repr(drawn)


@given(recipes)
def test_round_trip(drawn: Recipe) -> None:
    """Whatever a recipe holds comes back through JSON text, decimals digit for digit."""
    back = from_json(json.loads(json.dumps(to_json(drawn))))
    assert back == drawn
    assert repr(back) == repr(drawn)


def test_decimals_are_strings() -> None:
    """No quantity is ever a binary float."""
    shown = to_json(recipe("KIT", line("A", "1.10", extras={"share": Decimal("33.30")})))
    assert shown["lines"][0]["quantity"] == "1.10"
    assert shown["lines"][0]["extras"] == {"share": {"$decimal": "33.30"}}
