"""The Flask app: its parts put together, and its routes."""

from __future__ import annotations

import traceback
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from webhooks import intacct, itempath, triggers, visma
from webhooks.answers import Answer, Streaming, problem_response, response, streaming_response, text_response
from webhooks.api import ROUTES, docs
from webhooks.api.access import Keys, must_be
from webhooks.api.asking import Api, Ask
from webhooks.api.fullness import MOST_OPEN, Fullness
from webhooks.api.streams import Streams
from webhooks.bodies import must_be_json, read
from webhooks.concurrency import Threads
from webhooks.dashboard import PAGES, replies, serving
from webhooks.dashboard.login import Login
from webhooks.dashboard.pages import Pages
from webhooks.dashboard.sessions import Sessions
from webhooks.gauges import Gauges
from webhooks.guesses import Guesses
from webhooks.health import OK, Doctor
from webhooks.problems import Problem, internal, problem_of
from webhooks.rates_shared import rates_for
from webhooks.receiver import Receiver
from webhooks.refusals import Refusals
from webhooks.testing import Trials
from webhooks.writer import Writer
from worker.errors import LedgerUnavailable
from worker.jobs.bell import bell_for
from worker.jobs.engine import Database
from worker.jobs.ledger import utc_now
from worker.metrics import CONTENT_TYPE, Metrics
from worker.notices.announcing import announcer
from worker.rules import Rulebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhooks.api.asking import Route
    from webhooks.concurrency import Concurrency
    from worker.jobs.bell import Ringing
    from worker.settings import Settings

_log = structlog.get_logger("web")
_WORDS: Final = {404: "there is nothing at this address", 405: "this address does not take this method"}


def create_app(
    settings: Settings,
    database: Database | None = None,
    bell: Ringing | None = None,
    *,
    concurrency: Concurrency | None = None,
    most_open: int = MOST_OPEN,
    clock: Callable[[], datetime] = utc_now,
) -> Flask:
    """The app. Engine and bell are made here unless given: call it after the fork. `most_open`: open jobs a tenant may have."""
    app = Flask(__name__, static_folder=None)
    database = Database(settings.database_url, announcer(settings)) if database is None else database
    bell = bell_for(settings.redis_url, settings.timing) if bell is None else bell
    concurrency = Threads() if concurrency is None else concurrency
    metrics = Metrics()
    writer = Writer(database, concurrency, metrics, clock)
    refusals = Refusals(database, concurrency, clock, settings.web_processes)
    rates = rates_for(settings.redis_url, lambda: clock().timestamp())
    receiver = Receiver(settings, writer, refusals, bell, metrics, concurrency, Rulebook(settings), rates, clock)
    _receive(app, receiver)
    streams = Streams(database, concurrency, clock)
    doctor = Doctor(settings, database, clock)
    api, keys = Api(settings, database, bell, Fullness(database, most_open), streams, clock, doctor), Keys(settings.api_keys)
    wrong_keys = rates_for(settings.redis_url, lambda: clock().timestamp())  # apart: guesses hold up no news of the sources
    _serve(app, api, keys, concurrency, metrics)
    pages = Pages(
        api,
        Trials(receiver, database, refusals),
        Sessions(settings.api_keys),
        Login(keys, Guesses(wrong_keys, clock)),
        concurrency,
        metrics,
        _problem,
    )
    _watch(app, doctor, Gauges(settings, database, clock), concurrency, metrics)
    _describe(app, concurrency)
    _show(app, pages)
    app.register_error_handler(Exception, _failed)
    app.extensions["kitrelay"] = (database, bell)
    app.extensions["kitrelay-streams"] = streams
    app.extensions["kitrelay-rates"] = (rates, wrong_keys)
    return app


def _receive(app: Flask, receiver: Receiver) -> None:
    def visma_signed(tenant: str) -> Response:
        return response(visma.receive(receiver, request.environ, tenant))

    def visma_token(tenant: str, token: str) -> Response:
        return response(visma.receive(receiver, request.environ, tenant, token))

    def intacct_trigger(tenant: str) -> Response:
        return response(intacct.receive(receiver, request.environ, tenant))

    def itempath_push(tenant: str) -> Response:
        return response(itempath.receive(receiver, request.environ, tenant))

    def trigger(tenant: str, source: str) -> Response:
        return response(triggers.receive(receiver, request.environ, tenant, source))

    _route(app, "POST", "/webhooks/visma/<tenant>", visma_signed)
    _route(app, "POST", "/webhooks/visma/<tenant>/<token>", visma_token)
    _route(app, "POST", "/webhooks/intacct/<tenant>", intacct_trigger)
    _route(app, "POST", "/webhooks/itempath/<tenant>", itempath_push)
    _route(app, "POST", "/triggers/<tenant>/<source>", trigger)


