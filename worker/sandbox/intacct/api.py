"""Sage Intacct behind HTTP: tokens, kit components, items, queries and the model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.deliveries import Deliveries
from worker.sandbox.intacct.calls import Call
from worker.sandbox.intacct.company import Company
from worker.sandbox.intacct.gate import ENTITY, TRANSACTION, Gate, limits
from worker.sandbox.intacct.idempotency import HEADER, fingerprint
from worker.sandbox.intacct.operations import Operations
from worker.sandbox.intacct.refusals import NESTINGS, Refused, answer_of, gateway
from worker.sandbox.intacct.routes import BASE, OAUTH, match
from worker.sandbox.intacct.store import Store
from worker.sandbox.intacct.tokens import Tokens, read_form
from worker.sandbox.intacct.triggers import Triggers
from worker.sandbox.wire import Answer, Dropped, Framed, frame

if TYPE_CHECKING:
    from aiohttp import web

    from worker.sandbox.intacct.routes import Route
    from worker.sandbox.intacct.tokens import Grant
    from worker.sandbox.kits import KitStore
    from worker.sandbox.settings import CompanySettings
    from worker.sandbox.world import World

_NO_ANSWER: Final = Answer(0)
_BAD: Final = 400


class Intacct:
    """The simulated Sage Intacct."""

    name = "intacct"
    prefixes = (BASE.strip("/").partition("/")[0],)

    def __init__(self, world: World) -> None:
        self._world = world
        self.companies: dict[str, Company] = {}
        self._deliveries = Deliveries()
        triggers = Triggers(world, self._deliveries)
        self._tokens = Tokens(world)
        self._gate = Gate(world, self._tokens)
        self._operations = Operations(world, triggers)
        self.kits: KitStore = Store(world, self.companies, triggers)
        self._unauthorized = 0
        self.reset()

    def reset(self) -> None:
        """As at the start: companies without items, no token, no stored answer, no count."""
        self._deliveries.cancel()
        self._tokens.clear()
        self._gate.clear()
        self._unauthorized = 0
        self.companies.clear()
        self.companies.update({settings.name: Company(settings) for settings in self._world.settings.companies})

    def take(self, companies: tuple[CompanySettings, ...]) -> None:
        """Other settings of the companies from now on."""
        for settings in companies:
            self.companies[settings.name].take(settings)

    def counts(self, *, documents: bool) -> dict[str, Any]:
        """All numbers, by company."""
        return {
            "unauthorized": self._unauthorized,
            "companies": {name: company.as_json(kits=documents) for name, company in self.companies.items()},
        }

    async def close(self) -> None:
        """Give back what is held."""
        await self._deliveries.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        body = await request.read() if request.body_exists else b""
        if path.startswith(OAUTH):
            return Framed(frame(self._oauth(request, path, body)))
        try:
            route, keys = match(request.method, path)
            self._gate.down()
            grant = self._gate.authorize(request.headers.get("Authorization", ""))
        except Refused as refusal:
            self._unauthorized += refusal.status == 401  # noqa: PLR2004 - not let in
            return Framed(frame(answer_of(refusal, "top")))
        call = Call(
            route,
            keys,
            path,
            query,
            body,
            grant.user,
            request.headers.get(ENTITY, "") or grant.entity,
            request.headers.get(TRANSACTION, "").lower() == "true",
        )
        return await self._counted(grant, call, request.headers.get(HEADER, "") if route.keyed else "")

    def _oauth(self, request: web.BaseRequest, path: str, body: bytes) -> Answer:
        """The token endpoints; their errors are nested in their own way (seen)."""
        answers = {"token": self._tokens.issue, "revoke": self._tokens.revoke}
        try:
            self._gate.down()
            answer = answers.get(path.removeprefix(OAUTH))
            if answer is None or request.method != "POST":
                raise gateway(404, "0033", "Invalid Token Endpoint")
            return answer(read_form(body, request.headers.get("Content-Type", "")), self.companies)
        except Refused as refusal:
            return answer_of(refusal, "error")

    async def _counted(self, grant: Grant, call: Call, key: str) -> web.StreamResponse:
        """The answer to a call with a token."""
        company, status = grant.company, 0
        company.counts.enter(writes=call.route.writes)
        try:
            answer = await self._answer(grant, call, key)
            status = answer.status
            head = limits(company)
        finally:
            company.counts.leave(call.route.label, status, writes=call.route.writes)
        return Dropped() if answer is _NO_ANSWER else Framed(frame(answer, head))

    async def _answer(self, grant: Grant, call: Call, key: str) -> Answer:
        """The same, with what strikes before and after it. Nothing of that is stored under an idempotency key (inferred)."""
        company, faults = grant.company, self._world.faults
        subject = call.subject() if faults.active else ""
        nth = company.ordinal(subject) if faults.active else 0
        try:
            self._gate.admit(company, call)
            if faults.active:
                self._gate.trouble(grant, subject, nth)
            answer = await (self._keyed(company, call, key, nth) if key else self._run(company, call, nth))
            if faults.active and call.route.writes and faults.hits("intacct-5xx-after", subject, nth):
                raise self._gate.broken(subject, nth)
        except Refused as refusal:
            return self._refusal(call.route, refusal, subject, nth)
        if faults.active and call.route.writes and faults.hits("intacct-timeout", subject, nth):
            return _NO_ANSWER
        return answer

    async def _keyed(self, company: Company, call: Call, key: str, nth: int) -> Answer:
        """A write under an idempotency key: once, and then its stored answer."""
        stored = company.idempotency.begin(key, fingerprint(call.route.method, call.path, call.body), self._world.clock.now())
        if stored is not None:
            company.counts.replays += 1
            return stored
        try:
            answer = await self._run(company, call, nth)
        except BaseException:
            company.idempotency.drop(key)
            raise
        answer = answer._replace(head=answer.head + f"{HEADER}: {key}\r\n".encode("latin-1", "replace"))
        company.idempotency.end(key, answer, self._world.clock.now())
        return answer

    async def _run(self, company: Company, call: Call, nth: int) -> Answer:
        """What the operation answers, after its time; a refusal by it is an answer, too."""
        await asyncio.sleep(self._world.settings.intacct_ms / 1000)
        try:
            return self._operations.run(company, call, nth)
        except Refused as refusal:
            return self._refusal(call.route, refusal, call.subject(), nth)

    def _refusal(self, route: Route, refusal: Refused, subject: str, nth: int) -> Answer:
        """A refusal as it is nested on this route, or by fault in another way."""
        nesting, faults = route.nesting if refusal.status == _BAD else "top", self._world.faults
        if faults.active and faults.hits("intacct-nesting", subject, nth):
            others = [name for name in NESTINGS if name != nesting]
            nesting = others[int(faults.part("nesting", subject, nth) * len(others))]
        return answer_of(refusal, nesting)
