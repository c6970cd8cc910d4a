"""Turn marshmallow's nested messages into a flat list of faults with dotted paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from worker.errors import Fault

if TYPE_CHECKING:
    from marshmallow import ValidationError


def right_of(error: ValidationError) -> dict[str, Any]:
    """The members of an object that have no fault at all; of a list with one bad element nothing is right."""
    right = error.valid_data if isinstance(error.valid_data, dict) else {}
    return {name: value for name, value in right.items() if name not in error.messages}


def faults_of(messages: object) -> tuple[Fault, ...]:
    """Every fault of a `ValidationError.messages`, such as `stock_component_lines[2].quantity: must be greater than 0`."""
    return tuple(_flatten("", messages))


def _flatten(path: str, messages: object) -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flatten(_join(path, key), inner)
    elif isinstance(messages, (list, tuple)):
        for message in messages:
            yield from _flatten(path, message)
    else:
        yield Fault(path, str(messages))


def _join(path: str, key: object) -> str:
    if key == "_schema":
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)