def _serve(app: Flask, api: Api, keys: Keys, concurrency: Concurrency, metrics: Metrics) -> None:
    for route in ROUTES:
        _route(app, route.method, route.path, _view(route, api, keys, concurrency, metrics))


def _view(route: Route, api: Api, keys: Keys, concurrency: Concurrency, metrics: Metrics) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        started = perf_counter()
        answered = _answered(lambda: _asked(route, api, keys, concurrency, path))
        metrics.requests.labels(route.method, route.path, str(answered.status_code)).inc()
        metrics.request_seconds.labels(route.path).observe(perf_counter() - started)
        return answered

    return view


def _asked(route: Route, api: Api, keys: Keys, concurrency: Concurrency, path: dict[str, str]) -> Answer | Streaming:
    """One request: who asks, whether they may, what they send; then the handler, where it may block."""
    key = keys.find(request.headers.get("Authorization"))
    must_be(key, route.role)
    body = read(request.environ, route.limit, concurrency)
    if body.strip():
        must_be_json(request.environ)
    query = list(request.args.items(multi=True))
    ask = Ask(key, path, query, body, request.headers.get("Idempotency-Key"))
    return concurrency.call(lambda: route.handler(api, ask))


def _answered(work: Callable[[], Answer | Streaming]) -> Response:
    try:
        answer = work()
        return streaming_response(answer) if isinstance(answer, Streaming) else response(answer)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a problem and nothing of the inside
        return _failed(error)


def _watch(app: Flask, doctor: Doctor, gauges: Gauges, concurrency: Concurrency, metrics: Metrics) -> None:
    def healthz() -> Response:
        return response(Answer(200, {"status": OK}))

    def readyz() -> Response:
        health = concurrency.watch(doctor.look)
        body = {"ledger": health.ledger, "broker": health.broker, "workers": health.workers, "progress": health.progress}
        return response(Answer(200 if health.ledger == OK else 503, body))

    def shown() -> Response:
        return text_response(concurrency.watch(lambda: metrics.text(_gathered(gauges))), CONTENT_TYPE)

    _route(app, "GET", "/healthz", healthz)
    _route(app, "GET", "/readyz", readyz)
    _route(app, "GET", "/metrics", shown)


def _describe(app: Flask, concurrency: Concurrency) -> None:
    def openapi() -> Response:
        return text_response(concurrency.watch(docs.document), "application/json")

    def page() -> Response:
        return text_response(concurrency.watch(docs.page), "text/html; charset=utf-8", docs.HEADERS)

    def looks() -> Response:
        return text_response(concurrency.watch(docs.looks), "text/css; charset=utf-8")

    _route(app, "GET", "/openapi.json", openapi)
    _route(app, "GET", "/docs", page)
    _route(app, "GET", "/docs.css", looks)


def _show(app: Flask, pages: Pages) -> None:
    def login() -> Response:
        try:
            return serving.enter(pages)
        except Exception as error:  # noqa: BLE001 - as for every route
            return _failed(error)

    for method in ("GET", "POST"):
        _route(app, method, "/login", login)
    _route(app, "GET", "/static/<path:name>", replies.static)
    for route in PAGES:
        _route(app, route.method, route.path, serving.view_of(pages, route))

    def missing(error: Exception) -> Response:
        problem = _problem(error)
        return serving.missing(pages, problem) or problem_response(problem)

    app.register_error_handler(404, missing)


def _gathered(gauges: Gauges) -> tuple[Any, ...]:
    """Without the ledger there are still this program's own counters."""
    try:
        return gauges.gather()
    except LedgerUnavailable:
        return ()


def _route(app: Flask, method: str, path: str, view: Callable[..., Response]) -> None:
    app.add_url_rule(path, f"{method} {path}", view, methods=[method], provide_automatic_options=False)


def _trace(error: Exception) -> str:
    """Where it happened, without the values of variables: they may hold a token."""
    return "".join(traceback.format_exception(error))


def _failed(error: Exception) -> Response:
    """Any exception as an answer."""
    return problem_response(_problem(error))


def _problem(error: Exception) -> Problem:
    """Any exception as a problem. What nobody foresaw is logged, by route: an address may hold a token."""
    if isinstance(error, HTTPException):
        status = error.code or 500
        kept = {name: value for name, value in error.get_headers() if name == "Allow"}
        return Problem(status, _WORDS.get(status, "the request can't be understood"), headers=kept)
    problem = problem_of(error)
    if problem is None:
        _log.error("unforeseen", route=str(request.url_rule), method=request.method, trace=_trace(error))
        problem = internal()
    return problem
