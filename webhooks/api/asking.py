"""What a handler of the API is given: who asks, what, and the parts to answer with. Handlers know nothing of Flask."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer, Streaming
from webhooks.api.fields import ID
from webhooks.bodies import strict_loads
from webhooks.problems import invalid
from worker.errors import Fault, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from webhooks.api.fullness import Fullness
    from webhooks.api.streams import Streams
    from webhooks.health import Doctor
    from worker.jobs.bell import Ringing
    from worker.jobs.engine import Database
    from worker.settings import ApiKey, Role, Settings

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Api:
    """The parts that handlers work with."""

    settings: Settings
    database: Database
    bell: Ringing
    fullness: Fullness
    streams: Streams
    clock: Callable[[], datetime]
    doctor: Doctor


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: proven key, path parts, query in the order given, raw body, and its Idempotency-Key."""

    key: ApiKey
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes
    idempotency_key: str | None

    @property
    def id(self) -> str:
        """The id in the path; raises `NotFound` for what can be no id."""
        given = self.path["id"]
        if not ID.fullmatch(given):
            raise NotFound("there is no such id")
        return given

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body, strictly read; an empty one is an empty object."""
        return strict_loads(self.body) if self.body.strip() else {}

    def once(self) -> str | None:
        """The Idempotency-Key, if there is one. Raises `Problem` 422 for one that is no key."""
        if self.idempotency_key is not None and not _KEY.fullmatch(self.idempotency_key):
            raise invalid([Fault("Idempotency-Key", "must be 1 to 200 visible ASCII characters")])
        return self.idempotency_key


Handler = Callable[[Api, Ask], Answer | Streaming]


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the API: who may, what it does, and how large a body it takes (0: it takes none)."""

    method: str
    path: str
    role: Role
    handler: Handler
    limit: int = 0
