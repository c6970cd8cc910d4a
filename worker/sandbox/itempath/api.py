"""ItemPath behind HTTP: tokens, kits, kit lines, materials and the log of calls; one installation for each company."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from worker.sandbox.deliveries import Deliveries
from worker.sandbox.itempath.gate import Gate
from worker.sandbox.itempath.installation import Installation
from worker.sandbox.itempath.keys import key_of
from worker.sandbox.itempath.kits import ItemPathKits
from worker.sandbox.itempath.reads import Reads
from worker.sandbox.itempath.refusals import Refused, no_route
from worker.sandbox.itempath.routes import LOGIN, REFRESH, match
from worker.sandbox.itempath.times import here
from worker.sandbox.itempath.writes import Asked, Writes
from worker.sandbox.wire import Answer, Dropped, Framed, frame, json_answer, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from worker.sandbox.itempath.filters import Pairs
    from worker.sandbox.itempath.routes import Route
    from worker.sandbox.itempath.tokens import Bearer
    from worker.sandbox.settings import CompanySettings
    from worker.sandbox.world import World

_NO_ANSWER: Final = Answer(0)
_HELD_LOOK: Final = 0.02
_REFRESH_VERBS: Final = frozenset({"GET", "POST"})  # the verb is not stated


class ItemPath:
    """The simulated ItemPath."""

    name = "itempath"
    prefixes = ("itempath",)

    def __init__(self, world: World) -> None:
        self._world = world
        self._gate = Gate(world)
        self._deliveries = Deliveries()
        self.installations: dict[str, Installation] = {}
        self.kits = ItemPathKits(world, self.installations, self._deliveries)
        self.unauthorized = 0
        writes, reads = Writes(world), Reads(world)
        self._writes: dict[str, Callable[[Installation, Asked], Answer]] = {
            "create_line": writes.create_line,
            "update_line": writes.update_line,
            "delete_line": writes.delete_line,
            "create_kit": writes.create_kit,
            "create_material": writes.create_material,
        }
        self._lists: dict[str, Callable[[Installation, Pairs], Answer]] = {
            "lines": reads.lines,
            "kits": reads.kits,
            "materials": reads.materials,
            "calls": reads.calls,
        }
        self._shows: dict[str, Callable[[Installation, str], Answer]] = {"line": reads.line, "kit": reads.kit, "material": reads.material}
        self.reset()

    def reset(self) -> None:
        """As at the start: installations without kits, tokens, log and counts."""
        self._deliveries.cancel()
        self.unauthorized = 0
        self.installations.clear()
        self.installations.update((settings.name, Installation(settings, self._world)) for settings in self._world.settings.companies)

    def take(self, companies: tuple[CompanySettings, ...]) -> None:
        """Other settings of the companies from now on."""
        for settings in companies:
            self.installations[settings.name].settings = settings

    def counts(self, *, documents: bool) -> dict[str, Any]:
        """All numbers, by company."""
        companies = {name: found.counts(kits=documents) for name, found in self.installations.items()}
        return {"unauthorized": self.unauthorized, "companies": companies}

    async def close(self) -> None:
        """Give back what is held."""
        await self._deliveries.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        _, company, api, *parts = (*path.strip("/").split("/"), "", "")
        found = self.installations.get(unquote(company))
        if found is None or api != "api":
            return Framed(frame(no_route()))
        body = await request.read() if request.body_exists else b""
        names = tuple(part for part in parts if part)
        try:
            self._gate.up()
            if names in {LOGIN, REFRESH}:
                return Framed(frame(self._token(found, names, request, body)))
            answer = await self._call(found, names, query, body, request)
        except Refused as refusal:
            answer = refusal.answer
        return Framed(frame(answer)) if answer is not _NO_ANSWER else Dropped()

    def _token(self, found: Installation, names: tuple[str, ...], request: web.BaseRequest, body: bytes) -> Answer:
        """Login and refresh."""
        settings, now = self._world.settings, self._world.clock.now()
        life = settings.itempath_token_seconds
        if names == REFRESH and request.method in _REFRESH_VERBS:
            content = found.tokens.refresh(request.headers.get("Authorization"), life, now)
        elif names == LOGIN and request.method == "POST":
            content = found.tokens.login(found.settings, body, (life, settings.itempath_refresh_seconds), now)
        else:
            return no_route(405)
        found.counters.token_calls += 1
        return json_answer(200, content)

    async def _call(self, found: Installation, names: tuple[str, ...], query: str, body: bytes, request: web.BaseRequest) -> Answer:
        """A call that needs a token; counted from here on, also one to a path that there is not, which raises `Refused`."""
        try:
            bearer = found.tokens.find(request.headers.get("Authorization"), found.settings, self._world.clock.now())
        except Refused:
            self.unauthorized += 1
            raise
        counters, writers = found.counters, found.settings.itempath_writers
        try:
            route, about = match(request.method, names, self._world.settings)
        except Refused as refusal:
            counters.enter(writes=False)
            counters.leave(f"{request.method} other", refusal.answer.status, writes=False)
            raise
        counters.enter(writes=route.writes)
        counters.violations["writers"] += bool(route.writes and writers and counters.writing > writers)
        status = 0
        try:
            answer = await self._answer(found, route, about, query, body, bearer)
            if answer is _NO_ANSWER:
                await self._hold(request)
            status = answer.status
        finally:
            counters.leave(route.label, status, writes=route.writes)
        return answer

    async def _answer(self, found: Installation, route: Route, about: str, query: str, body: bytes, bearer: Bearer) -> Answer:
        """The answer to a call, which is logged; and perhaps none."""
        began, faults = here(self._world), self._world.faults
        found.imports.import_due()
        key = key_of(route, about, body, found.power_pick)
        nth = found.ordinal(key)
        endpoint = f"{route.method} {route.template.replace('{id}', about)}" + (f"?{unquote(query)}" if query else "")
        try:
            self._gate.trouble(found, key, nth)
            answer = await self._run(found, route, about, query, Asked(about, body, key, nth))
        except Refused as refusal:
            answer = refusal.answer
        found.log.note(endpoint, body, answer, bearer, began, here(self._world))
        if not faults.active or not route.writes or answer.status >= 400:  # noqa: PLR2004 - a refusal reaches its caller
            return answer
        if faults.hits("itempath-timeout", key, nth):
            return _NO_ANSWER
        return self._gate.broken(key, nth) if faults.hits("itempath-5xx-after", key, nth) else answer

    async def _run(self, found: Installation, route: Route, about: str, query: str, asked: Asked) -> Answer:
        """What the operation itself answers, after its time. Raises `Refused`."""
        settings = self._world.settings
        wait = settings.itempath_write_ms if route.writes else settings.read_ms
        if wait:
            await asyncio.sleep(wait / 1000)
            found.imports.import_due()
        if route.writes:
            return self._writes[route.name](found, asked)
        if route.name in self._shows:
            return self._shows[route.name](found, about)
        return self._lists[route.name](found, _asked(query, asked.body))

    async def _hold(self, request: web.BaseRequest) -> None:
        """Say nothing until the caller gives up, if so set; bounded, and over when the setting is changed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._world.settings.itempath_hold_seconds
        while self._world.settings.itempath_no_answer == "hold" and loop.time() < end:
            if request.transport is None or request.transport.is_closing():
                return
            await asyncio.sleep(_HELD_LOOK)


def _asked(query: str, body: bytes) -> Pairs:
    """The parameters of the query, and those of a body as the samples have it: members are one value or a list of them."""
    asked = parse_qsl(query, keep_blank_values=True)
    try:
        content = parsed(body) if body else {}
    except ValueError:
        return asked
    for name, value in content.items() if isinstance(content, dict) else ():
        values = value if isinstance(value, list) else [value]
        asked.extend((name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values)
    return asked
