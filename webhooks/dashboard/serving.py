"""The pages over HTTP: who is there, whether the form is theirs, then the handler and its template, where both may block."""

from __future__ import annotations

import gzip
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import request

from webhooks.answers import Streaming, streaming_response
from webhooks.api.access import must_be
from webhooks.dashboard import entering, forms
from webhooks.dashboard.preferences import SAID, said, theme, zone
from webhooks.dashboard.rendering import has_part, render
from webhooks.dashboard.replies import html, moved, transport
from webhooks.dashboard.visiting import Download, Left, Moved, Page, Visit
from worker.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from flask import Response

    from webhooks.concurrency import Concurrency
    from webhooks.dashboard.pages import Pages
    from webhooks.dashboard.sessions import Session
    from webhooks.dashboard.visiting import Outcome, PageRoute
    from webhooks.problems import Problem

_SMALL: Final = 1_000
_EFFORT: Final = 4
"""Of gzip: more takes longer than it saves."""


def view_of(pages: Pages, route: PageRoute) -> Callable[..., Response]:
    """The Flask view of a route."""

    def view(**path: str) -> Response:
        started = perf_counter()
        answered = _answered(pages, route, path)
        pages.metrics.requests.labels(route.method, route.path, str(answered.status_code)).inc()
        pages.metrics.request_seconds.labels(route.path).observe(perf_counter() - started)
        return answered

    return view


def enter(pages: Pages) -> Response:
    """`GET` and `POST /login`."""
    if request.method == "POST":
        return entering.enter(pages)
    session, problem = entering.session_of(pages, pages.api.clock())
    return entering.door(pages, session) if problem is None else _problem_page(pages, None, problem)


def missing(pages: Pages, problem: Problem) -> Response | None:
    """A page for an address that is none, for who wants pages and not programs' answers."""
    if request.method != "GET" or request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
        return None
    session, unknown = entering.session_of(pages, pages.api.clock())
    visit = None if session is None else replace(_visit(pages, session, "", {}), part="")
    return _problem_page(pages, visit, unknown or problem)


def _answered(pages: Pages, route: PageRoute, path: Mapping[str, str]) -> Response:
    session, problem = entering.session_of(pages, pages.api.clock())
    if problem is not None:
        return _problem_page(pages, None, problem)
    if session is None:
        return entering.to_login()
    visit = _visit(pages, session, route.path, path)
    try:
        must_be(session.key, route.role)
        if route.method == "POST":
            visit = replace(visit, form=forms.proven(pages, route, session))
        forms.must_be_text(visit)
        zips = request.accept_encodings.best_match(["gzip"]) is not None
        answered = _made(pages, *pages.concurrency.call(lambda: _shown(visit, route.handler(visit), zips=zips)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page and nothing of the inside
        answered = _problem_page(pages, replace(visit, part=""), pages.problem_for(error))
    if route.method == "GET" and not visit.part and SAID in request.cookies:
        answered.delete_cookie(SAID)
    return answered


def _visit(pages: Pages, session: Session, route: str, path: Mapping[str, str]) -> Visit:
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "part"]
    part = request.args.get("part", "")
    return Visit(pages.api, pages.trials, session, route, path, query, {}, pages.api.clock(), zone(), theme(), part, said())


def _shown(visit: Visit, outcome: Outcome, *, zips: bool) -> tuple[Outcome, bytes, Mapping[str, str]]:
    """The outcome, and where it is a page this page, with how it is packed.

    It may run in another thread: it knows nothing of the request but the visit.
    """
    if not isinstance(outcome, Page):
        return outcome, b"", {}
    if visit.part and not has_part(outcome.template, visit.part):
        raise NotFound("this page has no such part")
    body = render(outcome.template, outcome.values, visit)
    if not zips or len(body) < _SMALL:
        return outcome, body, {"Vary": "Accept-Encoding"}
    return outcome, gzip.compress(body, _EFFORT, mtime=0), {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}


def _made(pages: Pages, outcome: Outcome, body: bytes, packed: Mapping[str, str]) -> Response:
    if isinstance(outcome, Moved):
        return moved(outcome.to, outcome)
    if isinstance(outcome, Left):
        answered = moved(outcome.to)
        entering.forget(answered)
        return answered
    if isinstance(outcome, Download):
        answered = streaming_response(Streaming(_in_turn(pages.concurrency, outcome.parts), outcome.content_type))
        answered.headers.update(transport())
        answered.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(outcome.filename, safe='')}"
        return answered
    return html(body, outcome.status, packed)


def _in_turn(concurrency: Concurrency, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Each part is made where it may block, when the one before it was sent."""
    coming = iter(parts)
    while (part := concurrency.call(lambda: next(coming, None))) is not None:
        yield part


def _problem_page(pages: Pages, visit: Visit | None, problem: Problem) -> Response:
    told = {"problem": {"errors": (), **problem.body()}, "theme": theme()}
    body = pages.concurrency.watch(lambda: render("problem.html", told, visit))
    return html(body, problem.status, problem.headers)
