"""The parser of filter expressions against Python's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.intacct.expression import DEEPEST, combine
from worker.sandbox.intacct.filters import POSITIVE
from worker.sandbox.intacct.refusals import Refused

TESTS = [lambda record, place=place: bool(record[place]) for place in range(4)]
numbers = st.integers(1, 4).map(str)
expressions = st.recursive(
    numbers,
    lambda inner: (
        st.builds("{0}{1} {2} {3}{4}".format, st.just("("), inner, st.sampled_from(["and", "or", "AND"]), inner, st.just(")"))
        | st.builds("{0} {1} {2}".format, inner, st.sampled_from(["and", "or"]), inner)
    ),
    max_leaves=12,
)


@given(expressions, st.lists(st.booleans(), min_size=4, max_size=4))
def test_as_python(text: str, record: list[bool]) -> None:
    """An expression means what Python makes of it."""
    python = text.lower()
    for number, value in enumerate(record, 1):
        python = python.replace(str(number), str(value))
    assert combine(text, TESTS)(record) is eval(python)  # noqa: S307 - made of our own words


@pytest.mark.parametrize(
    "text", ["", "1 2", "(1", "1)", "not 1", "1 and", "or 2", "5", "0", "1 xor 2", "1andor 2", "()", "1 && 2", "(" * (DEEPEST + 1) + "1"]
)
def test_wrong(text: str) -> None:
    """What is no expression, or names a filter that there is not, is refused."""
    with pytest.raises(Refused):
        combine(text, TESTS)


def test_has() -> None:
    """`$has` looks into a list of texts."""
    assert POSITIVE["$has"].test(["a", "b"], [("a", "a")])
    assert not POSITIVE["$has"].test(["ab"], [("a", "a")])
