"""The sandbox's own routes, `/_sandbox/…`: counts, reset, settings, documents and kits.

No proof is asked, so they answer on loopback only.
"""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from worker.sandbox.faults import FAULTS, check_rates
from worker.sandbox.kit_control import kit_answer, load_kits
from worker.sandbox.settings import LIVE, SandboxSettings, checked
from worker.sandbox.visma.control import change_companies, document_counts, drop_document, make_documents
from worker.sandbox.wire import Answer, json_answer, message, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from worker.sandbox.erps import Erp
    from worker.sandbox.kits import KitStore
    from worker.sandbox.visma.api import Visma
    from worker.sandbox.world import World

NO_CONTENT: Final = Answer(204)
_DOCUMENT_PARTS: Final = 4  # documents, company, type, number
_KIT_PARTS: Final = frozenset({3, 4})  # kits, ERP, company, and perhaps a code
_DOWN_FIRST: Final = "visma"
"""Which ERP `down` means when it names none."""


class Control:
    """Answers the sandbox's own routes."""

    def __init__(self, world: World, visma: Visma, erps: tuple[Erp, ...], first: SandboxSettings) -> None:
        self._world = world
        self._visma = visma
        self._erps = erps
        self._first = first
        self._routes: dict[tuple[str, str], Callable[[Any, dict[str, str]], Answer]] = {
            ("GET", "counts"): self._counts,
            ("POST", "reset"): self._reset,
            ("GET", "settings"): self._settings,
            ("PATCH", "settings"): self._change,
            ("GET", "faults"): self._faults,
            ("POST", "documents"): lambda content, _query: make_documents(self._visma, self._world, content),
            ("POST", "kits"): lambda content, _query: load_kits(self._stores(), self._world.settings.seed, content),
        }

    async def handle(self, request: web.BaseRequest) -> Answer:
        """Answer one request of the sandbox's owner."""
        if not is_loopback(request.remote):
            return message(403, "Only from this machine.")
        path, _, query = request.raw_path.partition("?")
        parts = path.strip("/").split("/")[1:]
        body = await request.read()
        try:
            content = parsed(body) if body else {}
            if not isinstance(content, dict):
                return message(422, "An object is expected.")
            return self._route(request.method, parts, content, dict(parse_qsl(query)))
        except ValueError as fault:
            return message(422, str(fault))

    def _route(self, method: str, parts: list[str], content: dict[str, Any], query: dict[str, str]) -> Answer:
        """The answer of the route that these parts name."""
        if len(parts) == _DOCUMENT_PARTS and parts[0] == "documents" and method in {"GET", "DELETE"}:
            answer = document_counts if method == "GET" else drop_document
            return answer(self._visma, parts[1], f"{parts[2]}/{parts[3]}")
        if len(parts) in _KIT_PARTS and parts[0] == "kits":
            return kit_answer(self._stores(), method, parts[1:], content)
        route = self._routes.get((method, "/".join(parts)))
        return route(content, query) if route is not None else message(404, "There is no such route.")

    def _counts(self, _content: object, query: dict[str, str]) -> Answer:
        documents = query.get("documents") in {"1", "true"}
        counts: dict[str, Any] = {erp.name: erp.counts(documents=documents) for erp in self._erps}
        return json_answer(200, {**counts, "faults": self._world.faults.counts})

    def _stores(self) -> dict[str, KitStore]:
        """The kits of every ERP."""
        return {erp.name: erp.kits for erp in self._erps}

    def _reset(self, content: dict[str, Any], _query: object) -> Answer:
        """Everything as at the start; settings that were changed since stay with `{"keep_settings": true}`."""
        self._world.renew(self._world.settings if content.get("keep_settings") is True else self._first)
        for erp in self._erps:
            erp.reset()
        return NO_CONTENT

    def _faults(self, _content: object, _query: object) -> Answer:
        rates = self._world.faults.rates
        table = [{**asdict(fault), "rate": rates.get(name, 0.0), "default_rate": fault.rate} for name, fault in FAULTS.items()]
        return json_answer(200, table)

    def _settings(self, _content: object, _query: object) -> Answer:
        settings = self._world.settings
        shown = {name: getattr(settings, name) for name in sorted(LIVE)}
        return json_answer(200, {**shown, "faults": dict(settings.faults), "companies": [company.name for company in settings.companies]})

    def _change(self, content: dict[str, Any], query: object) -> Answer:
        """Other settings from now on; nothing changes if one of them is wrong. `faults` are added to those there are; 0 ends one.

        `down`: true, false, or for so many seconds: Visma, or those ERPs that an object names.
        `advance`: the sandbox's clock goes forward by so many seconds.
        """
        changes = dict(content)
        faults, companies = changes.pop("faults", {}), changes.pop("companies", {})
        if not isinstance(faults, dict) or not isinstance(companies, dict) or not all(isinstance(one, dict) for one in companies.values()):
            raise ValueError("faults and companies: objects are expected")
        down = changes.pop("down", None)
        advance = changes.pop("advance", 0.0)
        changed = checked(SandboxSettings, changes, LIVE)
        changed["faults"] = {**self._world.settings.faults, **check_rates(faults)}
        changed["companies"] = change_companies(self._world.settings.companies, companies)
        if not isinstance(advance, int | float) or advance < 0:
            raise ValueError("advance: seconds are expected")
        if down is not None:
            self._world.down_until |= self._downs(down)
        self._world.change(changed)
        self._world.clock.ahead += advance
        for erp in self._erps:
            erp.take(self._world.settings.companies)
        return self._settings(content, query)

    def _downs(self, down: object) -> dict[str, float]:
        """When which ERP is up again."""
        by_name = down if isinstance(down, dict) else {_DOWN_FIRST: down}
        unknown = set(by_name) - {erp.name for erp in self._erps}
        if unknown:
            raise ValueError(f"down: unknown ERP: {', '.join(sorted(unknown))}")
        return {name: _down_until(value, self._world.clock.now()) for name, value in by_name.items()}


def _down_until(down: object, now: float) -> float:
    """When the ERP is up again."""
    if isinstance(down, bool):
        return float("inf") if down else 0.0
    if isinstance(down, int | float):
        return now + down
    raise ValueError("down: true, false or seconds are expected")


def is_loopback(remote: str | None) -> bool:
    """Whether a peer's address is this machine's."""
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False
