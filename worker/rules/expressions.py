"""JMESPath as rules use it: exact numbers, a bounded number of steps, and results that are plain JSON of bounded size."""

from __future__ import annotations

import json
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from worker.rules.exact import plain_number, text_of
from worker.rules.work import Meter, TooMuchWork

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LARGEST: Final = 65_536
"""The most characters and members that one expression may give."""

DEEPEST: Final = 16
_SHOWN: Final = 200
_PER_STEP: Final = 8
"""Characters or members that a function goes through in one step."""

_FAULTS: Final = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What an expression may come to over an event that is not what it was written for; JMESPath's own errors are among them."""

WORDS: Final = {bool: "a flag", str: "text", int: "a number", float: "a number", Decimal: "a number", list: "a list", dict: "an object"}
"""What people call a value by its type."""


class NoResult(ValueError):
    """An expression can't be evaluated over this event, or gives what can't be used. The message says why, in one line."""


class Expression:
    """A compiled expression."""

    __slots__ = ("_tree",)

    def __init__(self, text: str) -> None:
        self._tree = _exact(jmespath.compile(text).parsed)

    def over(self, value: object, meter: Meter) -> Any:  # noqa: ANN401 - any JSON value
        """What it gives, with Decimals. Raises `NoResult`, and `TooMuchWork` when the meter has run down."""
        try:
            return _Interpreter(meter).visit(self._tree, value)
        except _FAULTS as error:
            raise NoResult(_said(error)) from error


