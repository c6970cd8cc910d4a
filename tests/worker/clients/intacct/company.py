"""A company in Intacct that answers from memory, over the scripted ERP: items, kit components, queries, batches, idempotency."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.worker.clients.erp import Said
from tests.worker.clients.intacct.samples import PATH
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.tokens import IntacctTokens
from worker.settings import Intacct, Secret

if TYPE_CHECKING:
    from tests.worker.clients.erp import Asked, Erp
    from worker.clients.base import ClientPool

NAMES = {"numberOfUnits": 1, "revenuePercentage": None, "defaultDeliveryStatus": "delivered", "defaultDeferralStatus": None}


@dataclass
class Company:
    """`writes` holds answers for the next writes in place of the real ones; `after` such that come after the write was done.

    `reads` likewise for queries and GETs. `made` are the writes as they took effect.
    """

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: deque[Said] = field(default_factory=deque)
    after: deque[Said] = field(default_factory=deque)
    reads: deque[Said] = field(default_factory=deque)
    stored: dict[str, tuple[bytes, Said]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    page: int = 4000
    moving: int = 0
    deaf: tuple[str, ...] = ()

    def item(self, code: str, kind: str = "inventory", **fields: Any) -> str:
        """An item; its key is given back."""
        key = str(100 + len(self.items))
        posting = "componentLevel" if kind in ("kit", "stockableKit") else None
        plain = {"key": key, "id": code, "name": code, "status": "active", "itemType": kind, "unitOfMeasure": "Each", "standardCost": "2.5"}
        self.items[key] = {**plain, "enableFulfillment": False, "kitRevenuePosting": posting, **fields}
        return key

    def line(self, kit: str, component: str, units: float = 1, **fields: Any) -> str:
        """A line of a kit, both by code; its key is given back."""
        body = {"kit": {"key": self.key(kit)}, "component": {"key": self.key(component)}, "numberOfUnits": units, **fields}
        return str(self._create(body)["key"])

    def key(self, code: str) -> str:
        """An item's key."""
        return next(key for key, item in self.items.items() if item["id"] == code)

    def shown(self, kit: str) -> list[tuple[Any, ...]]:
        """A kit's lines in their order: number, component, quantity."""
        found = [one for one in self.components.values() if one["kit"] == self.key(kit)]
        return sorted((one["lineNumber"], self.items[one["component"]]["id"], one["numberOfUnits"]) for one in found)

    def calls(self) -> list[str]:
        """Method and what is behind `objects` or `services` of each call, the token's left out."""
        paths = [
            (one.method, one.path.rsplit("/inventory-control/", maxsplit=1)[-1].rsplit("/core/", maxsplit=1)[-1]) for one in self.asked
        ]
        return [f"{method} {path}" for method, path in paths]

    def client(self, erp: Erp, pool: ClientPool, **changes: Any) -> tuple[IntacctClient, Intacct]:
        """A client of this company, and its settings."""
        settings = replace(Intacct(f"{erp.url}/ia/api/v1", "us", Secret("s3cr3t"), "k@acme"), **changes)
        erp.else_ = self.answer
        return IntacctClient(settings, pool, IntacctTokens(pool).auth(settings)), settings

    def answer(self, asked: Asked) -> Said:
        """One call."""
        if asked.path.endswith("/oauth2/token"):
            return Said(200, {"access_token": "t", "expires_in": 3600})
        self.asked.append(asked)
        if asked.path.endswith("/query"):
            return self.reads.popleft() if self.reads else self._query(json.loads(asked.body))
        if asked.method == "GET":
            return self.reads.popleft() if self.reads else self._get(asked.path.removeprefix(f"{PATH}/"))
        return self._write(asked)

    def _write(self, asked: Asked) -> Said:
        key = asked.headers.get("idempotency-key")
        if key in self.stored:
            body, said = self.stored[key]
            if body != asked.body:
                return Said(409, {"ia::error": {"code": "invalidRequest", "message": "The idempotency key was used for another request"}})
            return replace(said, headers={"x-ia-idempotency-cached-date": "2026-11-03T10:00:00Z"})
        unread = self.writes and (self.writes[0].drop or self.writes[0].status in (401, 429))
        said = self.writes.popleft() if self.writes else self._done(asked)
        if key and not unread:
            self.stored[key] = (asked.body, said)
        return self.after.popleft() if self.after and not unread else said

    def _done(self, asked: Asked) -> Said:
        keys = [unquote(each) for each in asked.path.removeprefix(PATH).removeprefix("/").split(",") if each]
        if asked.method == "DELETE":
            return self._many([{"key": key} for key in keys], self._delete, 204, alone=len(keys) == 1)
        body = json.loads(asked.body)
        if asked.method == "PATCH":
            return self._many(
                body if isinstance(body, list) else [{**body, "key": keys[0]}], self._patch, 200, alone=not isinstance(body, list)
            )
        return self._many(body if isinstance(body, list) else [body], self._create, 201, alone=not isinstance(body, list))

    def _many(self, bodies: list[dict[str, Any]], do: Any, status: int, *, alone: bool) -> Said:
        rows = [do(body) for body in bodies]
        failed = [row for row in rows if "ia::error" in row]
        if alone:
            return Said(rows[0]["ia::status"], rows[0]) if failed else Said(status, {"ia::result": rows[0]} if status != 204 else None)
        if not failed:
            return Said(status, {"ia::result": rows} if status != 204 else None)
        return Said(207, {"ia::result": [{"ia::status": status, **({} if status == 204 else row), **row} for row in rows]})

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        kit, component = body["kit"]["key"], body["component"]["key"]
        if component not in self.items or body["numberOfUnits"] <= 0:
            return {"ia::status": 422, "ia::error": {"code": "operationFailed", "message": "No such component", "errorId": "INV-1"}}
        key = str(1 + len(self.components) + 10 * len(self.made) + 1000)
        number = body.get("lineNumber") or 1 + max((one["lineNumber"] for one in self.components.values() if one["kit"] == kit), default=0)
        self._push(kit, number)
        told = {name: body.get(name, value) for name, value in NAMES.items() if name not in self.deaf}
        self.components[key] = {**NAMES, **told, "key": key, "kit": kit, "component": component, "lineNumber": number}
        self.made.append(f"create {self.items[component]['id']}")
        return {"key": key, "id": key}

    def _patch(self, body: dict[str, Any]) -> dict[str, Any]:
        one = self.components.get(body["key"])
        if one is None:
            return self._missing()
        if "lineNumber" in body and body["lineNumber"] != one["lineNumber"]:
            self._push(one["kit"], body["lineNumber"])
        one.update({name: value for name, value in body.items() if name != "key" and name not in self.deaf})
        self.made.append(f"update {self.items[one['component']]['id']}")
        return {"key": body["key"], "id": body["key"]}

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        one = self.components.pop(body["key"], None)
        if one is None:
            return self._missing()
        self.made.append(f"delete {self.items[one['component']]['id']}")
        return {}

    def _push(self, kit: str, number: int) -> None:
        """A number that is taken pushes the others."""
        later = sorted(
            (one for one in self.components.values() if one["kit"] == kit and one["lineNumber"] >= number),
            key=lambda one: one["lineNumber"],
        )
        if later and later[0]["lineNumber"] == number:
            for one in later:
                one["lineNumber"] += 1

    def _missing(self) -> dict[str, Any]:
        return {"ia::status": 404, "ia::error": {"code": "notFound", "message": "No such record", "supportId": "S"}}

    def _get(self, key: str) -> Said:
        if key not in self.components:
            return Said(404, {"ia::error": {"code": "notFound", "message": "No such record"}})
        nested: dict[str, Any] = {}
        for name, value in self._row(self.components[key]).items():
            head, _, tail = name.partition(".")
            if tail:
                nested.setdefault(head, {})[tail] = value
            else:
                nested[head] = value
        return Said(200, {"ia::result": nested})

    def _row(self, one: dict[str, Any]) -> dict[str, Any]:
        kit, component = self.items[one["kit"]], self.items[one["component"]]
        own = {name: value for name, value in one.items() if name not in ("kit", "component")}
        return {
            **own,
            **{f"kit.{name}": value for name, value in kit.items()},
            **{f"component.{name}": value for name, value in component.items()},
        }

    def _query(self, query: dict[str, Any]) -> Said:
        if query["object"].endswith("/item"):
            rows = [dict(item) for item in self.items.values()]
        else:
            rows = [self._row(one) for one in self.components.values()]
        fold = query.get("filterParameters", {}).get("caseSensitiveComparison") is False
        join = any if query.get("filterExpression") == "or" else all
        found = [row for row in rows if join(_holds(row, each, fold=fold) for each in query.get("filters", []))]
        for order in reversed(query.get("orderBy", [])):
            ((name, direction),) = order.items()
            found.sort(key=lambda row: row[name], reverse=direction == "desc")
        size, start = min(query["size"], self.page), query["start"]
        total = len(found)
        if start > 1 and self.moving:
            self.moving -= 1
            total -= 1
        shown = [{name: row.get(name) for name in query["fields"]} for row in found[start - 1 : start - 1 + size]]
        following = start + size if start - 1 + size < len(found) else None
        return Said(200, {"ia::result": shown, "ia::meta": {"totalCount": total, "start": start, "pageSize": size, "next": following}})


def _holds(row: dict[str, Any], condition: dict[str, Any], *, fold: bool) -> bool:
    ((operator, inner),) = condition.items()
    ((name, wanted),) = inner.items()
    values = wanted if operator == "$in" else [wanted]
    return str(row[name]).casefold() in [str(each).casefold() for each in values] if fold else row[name] in values
