"""Fields of the API's forms, beside those of the kinds: strict about types, plain in their messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import ValidationError, fields

from worker.jobs.filters import MOST_IDS
from worker.jobs.groups import DIGITS
from worker.kinds.fields import Strict, Text

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GROUP: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
GROUP_PATTERN: Final = f"^{GROUP.pattern}$"
ID_PATTERN: Final = f"^{ID.pattern}$"
MOST_TAGS: Final = 20


def instant(text: str) -> datetime | None:
    """The moment that an RFC 3339 text names, in UTC; None if it names none."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Instant(Strict[datetime]):
    """A moment, in RFC 3339 with its offset."""

    def _parse(self, value: object) -> datetime:
        moment = instant(value) if isinstance(value, str) else None
        if moment is None:
            raise ValidationError("must be a time with its offset, such as 2026-01-31T12:00:00Z")
        return moment


class Between(Strict[int]):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own options
        super().__init__(**options)
        self.least = least
        self.most = most

    def _parse(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ValidationError(f"must be a whole number from {self.least} to {self.most}")
        return value


class Anything(Strict[object]):
    """A JSON object that somebody else looks into."""

    def _parse(self, value: object) -> object:
        if not isinstance(value, Mapping):
            raise ValidationError("must be an object")
        return value


class Yes(Strict[bool]):
    """True, said out loud."""

    def _parse(self, value: object) -> bool:
        if value is not True:
            raise ValidationError("must be true")
        return value


class Items(Strict["list[object]"]):
    """A list that somebody else looks into."""

    def _parse(self, value: object) -> list[object]:
        if not isinstance(value, list):
            raise ValidationError("must be a list")
        return value


class Tags(fields.List[str]):
    """A few words to find things by, each once."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own options
        super().__init__(Text(most=60), error_messages={"null": "must not be null", "invalid": "must be a list"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> list[Any]:  # noqa: ANN401 - marshmallow's
        if isinstance(value, list) and len(value) > MOST_TAGS:
            raise ValidationError(f"must be at most {MOST_TAGS}")
        return list(dict.fromkeys(super()._deserialize(value, attr, data, **options) or []))


class Words(Strict["tuple[str, ...]"]):
    """One of a few exact words, or a list of them, each once."""

    def __init__(self, *words: str, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own options
        super().__init__(**options)
        self.words = tuple(str(word) for word in words)

    def _parse(self, value: object) -> tuple[str, ...]:
        given = value if isinstance(value, list) else [value]
        if not given or any(word not in self.words for word in given):
            raise ValidationError(f"must be one of {', '.join(self.words)}, or a list of them")
        return tuple(dict.fromkeys(given))


class Ids(Strict["tuple[str, ...]"]):
    """A list of ids, each once."""

    def _parse(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_IDS or not all(isinstance(e, str) and ID.fullmatch(e) for e in value):
            raise ValidationError(f"must be a list of 1 to {MOST_IDS} ids")
        return tuple(dict.fromkeys(value))


class GroupId(Strict[str]):
    """The id of a group of failures."""

    def _parse(self, value: object) -> str:
        if not isinstance(value, str) or not GROUP.fullmatch(value):
            raise ValidationError(f"must be {DIGITS} hexadecimal digits")
        return value
