"""JSON with exact numbers: decimals are read as `Decimal` and written as JSON numbers, never as strings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn


def read_json(body: bytes) -> Any:  # noqa: ANN401 (JSON is whatever it is)
    """What the body says. A number with a point or an exponent is a `Decimal`. Raises `ValueError` for what is not JSON."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_json(value: object) -> bytes:
    """The value as UTF-8 JSON. Raises `ValueError` for numbers that JSON lacks, `TypeError` for what it can't hold."""
    return "".join(_parts(value)).encode()


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield "{"
        for index, (key, inner) in enumerate(value.items()):
            yield f"{',' if index else ''}{json.dumps(str(key), ensure_ascii=False)}:"
            yield from _parts(inner)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for index, inner in enumerate(value):
            yield "," if index else ""
            yield from _parts(inner)
        yield "]"
    elif isinstance(value, Decimal):
        yield _number(value)
    else:
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("JSON has no such number")
    return str(value)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