def result(value: object, meter: Meter) -> Any:  # noqa: ANN401 - any JSON value
    """The same as plain JSON: no Decimals, nothing endless. Raises `NoResult` for what is too large, too deep or no JSON."""
    size = Meter(LARGEST)
    try:
        made = _plain(value, size, DEEPEST)
    except TooMuchWork:
        raise NoResult(f"gives more than {LARGEST} characters") from None
    meter.spend((LARGEST - size.left) // _PER_STEP)
    return made


def word_for(value: object) -> str:
    """What a value is, in a word or two."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else WORDS.get(type(value), "no JSON")


class _Interpreter(TreeInterpreter):
    """Walks the tree and counts its steps."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(Options(custom_functions=_Exact(meter)))
        self._meter = meter

    def visit(self, node: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - JMESPath's own signature
        """One step."""
        self._meter.spend(1)
        return super().visit(node, *args, **options)

    def visit_flatten(self, node: Any, value: Any) -> Any:  # noqa: ANN401 - likewise
        """What grows is counted before it does."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self._meter.spend(_weight(base, list) // _PER_STEP)
        return [inner for each in base for inner in (each if isinstance(each, list) else (each,))]

    def visit_comparator(self, node: Any, value: Any) -> Any:  # noqa: ANN401 - likewise
        """So is what is compared member by member."""
        left, right = (self.visit(child, value) for child in node["children"])
        if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
            weigh(left, self._meter)
        looked_at: Any = {**node, "children": [_literal(left), _literal(right)]}
        return super().visit_comparator(looked_at, None)


class _Exact(Functions):
    """JMESPath's functions for which a Decimal is a number."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:  # noqa: ANN401 - JMESPath's own signature
        """What a function goes through is counted before it does."""
        given = list(resolved_args)
        self._meter.spend(sum(_weight(each, str) for each in given) // _PER_STEP)
        if function_name == "contains" and isinstance(given[-1], (list, dict)):
            weigh(given[0], self._meter)
        return super().call_function(function_name, given)

    def _get_allowed_pytypes(self, types: Any) -> Any:  # noqa: ANN401 - likewise
        allowed, inner = super()._get_allowed_pytypes(types)  # type: ignore[misc] # the stubs leave it out
        return _with_decimal(allowed), [_with_decimal(each) for each in inner]

    def _convert_to_jmespath_type(self, pyobject: Any) -> Any:  # noqa: ANN401 - likewise
        return "number" if pyobject == "Decimal" else super()._convert_to_jmespath_type(pyobject)  # type: ignore[misc] # likewise

    @signature({"types": ["array-number"]})
    def _func_avg(self, arg: list[Any]) -> Any:  # noqa: ANN401 - a number, or null
        return sum(arg, Decimal(0)) / len(arg) if arg else None

    @signature({"types": []})
    def _func_to_string(self, arg: object) -> str:
        if isinstance(arg, str):
            return arg
        if isinstance(arg, Decimal):
            return text_of(arg)
        return json.dumps(result(arg, self._meter), separators=(",", ":"), ensure_ascii=False)

    @signature({"types": []})
    def _func_to_number(self, arg: object) -> Any:  # noqa: ANN401 - a number, or null
        if isinstance(arg, str):
            return _number_in(arg)
        return arg if isinstance(arg, (int, float, Decimal)) and not isinstance(arg, bool) else None

    @signature({"types": []})
    def _func_type(self, arg: object) -> Any:  # noqa: ANN401 - JMESPath's word for it
        return self._convert_to_jmespath_type(type(arg).__name__)


def weigh(value: object, meter: Meter) -> None:
    """Spend a step for each member, at any depth, of what may stand in itself many times over."""
    level = [value]
    while level:
        meter.spend(len(level))
        level = [inner for each in level if isinstance(each, (list, dict)) for inner in _members(each, meter)]


def _members(value: list[Any] | dict[str, Any], meter: Meter) -> Iterator[Any]:
    """Those of one value; more of them than there are steps left are none."""
    meter.spend(len(value) // _PER_STEP)
    return iter(value.values() if isinstance(value, dict) else value)


def _weight(value: object, inner: type[str | list[Any]]) -> int:
    """Characters or members of a value, and of the texts or lists in a list."""
    if isinstance(value, list):
        return len(value) + sum(len(each) for each in value if isinstance(each, inner))
    return len(value) if isinstance(value, (str, dict)) else 0


def _literal(value: object) -> dict[str, Any]:
    return {"type": "literal", "value": value, "children": []}


def _with_decimal(names: Any) -> Any:  # noqa: ANN401 - names of Python types, as JMESPath lists them
    return [*names, "Decimal"] if "float" in names else names


def _number_in(text: str) -> int | Decimal | None:
    """The number that a text is, as JSON writes it."""
    try:
        found = json.loads(text, parse_float=Decimal) if len(text) <= LARGEST // 1024 else None
    except (ValueError, RecursionError):
        return None
    if isinstance(found, Decimal):
        return found if abs(found.adjusted()) <= LARGEST // 1024 else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _exact(node: Any) -> Any:  # noqa: ANN401 - a node of JMESPath's tree, or what stands in one
    """The tree with the numbers of its literals exact, too."""
    if not isinstance(node, dict):
        return node
    if node.get("type") == "literal":
        return {**node, "value": _exact_literal(node["value"])}
    return {**node, "children": [_exact(child) for child in node.get("children", ())]}


def _exact_literal(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact_literal(each) for each in value]
        case dict():
            return {name: _exact_literal(each) for name, each in value.items()}
    return value


def _plain(value: object, size: Meter, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    size.spend(1)
    if not depth:
        raise NoResult(f"gives what is nested deeper than {DEEPEST}")
    match value:
        case None | bool() | int():
            return value
        case str():
            size.spend(len(value))
            return value
        case Decimal() if value.is_finite():
            return plain_number(value)
        case float() if isfinite(value):
            return value
        case list():
            return [_plain(each, size, depth - 1) for each in value]
        case dict():
            return _plain_object(value, size, depth)
    raise NoResult("gives a number without bounds" if isinstance(value, (float, Decimal)) else "gives no JSON")


def _plain_object(value: Mapping[str, object], size: Meter, depth: int) -> dict[str, Any]:
    size.spend(sum(len(name) for name in value))
    return {name: _plain(each, size, depth - 1) for name, each in value.items()}


def _said(error: Exception) -> str:
    """One line about an error; JMESPath's own words where it has any."""
    text = " ".join(str(error).split()) if isinstance(error, (JMESPathError, NoResult)) else "can't be evaluated over this event"
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
