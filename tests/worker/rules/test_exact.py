"""Numbers stay what was written, through JSON and through JMESPath."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rules.exact import TooDeep, loads, plain_number
from worker.rules.expressions import Expression, NoResult, result
from worker.rules.work import Meter, TooMuchWork

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)

TWICE = f"({' | '.join(['[@, @]'] * 30)})"
"""A small value that has a thousand million members."""


def over(expression: str, value: Any, steps: int = 10_000) -> Any:
    """What an expression gives, as plain JSON."""
    meter = Meter(steps)
    return result(Expression(expression).over(value, meter), meter)


@given(JSON)
def test_json_is_kept(value: Any) -> None:
    """Whatever a sender's JSON holds comes out as it went in."""
    text = orjson.dumps(value)

    assert over("@", loads(text)) == orjson.loads(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.1", 0.1),
        ("2.50", 2.5),
        ("1234567890.1234567890", "1234567890.1234567890"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1e3", 1000.0),
        ("12345678901234567890123", 12345678901234567890123),
    ],
)
def test_digits_are_kept(text: str, shown: object) -> None:
    """A number that a float can't hold is text with all its digits, as every amount may be given."""
    assert over("@", loads(text)) == shown
    assert plain_number(Decimal("0.30")) == 0.3


@pytest.mark.parametrize("text", ["NaN", "Infinity", "{", "", "01", '"\x00"', r'"\ud800"', r'{"\uDFFF": 1}', b'"\xed\xa0\x80"'])
def test_no_json(text: str | bytes) -> None:
    """What is no JSON is none; half a character, which no ledger can keep, is none either."""
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


def test_whole_characters_are_kept() -> None:
    """A character that is written as its two halves is one."""
    assert loads(r'"\ud83d\ude00 1e999"') == "\U0001f600 1e999"


@pytest.mark.parametrize("depth", [64, 5_000, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    """Sixty-four levels with what stands in them; deeper is refused, however deep."""
    assert loads("[" * 63 + "1" + "]" * 63)
    with pytest.raises(TooDeep):
        loads("[" * depth + "1" + "]" * depth)


@pytest.mark.parametrize("text", ["1e999", "-1e999999999", "9" * 5000, "0." + "1" * 5000])
def test_monsters_do_no_harm(text: str) -> None:
    """A number that would fill the memory is at worst refused."""
    for expression in ("@", "to_string(@)", "sum([@, @])", "floor(@)", "@ > `1`"):
        try:
            over(expression, loads(text))
        except NoResult as error:
            assert str(error)  # noqa: PT017 - either way is right


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("sum([`0.1`, `0.2`])", 0.3),
        ("sum(lines[*].qty)", 0.6),
        ("avg(lines[*].qty)", 0.2),
        ("avg(`[]`)", None),
        ("max(lines[*].qty)", 0.3),
        ("sort_by(lines, &qty)[0].sku", "A"),
        ("lines[?qty > `0.15`].sku", ["B", "C"]),
        ("lines[?qty == `0.3`].sku", ["C"]),
        ("to_string(lines[0].qty)", "0.1"),
        ("to_string(lines[0])", '{"qty":0.1,"sku":"A"}'),
        ("to_number('0.30')", 0.3),
        ("to_number('7')", 7),
        ("to_number('seven')", None),
        ("to_number('NaN')", None),
        ("to_number(`true`)", None),
        ("type(lines[0].qty)", "number"),
        ("type(lines)", "array"),
        ("type(missing)", "null"),
        ("abs(`-0.5`)", 0.5),
        ("ceil(lines[0].qty)", 1),
        ("contains(lines[*].qty, `0.2`)", True),
    ],
)
def test_functions_are_exact(expression: str, found: object) -> None:
    """A number with a point is a number to every function, and tenths add up."""
    order = loads('{"lines": [{"qty": 0.1, "sku": "A"}, {"qty": 0.2, "sku": "B"}, {"qty": 0.3, "sku": "C"}]}')

    assert over(expression, order) == found


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("sum(@)", "In function sum()"),
        ("join('/', [@.a, @.b])", "In function join()"),
        ("length(`1`)", "In function length()"),
        ("abs(@, @)", "Expected 1 argument"),
        ("&a", "gives no JSON"),
        ("[?`1` > 'a']", "can't be evaluated"),
        ("contains('abc', `1`)", "can't be evaluated"),
    ],
)
def test_errors_are_told(expression: str, why: str) -> None:
    """What can't be evaluated is told in one line, in JMESPath's words."""
    with pytest.raises(NoResult) as caught:
        over(expression, {"a": "x\ny", "": []} if expression[0] != "[" else [1])

    assert why in str(caught.value)
    assert str(caught.value).isprintable()


def test_steps_are_counted() -> None:
    """What goes on for too long ends: in a filter of a filter, in lists that double, in what a function goes through."""
    many = list(range(2_000))
    with pytest.raises(TooMuchWork):
        over("[?@ > `1` || @ == `1`]", many, 5_000)
    with pytest.raises(TooMuchWork):
        over(" | ".join(["[@, @][]"] * 60), many, 100_000)
    with pytest.raises(TooMuchWork):
        over(" | ".join(["join('', [@, @])"] * 60), "xx", 100_000)
    with pytest.raises(TooMuchWork):
        over(f"{TWICE} == {TWICE}", "x", 100_000)
    with pytest.raises(TooMuchWork):
        over(f"contains([{TWICE}], {TWICE})", "x", 100_000)


def test_results_are_bounded() -> None:
    """A result has an end, also when it is small and stands in itself many times over."""
    for expression in ("@", " | ".join(["[@, @, @]"] * 12), "to_string(@)"):
        with pytest.raises(NoResult, match="more than 65536"):
            over(expression, ["x" * 100] * 1_000, 1_000_000)
    with pytest.raises(NoResult, match="deeper than 16"):
        over(" | ".join(["[@]"] * 17), "x")
