"""A client of one simulated ItemPath installation, with a token; and the sandbox's owner beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import httpx

from tests.worker.sandbox.harness import PATIENCE, TLS

if TYPE_CHECKING:
    from collections.abc import Sequence

IMPORT_MS: Final = 60_000
"""Longer than any test, so that nothing is imported before the clock is moved."""


class House:
    """One installation as its users see it."""

    def __init__(self, url: str, company: str = "demo") -> None:
        self.company = company
        self.http = httpx.Client(base_url=f"{url}/itempath/{company}/api", timeout=PATIENCE, verify=TLS)
        self.owner = httpx.Client(base_url=f"{url}/_sandbox", timeout=PATIENCE, verify=TLS)

    def __enter__(self) -> Self:
        self.use(self.login().json()["accessToken"])
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.owner.close()

    def login(self, **changes: str) -> httpx.Response:
        """Log in, with another name or password if so wished."""
        form = {"username": f"{self.company}-user", "password": f"{self.company}-password"}
        return self.http.post("/users/login", json=form | changes)

    def use(self, token: str) -> None:
        """Use a token from here on."""
        self.http.headers["Authorization"] = f"Bearer {token}"

    def change(self, **changes: Any) -> None:
        """Change settings."""
        answer = self.owner.patch("/settings", json=changes)
        assert answer.status_code == 200, answer.text

    def imported(self) -> None:
        """Let the time of an import go by."""
        self.change(advance=IMPORT_MS / 1000 + 1)

    def put(self, code: str, *lines: tuple[str, float, int], **more: Any) -> None:
        """A kit as a person saves it: component, quantity, number."""
        content = [{"component": component, "quantity": quantity, "number": number} for component, quantity, number in lines]
        answer = self.owner.put(self._kit(code), json={"lines": content, **more})
        assert answer.status_code == 200, answer.text

    def stored(self, code: str) -> list[tuple[str, str, int]]:
        """The kit's lines as they are stored: component, quantity, number."""
        lines = self.owner.get(self._kit(code)).json()["lines"]
        return [(line["component"], line["quantity"], line["number"]) for line in lines]

    def _kit(self, code: str) -> str:
        return f"/kits/itempath/{self.company}/{quote(code, safe='')}"

    def kit_id(self, code: str) -> str:
        """A kit's id."""
        return str(self.owner.get(self._kit(code)).json()["id"])

    def line_id(self, code: str, component: str) -> str:
        """The id of the first line of a component."""
        lines = self.owner.get(self._kit(code)).json()["lines"]
        return str(next(line["id"] for line in lines if line["component"] == component))

    def material_id(self, name: str) -> str:
        """A material's id."""
        return str(self.http.get("/materials", params={"name": name}).json()["materials"][0]["id"])

    def lines(self, *asked: tuple[str, str]) -> list[dict[str, Any]]:
        """A list of kit lines."""
        answer = self.http.get("/kit_lines", params=list(asked))
        assert answer.status_code == 200, answer.text
        return list(answer.json()["kit_lines"])

    def numbers(self, *asked: tuple[str, str]) -> list[int]:
        """The line numbers of such a list, sorted."""
        return sorted(line["number"] for line in self.lines(*asked))

    def create(self, kit: str, material: str, **more: Any) -> httpx.Response:
        """A new line of a kit, by names."""
        return self.http.post("/kit_lines", json={"kitId": self.kit_id(kit), "materialId": self.material_id(material), **more})

    def counts(self, *, kits: bool = False) -> dict[str, Any]:
        """The installation's numbers."""
        answer = self.owner.get("/counts", params={"documents": "1"} if kits else {})
        return dict(answer.json()["itempath"]["companies"][self.company])

    def effects(self) -> dict[str, int]:
        """What took effect."""
        return dict(self.counts()["effects"])

    def logged(self, *asked: tuple[str, str]) -> Sequence[dict[str, Any]]:
        """The log of calls."""
        return list(self.http.get("/calls", params=list(asked)).json()["calls"])
