"""The ERP behind HTTP: tokens, the six operations on kit assemblies, kit specifications, and the background calls."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.deliveries import Deliveries
from worker.sandbox.visma.background import Background
from worker.sandbox.visma.calls import Call
from worker.sandbox.visma.company import Company
from worker.sandbox.visma.execution import Execution
from worker.sandbox.visma.gate import UNAUTHORIZED, Gate
from worker.sandbox.visma.items import make_items
from worker.sandbox.visma.notifications import Notifications
from worker.sandbox.visma.operations import content_answer, find, state_answer, state_location
from worker.sandbox.visma.refusals import Refused
from worker.sandbox.visma.routes import CONTENT, LABELS, STATE, NoRoute, match
from worker.sandbox.visma.specification_store import SpecificationStore
from worker.sandbox.visma.targets import HEADER, read_target
from worker.sandbox.visma.tokens import Tokens
from worker.sandbox.wire import Answer, Dropped, Framed, frame, json_answer, message

if TYPE_CHECKING:
    from aiohttp import web

    from worker.sandbox.kits import KitStore
    from worker.sandbox.settings import CompanySettings
    from worker.sandbox.visma.targets import Target
    from worker.sandbox.visma.tokens import Token
    from worker.sandbox.world import World

TOKEN_PATH: Final = "/connect/token"  # noqa: S105 - a path
_NO_ANSWER: Final = Answer(0)


class Visma:
    """The simulated Visma Net ERP."""

    name = "visma"
    prefixes = ("connect", "v1")

    def __init__(self, world: World) -> None:
        self._world = world
        self.items = make_items(world.settings.items)
        self.deliveries = Deliveries()
        self.tokens = Tokens()
        self._gate = Gate(world)
        self._execution = Execution(world)
        self._notifications = Notifications(world, self.deliveries)
        self.background = Background(world, self._execution, self._notifications)
        self.companies: dict[str, Company] = {}
        self.kits: KitStore = SpecificationStore(self.companies, world.clock)
        self.unauthorized = 0
        self.reset()

    def reset(self) -> None:
        """As at the start: every company with its first documents, no operation, no token, no count."""
        self.deliveries.cancel()
        self._notifications.clear()
        self.background.clear()
        self.tokens.clear()
        self.unauthorized = 0
        self.companies.clear()
        self.companies.update({settings.name: Company(settings, self.items) for settings in self._world.settings.companies})
        for company in self.companies.values():
            company.fill(self._world.settings.documents, self._world.clock.now())

    async def close(self) -> None:
        """Give back what is held."""
        await self.deliveries.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        if path == TOKEN_PATH:
            return Framed(frame(await self._token(request)))
        now = self._world.clock.now()
        try:
            route, about = match(request.method, path)
        except NoRoute as missing:
            return Framed(frame(message(missing.status, "No HTTP resource was found that matches the request URI.")))
        token = self.tokens.find(request.headers.get("Authorization"), now)
        if token is None:
            self.unauthorized += 1
            return Framed(frame(UNAUTHORIZED))
        company = token.company
        counters = company.counters
        counters.enter(company.settings.slots)
        status = 0
        try:
            body = await request.read() if request.body_exists else b""
            call = Call(route, about, path, query, body)
            answer = await self._answer(company, token, call, request)
            status = answer.status
        finally:
            counters.leave(LABELS[route], status)
        if answer is _NO_ANSWER:
            return Dropped()
        return Framed(frame(answer, company.window.head(self._world.clock.now())))

    async def _token(self, request: web.BaseRequest) -> Answer:
        """The token endpoint."""
        if request.method != "POST":
            return json_answer(405, {"error": "invalid_request"})
        body = (await request.read()).decode(errors="replace")
        authorization = request.headers.get("Authorization")
        lifetime = self._world.settings.token_seconds
        return self.tokens.issue(body, authorization, self.companies.values(), lifetime, self._world.clock.now())

    async def _answer(self, company: Company, token: Token, call: Call, request: web.BaseRequest) -> Answer:
        """The answer to a call with a token, remembered if it failed."""
        settings, now = self._world.settings, self._world.clock.now()
        try:
            self._gate.admit(company, token, call)
            same = hash((request.method, request.raw_path, call.body)) if len(company.repeats) else 0
            if same and company.repeats.seen(same, now, settings.repeat_window, company.counters) and settings.refuse_repeats:
                return message(429, "Same request made too many times", b"Retry-After: %d\r\n" % settings.repeat_window)
            key, nth = "", 0
            if self._world.faults.active:
                key = call.key()
                nth = company.ordinal(key)
                await self._gate.trouble(company, token, key, nth)
            header = request.headers.get(HEADER)
            if header:
                answer = await self._in_background(company, call, read_target(header), key, nth)
            else:
                answer = await self._at_once(company, call, key, nth)
        except Refused as refusal:
            answer = refusal.answer
        if answer.status >= HTTPStatus.BAD_REQUEST:
            company.repeats.note(hash((request.method, request.raw_path, call.body)), answer.status, now, settings.repeat_window)
        return answer

    async def _in_background(self, company: Company, call: Call, target: Target, key: str, nth: int) -> Answer:
        """202 with the operation's id and where its state stands, and perhaps not even that."""
        faults = self._world.faults
        operation = self.background.accept(company, call, target, nth)
        early = faults.active and faults.hits("early", key, nth)
        if early:
            self.background.finish(operation)
            await self._notifications.tell_at_once(operation)
        accept_ms = self._world.settings.accept_ms
        if accept_ms:
            await asyncio.sleep(accept_ms / 1000)
        if not early:
            self.background.start(operation)
        if faults.active and faults.hits("lost-202", key, nth):
            return _NO_ANSWER
        if faults.active and call.route.writes and faults.hits("5xx-after", key, nth):
            return self._gate.broken(key, nth)
        location = state_location(self._world.base, operation.operation_id)
        return json_answer(202, {"id": operation.operation_id, "stateLocation": location})

    async def _at_once(self, company: Company, call: Call, key: str, nth: int) -> Answer:
        """A call without the background header."""
        settings, faults = self._world.settings, self._world.faults
        if not call.route.writes:
            if settings.read_ms:
                await asyncio.sleep(settings.read_ms / 1000)
            return self._read(company, call)
        tally = company.counters.tally(call.document) if call.document else None
        if tally is not None:
            tally.begin()
        try:
            await asyncio.sleep(settings.finish_ms / 1000)
            answer = self._execution.run(company, call)
        finally:
            if tally is not None:
                tally.open -= 1
        return self._gate.broken(key, nth) if faults.active and faults.hits("5xx-after", key, nth) else answer

    def _read(self, company: Company, call: Call) -> Answer:
        """Documents, or the state and content of an operation."""
        if call.route is not STATE and call.route is not CONTENT:
            return self._execution.run(company, call)
        operation = find(company, self.background.operations, call.about)
        answer = state_answer if call.route is STATE else content_answer
        return answer(operation, self._world)

    def take(self, companies: tuple[CompanySettings, ...]) -> None:
        """Other settings of the companies from now on."""
        now = self._world.clock.now()
        for settings in companies:
            company = self.companies[settings.name]
            company.settings = settings
            company.window.change(settings.calls_per_hour, settings.window, now)

    def counts(self, *, documents: bool) -> dict[str, Any]:
        """All numbers, by company."""
        return {
            "unauthorized": self.unauthorized,
            "companies": {name: company.counts(documents=documents) for name, company in self.companies.items()},
        }
