"""An ItemPath installation that answers from memory: kits, materials, a log of calls, and imports that the test sets off."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote
from uuid import NAMESPACE_URL, uuid5

import httpx

from worker.clients.base import ClientPool
from worker.clients.itempath.client import ItemPathClient
from worker.settings import ItemPath, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from worker.kits.model import Item

NOW = 1_800_000_000.0
SETTINGS = ItemPath("http://itempath.test", token=Secret("t"))
LISTS = {"kits": "kits", "materials": "materials", "kit_lines": "lines", "calls": "log"}


def uid(name: str) -> str:
    """The id of what has this name, in capitals."""
    return str(uuid5(NAMESPACE_URL, name)).upper()


@dataclass
class Clock:
    """A clock that the test moves."""

    now: float = NOW

    def __call__(self) -> float:
        """Epoch seconds."""
        return self.now


@dataclass
class Installation(httpx.BaseTransport):
    """`importing`: writes take effect at once; else when `import_all` is called.

    `ends` are the ends of the next writes: an answer that is given instead, an error instead, or `ran(error)`, an error after it ran.
    `zone`: hours by which the log's clock is ahead. `or_known`: whether lists know `[or]`;
    `or_literal`: whether they look for it as for any other text. `log_status`: the status of reads of the log.
    """

    clock: Clock = field(default_factory=Clock)
    kits: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    ends: deque[httpx.Response | Exception | tuple[str, Exception]] = field(default_factory=deque)
    pending: list[Callable[[], None]] = field(default_factory=list)
    reads: deque[httpx.Response | Exception] = field(default_factory=deque)
    importing: bool = True
    or_known: bool = True
    or_literal: bool = False
    log_status: int = 200
    logs_reads: bool = True
    zone: int = 0
    made: int = 0

    def client(self) -> ItemPathClient:
        """A client that calls it."""
        return ItemPathClient(SETTINGS, ClientPool(transport=self), httpx.Auth(), clock=self.clock)

    def kit(self, name: str, *lines: tuple[str, Any], **fields: Any) -> str:
        """A kit of these (component, quantity) lines; gives its id."""
        self.kits.append({"id": uid(f"kit {name}"), "name": name, **fields})
        for component, quantity in lines:
            self.line(uid(f"kit {name}"), component, quantity)
        return uid(f"kit {name}")

    def line(self, kit_id: str, component_id: str, quantity: Any, number: int | None = None) -> str:
        """A line in a kit, with the next number; gives its id."""
        self.made += 1
        taken = [line["number"] for line in self.lines if line["kitId"] == kit_id]
        row = {"id": uid(f"line {self.made}"), "kitId": kit_id, "materialId": component_id, "quantity": quantity, "hasStock": 1}
        self.lines.append({**row, "number": number or max(taken, default=0) + 1})
        return uid(f"line {self.made}")

    def material(self, name: str, unit: str = "Piece", **fields: Any) -> str:
        """A material; gives its id."""
        self.materials.append({"id": uid(f"material {name}"), "name": name, "unitOfMeasure": unit, "isBlocked": 0, **fields})
        return uid(f"material {name}")

    def of(self, kit_id: str) -> list[tuple[str, Any]]:
        """The kit's lines: component id and quantity."""
        return [(line["materialId"], line["quantity"]) for line in self.lines if line["kitId"] == kit_id]

    def import_all(self) -> None:
        """Power Pick imports what was accepted."""
        for effect in self.pending:
            effect()
        self.pending.clear()

    def count(self, start: str) -> int:
        """How many calls began so."""
        return sum(each.startswith(start) for each in self.asked)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one call, and note it in the log as if by its own clock."""
        target = request.url.raw_path.decode()
        self.asked.append(f"{request.method} {unquote(target)}")
        if request.method == "GET":
            answer = self._read(target)
        else:
            self.bodies.append(json.loads(request.content) if request.content else None)
            try:
                answer = self._write(request.method, target, self.bodies[-1])
            except _Ran as ran:
                self._note(request, httpx.Response(200))
                raise ran.error from None
        self._note(request, answer)
        return answer

    def _note(self, request: httpx.Request, answer: httpx.Response) -> None:
        if request.method == "GET" and not self.logs_reads:
            return
        at = datetime.fromtimestamp(self.clock.now, UTC) + timedelta(hours=self.zone)
        row = {
            "id": len(self.log) + 1,
            "endpoint": f"{request.method} http://itempath.test{unquote(request.url.path)}",
            "code": answer.status_code,
        }
        self.log.append({**row, "creationDate": at.strftime("%Y-%m-%dT%H:%M:%S.%f"), "body": request.content.decode()})

    def _read(self, target: str) -> httpx.Response:
        if self.reads:
            return _given(self.reads.popleft())
        path, _, query = target.partition("?")
        name, *rest = path.removeprefix("/api/").split("/")
        if name == "calls" and self.log_status != 200:
            return httpx.Response(self.log_status)
        rows = [self._shown(name, row) for row in getattr(self, LISTS[name])]
        if rest:
            found = [row for row in rows if row["id"].upper() == rest[0].upper()]
            return httpx.Response(200, json={name.removesuffix("s"): found[0]}) if found else httpx.Response(404)
        asked = parse_qsl(query)
        if "[or]" in unquote(query) and not self.or_known:
            return httpx.Response(400, json={"message": "Invalid filter"})
        rows = [] if "[or]" in unquote(query) and self.or_literal else rows
        options = {key: value for key, value in asked if key in ("limit", "page", "countOnly")}
        rows = [row for row in rows if all(_passes(row, key, value) for key, value in asked if key not in (*options, "orderBy"))]
        if "countOnly" in options:
            return httpx.Response(200, json={"count": len(rows)})
        first = int(options["page"]) * int(options["limit"])
        return httpx.Response(200, json={name: rows[first : first + int(options["limit"])]})

    def _shown(self, name: str, row: dict[str, Any]) -> dict[str, Any]:
        if name != "kits":
            return row
        lines = [{key: value for key, value in line.items() if key != "kitId"} for line in self.lines if line["kitId"] == row["id"]]
        return {"lines": lines, **row}

    def _write(self, method: str, target: str, body: Any) -> httpx.Response:
        end = self.ends.popleft() if self.ends else None
        if isinstance(end, (httpx.Response, Exception)):
            return _given(end)
        answer, effect = self._effect(method, target, body)
        self.pending.append(effect)
        if self.importing:
            self.import_all()
        if end is not None:
            raise _Ran(end[1])
        return answer

    def _effect(self, method: str, target: str, body: Any) -> tuple[httpx.Response, Callable[[], None]]:
        name, *rest = target.removeprefix("/api/").split("/")
        if method == "POST":
            return self._creation(name, body)
        found = [line for line in self.lines if line["id"].upper() == rest[0].upper()]
        if not found:
            return httpx.Response(404), _nothing
        if method == "DELETE":
            return httpx.Response(200, json={"deleted": "true"}), lambda: self.lines.remove(found[0])
        return _padded("kit_line", {**found[0], **body}), lambda: found[0].update(body)

    def _creation(self, name: str, body: Any) -> tuple[httpx.Response, Callable[[], None]]:
        if name == "kit_lines":
            self.made += 1
            given = {**body, "id": uid(f"answer {self.made}"), "number": body.get("number", 1)}
            return _padded("kit_line", given), lambda: _ignore(
                self.line(body["kitId"], body["materialId"], body["quantity"], body.get("number"))
            )
        if name == "kits":
            return _padded("kit", {**body, "id": uid("new")}), lambda: _ignore(self.kit(body["name"]))
        row = {**body, "id": uid(f"material {body['name']}")}
        return httpx.Response(200, json={"material": row}), lambda: self.materials.append(row)


class _Ran(Exception):
    def __init__(self, error: Exception) -> None:
        self.error = error


class Memory:
    """A book in memory."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def known(self, ids: Collection[str]) -> dict[str, Item]:
        """By id."""
        return {each: self.items[each] for each in ids if each in self.items}

    def learn(self, items: Iterable[Item]) -> None:
        """Remember."""
        self.items |= {item.id.upper(): item for item in items}

    def id_of(self, kind: str, code: str) -> str | None:
        """By code."""
        return next((key for key, item in self.items.items() if item.code == code and (item.type == "item") == (kind == "item")), None)


def ran(error: Exception) -> tuple[str, Exception]:
    """The write runs, and then this happens to its answer."""
    return "ran", error


def refused(status: int = 400, message: str = "No.") -> httpx.Response:
    """ItemPath says no."""
    return httpx.Response(status, json={"message": message})


def _passes(row: dict[str, Any], key: str, value: str) -> bool:
    operator, text = re.fullmatch(r"(\[\w+\])?(.*)", value, re.DOTALL).groups()  # type: ignore[union-attr]
    shown = str(row.get(key, "")).upper()
    wanted = [each.upper() for each in (text.split(";") if operator == "[or]" else [text])]
    if operator == "[gt]":
        return shown > wanted[0]
    return wanted[0] in shown if operator == "[like]" else shown in wanted


def _padded(name: str, row: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={name: {key: f" {value} " for key, value in row.items()}})


def _given(answer: httpx.Response | Exception) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ignore(_value: object) -> None:
    return


def _nothing() -> None:
    return
