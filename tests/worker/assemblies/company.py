"""A company in Visma that answers from memory, and jobs to try on it."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx

from worker.clients.base import ClientPool
from worker.clients.visma.client import VismaClient
from worker.jobs.model import Job, new_id
from worker.jobs.states import State
from worker.kinds import KINDS
from worker.settings import Secret, Visma

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.clients.answers import Answer

NOW = 1_800_000_000.0
ZONE = 60
"""Minutes by which this company's clock is ahead of UTC."""

OPERATION = "5d0c0000-0000-4000-8000-000000000001"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "create_kit_assembly": {"type": "P", "item_id": "KIT-0001", "quantity": 2, "description": "For the fair", "release": True},
    "update_kit_assembly": {"type": "P", "ref_no": "000001", "quantity": 3, "description": "Changed"},
    "delete_kit_assembly": {"type": "P", "ref_no": "000001"},
    "release_kit_assembly": {"type": "P", "ref_no": "000001"},
}
KIND_NAMES = tuple(ARGUMENTS)


def settings_of(**changes: Any) -> Visma:
    """A connection's settings; the waits are the defaults."""
    plain = Visma("http://visma.test", "http://visma.test/token", "us", Secret("s"), "company")
    return replace(plain, **changes)


def job_of(
    kind: str = "release_kit_assembly", *, sent: float | None = 10.0, arguments: dict[str, Any] | None = None, **changes: Any
) -> Job:
    """A job that was sent so many seconds before NOW and waits; with `sent=None` one that a worker is about to start."""
    given = ARGUMENTS[kind] if arguments is None else arguments
    made = datetime.fromtimestamp(NOW, UTC) - timedelta(seconds=sent or 0.0)
    plain = Job(
        id=new_id(),
        tenant="acme",
        erp="visma",
        kind=kind,
        arguments=given,
        reference=KINDS[kind].reference(given),
        created_at=made,
        due_at=made,
        made_by="test",
        max_attempts=8,
        state=State.RUNNING if sent is None else State.WAITING,
        subject=KINDS[kind].subject(given),
        erp_id=None if sent is None else OPERATION,
        progress={} if sent is None else {"sent_at": NOW - sent, "polls": 0},
    )
    progress = {**plain.progress, **changes.pop("progress", {})}
    return replace(plain, progress=progress, **changes)


def release_of(number: int, **changes: Any) -> Job:
    """A waiting release of one of many documents."""
    return job_of(arguments={"type": "P", "ref_no": f"{number:06}"}, **changes)


@dataclass
class Company(httpx.BaseTransport):
    """Documents, operations and what was asked. `next` holds answers (or errors) for the next calls, whatever they are."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)
    next: deque[httpx.Response | Exception] = field(default_factory=deque)
    writes: deque[httpx.Response | Exception | Callable[[], httpx.Response]] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    page: int = 1000

    def client(self, settings: Visma | None = None) -> VismaClient:
        """A client that calls this company."""
        return VismaClient(settings or settings_of(), ClientPool(transport=self), httpx.Auth(), self.answers.append)

    def document(self, number: int = 1, status: str = "B", *, ago: float = 0.0, **fields: Any) -> dict[str, Any]:
        """A document that was made and changed so many seconds before NOW, by the company's clock."""
        moment = datetime.fromtimestamp(NOW - ago, UTC) + timedelta(minutes=ZONE)
        text = moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
        plain = {
            "type": "P",
            "refNo": f"{number:06}",
            "status": status,
            "itemID": "KIT-0001",
            "quantity": 1.0,
            "description": None,
            "createdDateTime": text,
            "lastModifiedDateTime": text,
        }
        self.documents[f"P/{number:06}"] = plain | fields
        return self.documents[f"P/{number:06}"]

    def operation(self, status: str = "Started", code: int = 0, *, content: object = None, **fields: Any) -> None:
        """The state of the operation that waiting jobs name."""
        plain = {"id": OPERATION, "status": status, "statusCode": code, "hasResponseContent": content is not None, "responseHeaders": None}
        self.operations[OPERATION] = plain | fields
        if content is not None:
            self.contents[OPERATION] = content

    def count(self, start: str) -> int:
        """How many calls began so."""
        return sum(each.startswith(start) for each in self.asked)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one call."""
        path = request.url.raw_path.decode()
        self.asked.append(f"{request.method} {path}")
        if self.next:
            return _given(self.next.popleft())
        if request.method != "GET":
            self.bodies.append(json.loads(request.content) if request.content else None)
            self.headers.append(request.headers)
            return _given(self.writes.popleft()) if self.writes else accepted()
        bare, _, query = path.partition("?")
        if bare == "/v1/kitassembly":
            return self._list({name: values[0] for name, values in parse_qs(query).items()})
        if bare.startswith("/v1/kitassembly/"):
            found = self.documents.get(bare.removeprefix("/v1/kitassembly/"))
            return httpx.Response(200, json=found) if found else httpx.Response(404, json={"message": "It cannot be found."})
        operation, _, part = bare.removeprefix("/v1/background/").partition("/")
        kept: dict[str, Any] = self.contents if part == "content" else self.operations
        return httpx.Response(200, json=kept[operation]) if operation in kept else httpx.Response(404, json={"message": "Unknown."})

    def _list(self, query: dict[str, str]) -> httpx.Response:
        found = [record for key, record in sorted(self.documents.items()) if _passes(record, query)]
        size = min(int(query["pageSize"]), self.page)
        at = (int(query["pageNumber"]) - 1) * size
        records = [{**record, "metadata": {"totalCount": len(found), "maxPageSize": self.page}} for record in found[at : at + size]]
        return httpx.Response(200, json={"pageNumber": 1, "pageSize": size, "totalCount": len(found), "records": records})


def accepted(operation: str = OPERATION) -> httpx.Response:
    """Visma has queued the call."""
    return httpx.Response(202, json={"id": operation, "stateLocation": f"https://elsewhere.test/v1/background/{operation}"})


def refused(status: int = 400, message: str = "No.", **headers: str) -> httpx.Response:
    """Visma says no."""
    return httpx.Response(status, json={"message": message}, headers={name.replace("_", "-"): value for name, value in headers.items()})


def _given(answer: httpx.Response | Exception | Callable[[], httpx.Response]) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, httpx.Response) else answer()


def _passes(record: dict[str, Any], query: dict[str, str]) -> bool:
    for name in ("type", "status", "refNo"):
        if name in query and record[name] != query[name]:
            return False
    for name in ("createdDateTime", "lastModifiedDateTime"):
        if name in query:
            later = record[name] >= query[name]
            if later is not query[f"{name}Condition"].startswith(">"):
                return False
    return True
