"""Filter expressions of Intacct's query service: read, checked, written again. Pure.

    expression := "and" | "or" | any
    any        := all ("or" all)*
    all        := one ("and" one)*
    one        := index | "(" any ")"

Indexes count the filters from 1; there is no `not` (documented). Which of `and` and `or` binds closer without parentheses is not
documented: here it is `and`, and what is sent always has its parentheses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Join = Literal["and", "or"]
DEEPEST: Final = 50
_TOKEN: Final = re.compile(r"\s*(?:(?P<index>[0-9]+)|(?P<word>[A-Za-z]+)|(?P<sign>[()])|(?P<other>\S))")


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more parts joined by one word; a part is an index from 1 or another group."""

    join: Join
    parts: tuple[int | Group, ...]

    def __str__(self) -> str:
        return f" {self.join} ".join(f"({part})" if isinstance(part, Group) else str(part) for part in self.parts)


Expression = int | Group


def parse(text: str, count: int) -> Expression | Join:
    """What an expression over so many filters says; the bare words stay words. Raises `ValueError` that names the fault and its place."""
    bare = text.strip().lower()
    if bare in ("and", "or"):
        return "and" if bare == "and" else "or"
    reader = _Reader(text, count)
    found = reader.any(0)
    reader.end()
    return found


def checked(text: str, count: int) -> str:
    """The expression as it is sent. Raises `ValueError`."""
    return str(parse(text, count))


class _Reader:
    def __init__(self, text: str, count: int) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._count = count

    def any(self, depth: int) -> Expression:
        """Parts joined by `or`."""
        parts = [self._all(depth)]
        while self._takes("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Group("or", tuple(parts))

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            raise ValueError(f"filterExpression: unexpected {self._tokens[self._at]!r}")

    def _all(self, depth: int) -> Expression:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))

    def _one(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise ValueError(f"filterExpression: nested deeper than {DEEPEST}")
        if self._takes("("):
            inner = self.any(depth + 1)
            if not self._takes(")"):
                raise ValueError("filterExpression: a parenthesis is not closed")
            return inner
        token = self._tokens[self._at] if self._at < len(self._tokens) else "its end"
        if not token.isdigit():
            raise ValueError(f"filterExpression: a filter's number or a parenthesis is expected, not {token!r}")
        self._at += 1
        return self._index(token)

    def _index(self, token: str) -> int:
        index = int(token) if len(token) < 8 else -1  # noqa: PLR2004 - no query has millions of filters
        if not 1 <= index <= self._count:
            raise ValueError(f"filterExpression: there is no filter {token[:8]}, only 1 to {self._count}")
        return index

    def _takes(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match[0].strip().lower()
        if match["other"] or (match["word"] and token not in ("and", "or")):
            raise ValueError(f"filterExpression: {token!r} is not known; there are numbers, and, or, parentheses")
        yield token
