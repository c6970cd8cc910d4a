"""The filters of a query: the 17 operators over the kinds of field. A null passes only `$eq` null and what is negated (inferred)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.intacct.fields import NUMBERS, field_of, usable
from worker.sandbox.intacct.moments import span
from worker.sandbox.intacct.refusals import wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from worker.sandbox.intacct.expression import Test
    from worker.sandbox.intacct.fields import Field

Bounds: TypeAlias = "tuple[Any, Any]"
"""What an operand means: its first and last value, which are the same but for dates."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. `operands`: 1, 2, or 0 for a list of any length; `text`: compares texts, `list`: looks into one."""

    test: Callable[[Any, list[Bounds]], bool]
    operands: int = 1
    on: str = "values"


def _equal(value: Any, bounds: Bounds) -> bool:  # noqa: ANN401 - any field's value
    return bool(value is None if bounds[0] is None else value is not None and bounds[0] <= value <= bounds[1])


POSITIVE: Final[Mapping[str, Operator]] = {
    "$eq": Operator(lambda value, asked: _equal(value, asked[0])),
    "$lt": Operator(lambda value, asked: value is not None and value < asked[0][0]),
    "$lte": Operator(lambda value, asked: value is not None and value <= asked[0][1]),
    "$gt": Operator(lambda value, asked: value is not None and value > asked[0][1]),
    "$gte": Operator(lambda value, asked: value is not None and value >= asked[0][0]),
    "$in": Operator(lambda value, asked: any(_equal(value, one) for one in asked), operands=0),
    "$between": Operator(lambda value, asked: value is not None and asked[0][0] <= value <= asked[1][1], operands=2),
    "$contains": Operator(lambda value, asked: value is not None and asked[0][0] in str(value), on="texts"),
    "$startsWith": Operator(lambda value, asked: value is not None and str(value).startswith(asked[0][0]), on="texts"),
    "$endsWith": Operator(lambda value, asked: value is not None and str(value).endswith(asked[0][0]), on="texts"),
    "$has": Operator(lambda value, asked: value is not None and asked[0][0] in value, on="lists"),
}
NEGATED: Final = {
    "$ne": "$eq",
    "$notIn": "$in",
    "$notBetween": "$between",
    "$notContains": "$contains",
    "$notStartsWith": "$startsWith",
    "$notEndsWith": "$endsWith",
}
NULLABLE: Final = frozenset({"$eq", "$ne"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads filters. `today` is what macros go by; `fold` whether case does not matter."""

    fields: Mapping[str, Field]
    children: tuple[str, ...]
    today: date
    fold: bool = False

    def test(self, found: object, place: int) -> Test:
        """The test of one filter, `{"$op": {"field": value}}`. Raises `Refused`."""
        target = f"/filters/{place}"
        name, content = _only(found, target)
        operator = POSITIVE.get(NEGATED.get(name, name))
        if operator is None:
            raise wrong(f"'{name}' is not a valid operator", target)
        path, value = _only(content, target)
        field = usable(field_of(self.fields, self.children, path, f"{target}/{path}"), path, f"{target}/{path}")
        _check_kind(operator, name, field, target)
        asked = self._operands(name, operator, field, value, target)
        read, check = self._folded(field.read), operator.test
        if name in NEGATED:
            return lambda record: not check(read(record), asked)
        return lambda record: check(read(record), asked)

    def _operands(self, name: str, operator: Operator, field: Field, value: object, target: str) -> list[Bounds]:
        """What a filter compares with."""
        if value is None and name in NULLABLE:
            return [(None, None)]
        if operator.operands == 1:
            return [self._bounds(operator, field, value, target)]
        if not isinstance(value, list) or (operator.operands and len(value) != operator.operands) or not value:
            raise wrong(f"'{name}' takes a list of values", target)
        return [self._bounds(operator, field, one, target) for one in value]

    def _bounds(self, operator: Operator, field: Field, value: object, target: str) -> Bounds:
        """One operand, as the field's values are."""
        try:
            if operator.on != "values":
                one = _text(value)
            elif field.kind == "moment":
                return span(_text(value), self.today)
            else:
                one = _operand(field, value)
        except (ValueError, InvalidOperation):
            raise wrong(f"{value!r} is not a valid value", target) from None
        if self.fold and isinstance(one, str):
            one = one.casefold()
        return one, one

    def _folded(self, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The field's value, without its case if that does not matter."""
        if not self.fold:
            return read

        def folded(record: Any) -> Any:  # noqa: ANN401 - any record, any value
            value = read(record)
            return value.casefold() if isinstance(value, str) else value

        return folded


def _only(found: object, target: str) -> tuple[str, Any]:
    """The one member of an object."""
    if not isinstance(found, dict) or len(found) != 1:
        raise wrong("An object with one member is expected", target)
    return next(iter(found.items()))


def _check_kind(operator: Operator, name: str, field: Field, target: str) -> None:
    """Text operators refuse dates (documented); `$has` is for lists only."""
    if (operator.on == "texts" and field.kind in {"moment", "texts"}) or (operator.on == "lists") != (field.kind == "texts"):
        raise wrong(f"'{name}' cannot be used on a field of this type", target)


def _operand(field: Field, value: object) -> Any:  # noqa: ANN401 - any field's value
    """A value that can be compared with the field's. Raises `ValueError` or `InvalidOperation`."""
    if field.kind == "boolean":
        found = {True: True, False: False, "true": True, "false": False}.get(value) if isinstance(value, bool | str) else None
        if found is None:
            raise ValueError(value)
        return found
    text = _text(value)
    return Decimal(text) if field.kind in NUMBERS else text


def _text(value: object) -> str:
    """A text or a number as a text. Raises `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(value)  # noqa: TRY004 - one kind of fault
    return str(value)
