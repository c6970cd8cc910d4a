"""What a page's handler is given, and what it gives back. Handlers know nothing of Flask.

A page is a client of the API in the same process: it asks through the API's own handlers, so that roles, tenants, checks and the record of
who did what are the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson

from webhooks.answers import Streaming
from webhooks.api.asking import Ask
from webhooks.problems import Problem
from worker.settings import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.api.asking import Api, Handler
    from webhooks.dashboard.sessions import Session
    from webhooks.testing import Trials
    from worker.settings import ApiKey, Role

UTC_ZONE: Final = ZoneInfo("UTC")
LIMIT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a page: who is logged in, where, with which query and form; `part` names the one block of the page that is wanted."""

    api: Api
    trials: Trials
    session: Session
    route: str
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Mapping[str, Sequence[str]]
    now: datetime
    zone: ZoneInfo = UTC_ZONE
    theme: str = "auto"
    part: str = ""
    said: tuple[str, str] | None = None
    """What the page before had to say: its tone, `good` or `bad`, and the text."""

    @property
    def key(self) -> ApiKey:
        """Who asks."""
        return self.session.key

    def may(self, role: Role) -> bool:
        """Whether the key's role reaches to this one."""
        return ROLES.index(self.key.role) >= ROLES.index(role)

    def get(self, name: str, default: str = "") -> str:
        """The first value of a query parameter, without space around it."""
        return next((value.strip() for given, value in self.query if given == name), default)

    def one(self, name: str, default: str = "") -> str:
        """The first value of a form's field, without space around it."""
        return next((value.strip() for value in self.form.get(name, ())), default)

    def all(self, name: str) -> list[str]:
        """Every value of a form's field."""
        return list(self.form.get(name, ()))

    def ask(self, handler: Handler, query: Iterable[tuple[str, str]] = (), body: object = None, **path: str) -> Any:  # noqa: ANN401 - JSON
        """What the API answers this person: the JSON value. `path` stands for the route's own. Raises what the API's handler raises."""
        answer = self.answer(handler, query, body, **path)
        return answer.body

    def answer(self, handler: Handler, query: Iterable[tuple[str, str]] = (), body: object = None, **path: str) -> Answer:
        """The same with its status."""
        raw = b"" if body is None else json_of(body)
        answer = handler(self.api, Ask(self.key, {**self.path, **path}, tuple(query), raw, None))
        if isinstance(answer, Streaming):
            raise TypeError("a page takes no stream")
        return answer


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """Go there, where `said` is shown once."""

    to: str
    said: str = ""
    tone: Literal["good", "bad"] = "good"


@dataclass(frozen=True, slots=True)
class Download:
    """A file, in parts as they are made."""

    parts: Iterable[bytes]
    content_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Left:
    """Logged out; go there."""

    to: str


Outcome = Page | Moved | Download | Left
PageHandler = Callable[[Visit], Outcome]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A line of the pages' table: who may, and what it does. A POST carries a form of at most `limit` bytes."""

    method: Literal["GET", "POST"]
    path: str
    role: Role
    handler: PageHandler
    limit: int = LIMIT


def local_path(given: str, default: str = "/") -> str:
    """An address within these pages, or the default: never another host's."""
    if not given.startswith("/") or given.startswith(("//", "/\\")) or not given.isprintable() or "\\" in given:
        return default
    return given


def json_of(body: object) -> bytes:
    """A body for the API. Raises `Problem` 400 for what people may type but no JSON of ours holds: too deep, or too large a number."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise Problem(400, "what was sent is nested too deeply, or holds a number that is too large") from None


def must_admit(session: Session, given: str | None) -> None:
    """Raise `Problem` 403 unless a form carries its session's token."""
    if not session.admits(given):
        raise Problem(403, "this form is too old: load the page again, and then repeat what you did")
