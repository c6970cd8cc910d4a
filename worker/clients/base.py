"""One call to an ERP: sent, timed, watched, recorded; its end a reply or one of our errors.

    Caller.call ─▶ httpx.Auth flow ─▶ ClientPool.send ─▶ transport
                    (each send is observed and recorded on its own)

No `httpx.Client` stands between: we use none of what it adds (redirects, cookies, proxies), and it takes four tenths of a call's CPU
time (measured).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from worker.clients import exchanges
from worker.clients.answers import Answer, answer_of, ignore
from worker.clients.codec import read_json
from worker.clients.messages import message_of
from worker.clients.outcomes import error_of
from worker.clients.pool import ClientPool
from worker.errors import BadAnswer, CallError, NotSent, Unclear
from worker.version import VERSION

__all__ = ["Caller", "ClientPool", "Observe", "Reply"]

USER_AGENT: Final = f"kitrelay/{VERSION}"
READS: Final = ("GET", "HEAD")
HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT}
UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
Observe = Callable[[Answer], None]
Flow = Generator[httpx.Request, httpx.Response, None]
Judge = Callable[["Reply", float | None, bool], CallError | None]
"""What an answer means, for an ERP whose bodies say more than its statuses: given the seconds to wait, and whether the call writes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the ERP, read whole. `url` is path and query."""

    method: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 (JSON is whatever it is)
        """The body's value, decimals exact. Raises `BadAnswer` when it is not JSON."""
        try:
            return read_json(self.body)
        except ValueError as error:
            message = f"{self.method} {self.url} answered {self.status} with a body that is not JSON"
            raise BadAnswer(message, status=self.status) from error


class Caller:
    """Calls to one ERP for one tenant, from any thread.

    `observe` is told of every answer, and of every call without one. `hints` adds a sentence of ours to the ERP's message, by status.
    `token` marks a token endpoint; `judge` reads answers in place of the common rules; `clock` gives epoch seconds.
    """

    def __init__(
        self,
        base_url: str,
        pool: ClientPool,
        auth: httpx.Auth | None = None,
        observe: Observe = ignore,
        *,
        hints: Mapping[int, str] | None = None,
        token: bool = False,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._host = urlsplit(base_url).hostname or ""
        self._pool = pool
        self._auth = auth or httpx.Auth()
        self._observe = observe
        self._hints = hints or {}
        self._token = token
        self._judge = judge
        self._clock = clock

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        write: bool | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Reply:
        """Send it, and give the reply if it is a 2xx or a status in `accept`; else raise what says what to do next (`worker.errors`).

        `path` carries the query. `write` says whether the call may change something; everything but GET does, unless said. After
        `NotSent` and `RateLimited` nothing was done; after `Unclear`, and after `BadAnswer` to a write, it may have been.
        """
        own = HEADERS if body is None else {**HEADERS, "Content-Type": "application/json"}
        request = httpx.Request(method, self._base + path, headers={**own, **(headers or {})}, content=body)
        write = method not in READS if write is None else write
        with closing(self._auth.sync_auth_flow(request)) as flow:
            reply, error = self._follow(flow, write=write, accept=accept)
        if error is not None:
            raise error
        return reply

    def _follow(self, flow: Flow, *, write: bool, accept: frozenset[int]) -> tuple[Reply, CallError | None]:
        request = next(flow)
        while True:
            at, started = self._clock(), time.perf_counter()
            response, body = self._send(request, at, started, write=write)
            reply = Reply(request.method, _target(request), response.status_code, response.headers, body)
            error = None if reply.status in accept else self._refusal(reply, at, write=write)
            self._tell(request, at, started, reply, error)
            try:
                request = flow.send(_readable(response, body) if self._auth.requires_response_body else response)
            except StopIteration:
                return reply, error

    def _send(self, request: httpx.Request, at: float, started: float, *, write: bool) -> tuple[httpx.Response, bytes]:
        try:
            return self._pool.send(request)
        except (httpx.TransportError, httpx.DecodingError, BadAnswer) as fault:
            error = self._fault(fault, write=write)
            self._tell(request, at, started, None, error)
            raise error from fault

    def _fault(self, fault: Exception, *, write: bool) -> CallError:
        if isinstance(fault, BadAnswer):
            return fault
        if isinstance(fault, httpx.DecodingError):
            return BadAnswer(f"{self._host} sent what can't be decompressed")
        if isinstance(fault, UNSENT):
            return NotSent(f"no connection to {self._host}: {fault}")
        doubt = Unclear if write else CallError
        if isinstance(fault, httpx.TimeoutException):
            return doubt(f"{self._host} did not answer in time", error_class="timeout")
        return doubt(f"{self._host} broke the connection before its answer ended: {fault}", error_class="timeout")

    def _refusal(self, reply: Reply, at: float, *, write: bool) -> CallError | None:
        if self._judge is None and HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        answer = answer_of(at, 0.0, reply.status, _plain(reply.headers), None, token=self._token)
        wait = answer.retry_after
        if wait is None and reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = answer.resets_in
        if self._judge is not None:
            return self._judge(reply, wait, write)
        message = message_of(reply.body, reply.headers.get("content-type", ""), reply.status)
        hint = self._hints.get(reply.status)
        return error_of(reply.status, f"{message} ({hint})" if hint else message, write=write, retry_after=wait)

    def _tell(self, request: httpx.Request, at: float, started: float, reply: Reply | None, error: CallError | None) -> None:
        ms = (time.perf_counter() - started) * 1000
        error_class = error.error_class if error else None
        if reply is None:
            self._observe(Answer(at=at, status=None, ms=ms, error_class=error_class, token=self._token))
        else:
            self._observe(answer_of(at, ms, reply.status, _plain(reply.headers), error_class, token=self._token))
        if not self._token and not isinstance(error, NotSent):
            exchanges.count_one()
        exchanges.note(
            at=datetime.fromtimestamp(at, UTC),
            method=request.method,
            url=_target(request),
            status=reply.status if reply else None,
            ms=ms,
            request=request.content,
            response=reply.body if reply else None,
            headers=request.headers.raw,
        )


def _readable(response: httpx.Response, body: bytes) -> httpx.Response:
    """The answer for an auth flow that looks into the body, which has been read and decompressed by now."""
    return httpx.Response(response.status_code, content=body)


def _target(request: httpx.Request) -> str:
    return request.url.raw_path.decode("ascii")


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """The headers as a dict in lower case: httpx looks through all of them for each name asked."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.raw}
