"""Whether a write whose answer was lost ran, by ItemPath's own log of calls: the only documented way to learn it.

The log's times have no zone (documented). So a read of the kit is made first and looked for in the log: the time it has there tells
the zone, and that it is there tells that the log is alive. Without that, the absence of a write would prove nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from marshmallow import ValidationError

from worker.clients.codec import read_json
from worker.clients.itempath.fields import decimal_of
from worker.clients.itempath.filters import CallFilter, above, like
from worker.clients.itempath.records import key_of
from worker.errors import AuthRefused, BadAnswer, Missing, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.clients.itempath.client import ItemPathClient
    from worker.clients.itempath.records import Call

ZONES: Final = timedelta(hours=15)
"""No zone is further from UTC, with a margin."""

MARGIN: Final = timedelta(minutes=2)
"""How far a call's time in the log may lie before the time we sent it."""

SHOWS_READS: Final = True
"""The log lists calls (documented), reads among them (inferred). Where it does not, absence is believed as it is."""

VERBS: Final = {"create": ("POST",), "update": ("PUT", "POST"), "delete": ("DELETE",)}
_RESOURCE: Final = "KIT_LINES"
_LONGEST: Final = 20_000
_CLOSE: Final = Decimal("0.000001")
_ENDPOINT: Final = re.compile(r"\s*(?P<verb>[A-Za-z]+)\s+\S*?/api/(?P<path>[^\s?#]+)")


@dataclass(frozen=True, slots=True)
class Lost:
    """A write that may have run, sent at `at` (epoch seconds). `materials`: the ids that its component may have; empty: not known."""

    write: Literal["create", "update", "delete"]
    at: float
    kit: str
    materials: tuple[str, ...] = ()
    line: str | None = None
    quantity: Decimal | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """The writes on kit lines that the log has; `ahead`: their clock minus UTC, in seconds, None where it is not known."""

    calls: tuple[Call, ...]
    ahead: float | None
    alive: bool


def read_log(
    client: ItemPathClient, kit_id: str, since: float, clock: Callable[[], float], *, shows_reads: bool = SHOWS_READS
) -> Log | None:
    """The log since then (epoch seconds); None where it can't be read. Raises `CallError` for what passes."""
    try:
        ahead = _ahead(client, kit_id, clock) if shows_reads else None
        shift = timedelta(seconds=ahead) if ahead is not None else -ZONES
        border = datetime.fromtimestamp(since, UTC) + shift - MARGIN
        wanted = CallFilter(endpoint=like("kit_lines"), creation_date=above(border))
        return Log(tuple(client.calls(wanted)), ahead, alive=ahead is not None or not shows_reads)
    except AuthRefused as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise
        return None
    except (Missing, Rejected, BadAnswer):
        return None


def told(log: Log | None, lost: Lost) -> bool | None:
    """Whether the write ran: answered with a 2xx, True; answered otherwise or not in the log, False; None where that can't be told."""
    if log is None:
        return None
    alike = [(call, match) for call in log.calls if (match := _match(call, lost, log.ahead)) is not False]
    sure = [call for call, match in alike if match]
    if any(call.code is not None and HTTPStatus(200) <= call.code < HTTPStatus.MULTIPLE_CHOICES for call in sure):
        return True
    if any(call.code is None for call in sure) or len(sure) < len(alike):
        return None  # under way, or one that could be it and can't be read
    return False if log.alive or sure else None


def _ahead(client: ItemPathClient, kit_id: str, clock: Callable[[], float]) -> float | None:
    """Their clock minus UTC, by a read made just now."""
    now = clock()
    with suppress(Missing):
        client.get_kit(kit_id)
    border = datetime.fromtimestamp(now, UTC) - ZONES
    calls = client.calls(CallFilter(endpoint=like(f"kits/{kit_id.strip()}"), creation_date=above(border)))
    times = [time for call in calls if (time := _time(call)) is not None]
    return max(times) - now if times else None


def _match(call: Call, lost: Lost, ahead: float | None) -> bool | None:
    """Whether the entry is of this write; None where it may be."""
    endpoint = _ENDPOINT.match(call.endpoint or "")
    if endpoint is None or endpoint["verb"].upper() not in VERBS[lost.write]:
        return False
    time = _time(call)
    if time is not None and ahead is not None and time - ahead < lost.at - MARGIN.total_seconds():
        return False
    parts = [key_of(unquote(part)) for part in endpoint["path"].strip("/").split("/")]
    if parts[0] != _RESOURCE:
        return False
    if lost.write == "create":
        return _creates(_body(call.body), lost) if len(parts) == 1 else False
    if lost.line is None or parts[1:2] != [key_of(lost.line)]:
        return False
    return True if lost.write == "delete" else _says(_body(call.body), lost)


def _creates(body: Mapping[str, Any] | None, lost: Lost) -> bool | None:
    if body is None:
        return None
    if key_of(str(body.get("kitId", ""))) != key_of(lost.kit):
        return False
    if lost.materials and key_of(str(body.get("materialId", ""))) not in map(key_of, lost.materials):
        return False
    said = _says(body, lost)
    return said if lost.materials or not said else None


def _says(body: Mapping[str, Any] | None, lost: Lost) -> bool | None:
    """Whether a body has the quantity and number that were sent."""
    if body is None:
        return None
    pairs = ((body.get("quantity"), lost.quantity), (body.get("number"), lost.number))
    return all(sent is None or _equal(shown, Decimal(sent)) for shown, sent in pairs)


def _equal(shown: object, sent: Decimal) -> bool:
    try:
        number = decimal_of(shown)
    except ValidationError:
        return False
    return number is not None and abs(number - sent) <= _CLOSE


def _body(body: object) -> Mapping[str, Any] | None:
    """What was sent, as the log keeps it: an object, its JSON, or as Python prints it. None: it can't be read."""
    if isinstance(body, Mapping):
        return body
    if not isinstance(body, str) or len(body) > _LONGEST:
        return None
    for read in (lambda text: read_json(text.encode()), ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = read(body.strip())
            return found if isinstance(found, Mapping) else None
    return None


def _time(call: Call) -> float | None:
    """An entry's time in seconds as if it were UTC; with an offset in it, the true one."""
    try:
        moment = datetime.fromisoformat((call.creation_date or "").strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
