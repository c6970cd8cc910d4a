"""The filterExpression of a query: `(1 and 2) or 3`. `and` binds more than `or`; there is no `not` (inferred)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.intacct.refusals import wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Test: TypeAlias = "Callable[[Any], bool]"
DEEPEST: Final = 50
_TOKEN: Final = re.compile(r"\s*(?:(\d+)|(and|or)\b|([()]))", re.IGNORECASE)


def combine(text: str, tests: Sequence[Test]) -> Test:
    """One test out of several; `and` and `or` alone join all of them. Raises `Refused`."""
    word = text.strip().lower()
    if word in {"and", "or"}:
        return (_all if word == "and" else _any)(tests)
    return _Reader(text, tests).whole()


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str, tests: Sequence[Test]) -> None:
        self._tokens = list(_tokens(text))
        self._tests = tests
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        """The expression and nothing after it."""
        test = self._either()
        if self._at < len(self._tokens):
            raise _fault(f"unexpected '{self._tokens[self._at]}'")
        return test

    def _either(self) -> Test:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return _any(parts)

    def _both(self) -> Test:
        parts = [self._one()]
        while self._took("and"):
            parts.append(self._one())
        return _all(parts)

    def _one(self) -> Test:
        """A number, or an expression in parentheses."""
        if self._took("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise _fault("too many parentheses")
            test = self._either()
            self._depth -= 1
            if not self._took(")"):
                raise _fault("')' is missing")
            return test
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if not token.isdigit():
            raise _fault("a number is missing")
        if not 1 <= int(token) <= len(self._tests):
            raise _fault(f"there is no filter {token}")
        self._at += 1
        return self._tests[int(token) - 1]

    def _took(self, token: str) -> bool:
        """Whether this token came next, which is then read."""
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _fault(f"unexpected '{text[at:].strip()[:20]}'")
        found.append(match.group().strip().lower())
        at = match.end()
    return found


def _all(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)


def _any(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)


def _fault(text: str) -> Exception:
    return wrong(f"Invalid filterExpression: {text}", "/filterExpression")
