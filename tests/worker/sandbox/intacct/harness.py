"""Intacct as its users see it: an API client with a token, and the owner's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.worker.sandbox.harness import PATIENCE, TLS

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPONENTS = "/objects/inventory-control/kit-component"
ITEMS = "/objects/inventory-control/item"
QUERY = "/services/core/query"
COMPONENT = "inventory-control/kit-component"
ITEM = "inventory-control/item"


class Books:
    """One company."""

    def __init__(self, url: str, company: str = "demo", user: str = "relay") -> None:
        self.company, self.user = company, user
        self.http = httpx.Client(base_url=f"{url}/ia/api/v1", timeout=PATIENCE, verify=TLS)
        self.owner = httpx.Client(base_url=f"{url}/_sandbox", timeout=PATIENCE, verify=TLS)

    def __enter__(self) -> Self:
        self.sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.owner.close()

    def form(self, **changes: str) -> dict[str, str]:
        """What asks for a token."""
        name = self.company
        form = {
            "grant_type": "client_credentials",
            "client_id": f"{name}-client",
            "client_secret": f"{name}-secret",
            "username": f"{self.user}@{name}",
        }
        return {key: value for key, value in (form | changes).items() if value != "-"}

    def token(self, **changes: str) -> httpx.Response:
        """Ask for a token; a field `-` is left out."""
        return self.http.post("/oauth2/token", data=self.form(**changes))

    def sign_in(self, **changes: str) -> dict[str, Any]:
        """Use a new token from here on."""
        answer = dict(self.token(**changes).json())
        self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return answer

    def change(self, **changes: Any) -> None:
        """Change settings."""
        answer = self.owner.patch("/settings", json=changes)
        assert answer.status_code == 200, answer.text

    def put(self, code: str, lines: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
        """A kit as a person saves it."""
        answer = self.owner.put(f"/kits/intacct/{self.company}/{code}", json={"lines": list(lines), **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def kit(self, code: str) -> dict[str, Any]:
        """A kit as a person sees it."""
        return dict(self.owner.get(f"/kits/intacct/{self.company}/{code}").json())

    def lines(self, code: str) -> list[tuple[str, str, int]]:
        """Its lines: component, quantity, number."""
        return [(line["component"], line["quantity"], line["number"]) for line in self.kit(code)["lines"]]

    def items(self, *codes: str, **facts: Any) -> dict[str, str]:
        """Items with these facts, made if they are missing; their keys by id."""
        self.put("ALL", [{"component": code, "quantity": "1", **facts} for code in codes])
        return self.keys(*codes)

    def keys(self, *codes: str) -> dict[str, str]:
        """The keys of items by id."""
        rows = self.rows(object=ITEM, fields=["key", "id"], filters=[{"$in": {"id": list(codes)}}])
        return {row["id"]: row["key"] for row in rows}

    def create(self, kit: str, component: str, units: float = 1, *, key: str = "", **more: Any) -> httpx.Response:
        """A new component, by ids; `key` is an idempotency key."""
        body = {"kit": {"id": kit}, "component": {"id": component}, "numberOfUnits": units, **more}
        return self.http.post(COMPONENTS, json=body, headers={"Idempotency-Key": key} if key else {})

    def made(self, kit: str, component: str, units: float = 1, **more: Any) -> str:
        """The key of a new component."""
        answer = self.create(kit, component, units, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ia::result"]["key"])

    def record(self, key: str) -> dict[str, Any]:
        """A component."""
        return dict(self.http.get(f"{COMPONENTS}/{key}").json()["ia::result"])

    def query(self, **query: Any) -> httpx.Response:
        """A query."""
        return self.http.post(QUERY, json={"object": COMPONENT, "fields": ["key"], **query})

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        """The rows of one that is answered."""
        answer = self.query(**query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["ia::result"])

    def counts(self, *, kits: bool = False) -> dict[str, Any]:
        """The company's numbers."""
        answer = self.owner.get("/counts", params={"documents": "1"} if kits else {})
        return dict(answer.json()["intacct"]["companies"][self.company])


def fault(answer: httpx.Response) -> tuple[int, str]:
    """Status and most telling code of an error, however it is nested."""
    content = answer.json()
    result = content.get("ia::result")
    inner = result[0] if isinstance(result, list) else result or content
    error = inner.get("ia::error") or content.get("error")
    details = error.get("details")
    return answer.status_code, (details[0].get("errorId") or details[0]["code"]) if isinstance(details, list) else error.get(
        "errorId"
    ) or error["code"]
