"""What a body may say about a kit component. Every fault of a body is named at once, each with its code and place."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.intacct.components import DEFERRAL, DELIVERY
from worker.sandbox.intacct.refusals import Detail, Refused, invalid
from worker.sandbox.wire import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Form: TypeAlias = "dict[str, Any]"
REQUIRED: Final = ("kit", "component", "numberOfUnits")
_READ_ONLY: Final = frozenset({"key", "id", "href", "audit"})
_SHOWN_ONLY: Final = frozenset({"href", "name", "costMethod", "itemType", "standardCost", "unitOfMeasure"})
_MOST_PERCENT: Final = 100


def content(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """The JSON of a body. Raises `Refused`: REST-1028 for none, REST-1030 for what is none."""
    if not body:
        raise Refused(400, "invalidRequest", "Payload is missing", error_id="REST-1028")
    try:
        return parsed(body)
    except ValueError:
        raise Refused(400, "invalidRequest", "Payload is not valid JSON", error_id="REST-1030") from None


def read_form(found: object, *, create: bool, with_key: bool = False) -> Form:
    """The fields of one element. `with_key`: its key stands in it, as in a batch of changes. Raises `Refused`."""
    if not isinstance(found, dict):
        raise invalid(Detail("invalidRequest", "An object is expected", "REST-1064"))
    known = {**_FIELDS, "key": _text} if with_key else _FIELDS
    faults = [_unusable(name) for name in found if name not in known]
    form: Form = {}
    for name, read in known.items():
        if name in found:
            try:
                form[name] = read(found[name])
            except ValueError as fault:
                faults.append(Detail("invalidRequest", f"'{name}': {fault}", "REST-1064", f"/{name}"))
            except _Inside as inside:
                faults.append(_unusable(inside.name, f"/{name}"))
    required = REQUIRED if create else ("key",) if with_key else ()
    faults += [Detail("invalidRequest", f"'{name}' is required", "REST-1064", f"/{name}") for name in required if name not in found]
    if faults:
        raise invalid(*faults)
    return form


class _Inside(Exception):
    """A reference has a member that it can't have."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _unusable(name: str, above: str = "") -> Detail:
    """Why a member can't be written: it is read-only, or there is none."""
    target = f"{above}/{name}"
    if name in (_SHOWN_ONLY if above else _READ_ONLY):
        return Detail("invalidRequest", f"'{name}' is read-only", "REST-1050", target)
    return Detail("invalidRequest", f"'{name}' is not a valid field", "REST-1043", target)


def _reference(value: object) -> dict[str, str]:
    """A key, an id, or both; the key counts."""
    if not isinstance(value, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - one kind of fault
    for name in value:
        if name not in {"key", "id"}:
            raise _Inside(name)
    if not value or not all(isinstance(each, str) and each for each in value.values()):
        raise ValueError("a key or an id is expected")
    return dict(value)


def _number(value: object) -> Decimal:
    """Any number: nothing about bounds is published."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is expected")  # noqa: TRY004 - one kind of fault
    return Decimal(str(value))


def _percentage(value: object) -> Decimal | None:
    if value is None:
        return None
    number = _number(value)
    if not 0 <= number <= _MOST_PERCENT:
        raise ValueError("a number from 0 to 100 is expected")
    return number


def _line(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number is expected")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is expected")
    return value


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    """One of these words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"one of {', '.join(words)} is expected")
        return value

    return read


_FIELDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "kit": _reference,
    "component": _reference,
    "numberOfUnits": _number,
    "revenuePercentage": _percentage,
    "defaultDeliveryStatus": _one_of(DELIVERY),
    "defaultDeferralStatus": _one_of(DEFERRAL),
    "lineNumber": _line,
}
WRITABLE: Final = tuple(name for name in _FIELDS if name not in {"kit", "component"})
"""What the fault `intacct-ignored` chooses from."""
