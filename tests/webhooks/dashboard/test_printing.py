"""JSON printed to be read."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from webhooks.dashboard.printing import cut, pretty

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1, 4]))
def test_value_stays(value: object, indent: int | None) -> None:
    """The text is the same value, however it was written."""
    assert json.loads(pretty(json.dumps(value, indent=indent))) == value


@given(VALUES, st.integers(0, 200))
def test_signs_stay(value: object, length: int) -> None:
    """Only space is changed, also of a text that was cut anywhere."""
    text = "[" + json.dumps(value)[:length]
    assert re.sub(r"\s", "", pretty(text)) == re.sub(r"\s", "", text)


def test_looks_of_it() -> None:
    """Each member has its line; digits are kept as they were sent; what is empty stays together; what is no JSON stays as it is."""
    assert pretty('{"a":1.10,"b":[],"c":{"d":[1,2]}}') == (
        '{\n  "a": 1.10,\n  "b": [],\n  "c": {\n    "d": [\n      1,\n      2\n    ]\n  }\n}'
    )
    assert pretty("a=1&b={}") == "a=1&b={}"


def test_depth_is_bounded() -> None:
    """A body of brackets alone does not grow without end."""
    assert len(pretty("[" * 4_096)) < 200_000


def test_cut_says_so() -> None:
    """Whether there is more."""
    assert cut("abc", 3) == ("abc", False)
    assert cut("abcd", 3) == ("abc", True)
