"""Bodies: read up to a limit and no further, and understood strictly as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from webhooks.concurrency import Concurrency

LIMIT: Final = 1024 * 1024
PATIENCE: Final = 30.0
"""How long a client may take to send a body, in seconds."""

DEEPEST: Final = 32


def read(environ: Mapping[str, Any], limit: int, concurrency: Concurrency) -> bytes:
    """The raw body. Raises `Problem`: 413 before reading where the length is told, 408 for a client too slow, 400 for one that stops."""
    told = _length(environ)
    if told is not None and told > limit:
        raise _too_large(limit)
    if told == 0 or (told is None and not environ.get("wsgi.input_terminated")):
        return b""
    stream: BinaryIO = environ["wsgi.input"]
    try:
        body = concurrency.within(PATIENCE, lambda: stream.read(limit + 1 if told is None else told))
    except TimeoutError as error:
        raise Problem(408, f"the body did not arrive within {PATIENCE:g} seconds") from error
    if len(body) > limit:
        raise _too_large(limit)
    if told is not None and len(body) < told:
        raise Problem(400, "the body is shorter than its Content-Length")
    return body


def must_be_json(environ: Mapping[str, Any], *, required: bool = True) -> None:
    """Raise `Problem` 415 unless the headers say JSON in UTF-8, not compressed; unless `required`, they may say nothing."""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "the body must not be compressed")
    given = str(environ.get("CONTENT_TYPE", ""))
    if not given and not required:
        return
    kind, _, parameters = given.partition(";")
    if not _is_json(kind.strip().lower()) or not _is_utf8(parameters):
        raise Problem(415, "the body must be application/json in UTF-8")


def loads(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value. Raises `Problem` 400 for what is not JSON (NaN and lone surrogates are not)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not JSON: line {error.lineno}, column {error.colno}") from None


def strict_loads(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The same for a command: a name given twice, or nesting deeper than any command of ours, is refused too."""
    value = loads(body)
    try:
        depth = _depth(json.loads(body, object_pairs_hook=_unique))
    except RecursionError:
        depth = DEEPEST + 1
    except _Repeated as error:
        raise Problem(400, f"the body names {str(error)[:60]!r} twice in one object") from None
    if depth > DEEPEST:
        raise Problem(400, f"the body is nested deeper than {DEEPEST}")
    return value


class _Repeated(ValueError):
    """A name stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON value
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
        depth += 1
    return depth


def _length(environ: Mapping[str, Any]) -> int | None:
    given = str(environ.get("CONTENT_LENGTH") or "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit()):
        raise Problem(400, "Content-Length is not a number")
    return int(given)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is larger than {limit} bytes")


def _is_json(kind: str) -> bool:
    return kind in ("application/json", "text/json") or (kind.startswith("application/") and kind.endswith("+json"))


def _is_utf8(parameters: str) -> bool:
    name, _, value = parameters.strip().lower().partition("=")
    return name.strip() != "charset" or value.strip().strip('"') in ("utf-8", "utf8", "us-ascii")
