"""The pages over HTTP: who is there, whether the form is theirs, then the handler and its template, where both may block."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from flask import Response, request

from webhooks.answers import SAFE, Streaming, streaming_response
from webhooks.api.access import must_be
from webhooks.bodies import read
from webhooks.dashboard import assets
from webhooks.dashboard.login import Login, cookie_name
from webhooks.dashboard.rendering import has_part, render
from webhooks.dashboard.sessions import LONGEST, Sessions
from webhooks.dashboard.visiting import UTC_ZONE, Download, Left, Moved, Page, Visit, local_path, must_admit
from webhooks.problems import Problem
from worker.errors import NotFound
from worker.jobs.ended_sessions import has_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from urllib.parse import SplitResult

    from webhooks.api.asking import Api
    from webhooks.concurrency import Concurrency
    from webhooks.dashboard.sessions import Session
    from webhooks.dashboard.visiting import Outcome, PageRoute
    from webhooks.testing import Trials
    from worker.metrics import Metrics

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
}
"""What a page may load and be put into, beside what holds for every answer."""

_HTTPS_ONLY: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""Over HTTPS, for a year: browsers come by no other way any more."""

_HTML: Final = "text/html; charset=utf-8"
_ZONE: Final = "kitrelay-zone"
_THEME: Final = "kitrelay-theme"
_SAID: Final = "kitrelay-said"
_THEMES: Final = ("auto", "light", "dark")
_SAID_FOR: Final = 30
_MOST_FIELDS: Final = 2_000
_SMALL: Final = 1_000
_SMALL_FORM: Final = 20_000
_EFFORT: Final = 4
"""Of gzip: more takes longer than it saves."""

_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts that pages are served with. `problem_for` makes of any exception what may be told of it."""

    api: Api
    trials: Trials
    sessions: Sessions
    login: Login
    concurrency: Concurrency
    metrics: Metrics
    problem_for: Callable[[Exception], Problem]


def view_of(pages: Pages, route: PageRoute) -> Callable[..., Response]:
    """The Flask view of a route."""

    def view(**path: str) -> Response:
        started = perf_counter()
        answered = _answered(pages, route, path)
        pages.metrics.requests.labels(route.method, route.path, str(answered.status_code)).inc()
        pages.metrics.request_seconds.labels(route.path).observe(perf_counter() - started)
        return answered

    return view


def static(name: str) -> Response:
    """A style or a program."""
    try:
        asset = assets.find(name)
    except NotFound:
        return _plain(b"", 404, "text/plain")
    lasting = request.args.get("v") == asset.version
    told = {"Cache-Control": assets.FOREVER if lasting else "no-cache", "ETag": f'"{asset.version}"', "Vary": "Accept-Encoding"}
    if request.if_none_match.contains(asset.version):
        return _plain(b"", 304, asset.content_type, told)
    if request.accept_encodings.best_match(["gzip"]) is not None:
        return _plain(asset.zipped, 200, asset.content_type, {**told, "Content-Encoding": "gzip"})
    return _plain(asset.body, 200, asset.content_type, told)


def enter(pages: Pages) -> Response:
    """`GET` and `POST /login`."""
    now = pages.api.clock()
    to = local_path(request.args.get("next", "/"))
    if request.method != "POST":
        session, problem = _session(pages, now)
        if problem is not None:
            return _problem_page(pages, None, problem)
        return _login_page(pages, {"wrong": "", "to": to}, 200) if session is None else _moved(to)
    try:
        _same_site()
        given = _form(pages, read(request.environ, 10_000, pages.concurrency))
        key = pages.login.prove(next(iter(given.get("key", ())), ""), request.remote_addr or "")
    except Problem as problem:
        return _login_page(pages, {"wrong": problem.detail, "to": to}, problem.status, problem.headers)
    answered = _moved(to)
    name, secure = cookie_name(secure=_is_secure()), _is_secure()
    answered.set_cookie(name, pages.sessions.begin(key, now), max_age=LONGEST, secure=secure, httponly=True, samesite="Lax", path="/")
    return answered


def missing(pages: Pages, problem: Problem) -> Response | None:
    """A page for an address that is none, for who wants pages and not programs' answers."""
    if request.method != "GET" or request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
        return None
    session, unknown = _session(pages, pages.api.clock())
    visit = None if session is None else replace(_visit(pages, session, "", {}), part="")
    return _problem_page(pages, visit, unknown or problem)


def _answered(pages: Pages, route: PageRoute, path: Mapping[str, str]) -> Response:
    session, problem = _session(pages, pages.api.clock())
    if problem is not None:
        return _problem_page(pages, None, problem)
    if session is None:
        return _to_login()
    visit = _visit(pages, session, route.path, path)
    try:
        must_be(session.key, route.role)
        if route.method == "POST":
            visit = replace(visit, form=_proven_form(pages, route, session))
        _must_be_text(visit)
        zips = request.accept_encodings.best_match(["gzip"]) is not None
        answered = _made(pages, *pages.concurrency.call(lambda: _shown(visit, route.handler(visit), zips=zips)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page and nothing of the inside
        answered = _problem_page(pages, replace(visit, part=""), pages.problem_for(error))
    if route.method == "GET" and not visit.part and _SAID in request.cookies:
        answered.delete_cookie(_SAID)
    return answered


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
        return _moved(outcome.to, outcome)
    if isinstance(outcome, Left):
        answered = _moved(outcome.to)
        answered.delete_cookie(cookie_name(secure=_is_secure()), secure=_is_secure(), httponly=True, samesite="Lax", path="/")
        return answered
    if isinstance(outcome, Download):
        answered = streaming_response(Streaming(_in_turn(pages.concurrency, outcome.parts), outcome.content_type))
        answered.headers.update(_transport())
        answered.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(outcome.filename, safe='')}"
        return answered
    return _plain(body, outcome.status, _HTML, {**HEADERS, **packed})


def _in_turn(concurrency: Concurrency, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Each part is made where it may block, when the one before it was sent."""
    coming = iter(parts)
    while (part := concurrency.call(lambda: next(coming, None))) is not None:
        yield part


def _problem_page(pages: Pages, visit: Visit | None, problem: Problem) -> Response:
    told = {"problem": {"errors": (), **problem.body()}, "theme": _theme()}
    body = pages.concurrency.watch(lambda: render("problem.html", told, visit))
    return _plain(body, problem.status, _HTML, {**HEADERS, **problem.headers})


def _login_page(pages: Pages, values: dict[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Response:
    told = {**values, "theme": _theme()}
    body = pages.concurrency.watch(lambda: render("login.html", told))
    return _plain(body, status, _HTML, {**HEADERS, **(headers or {})})


def _visit(pages: Pages, session: Session, route: str, path: Mapping[str, str]) -> Visit:
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "part"]
    part = request.args.get("part", "")
    return Visit(pages.api, pages.trials, session, route, path, query, {}, pages.api.clock(), _zone(), _theme(), part, _said())


def _session(pages: Pages, now: datetime) -> tuple[Session | None, Problem | None]:
    """Who is logged in, unless they logged out; or why that can't be known, and then nobody is let in."""
    found = pages.sessions.find(request.cookies.get(cookie_name(secure=_is_secure())), now)
    if found is None:
        return None, None
    try:
        return (None if pages.concurrency.call(lambda: _is_over(pages, found)) else found), None
    except Exception as error:  # noqa: BLE001 - the ledger is away, or a fault of ours: neither is a free pass
        return None, pages.problem_for(error)


def _is_over(pages: Pages, session: Session) -> bool:
    with pages.api.database.read() as connection:
        return has_ended(connection, session.nonce)


def _proven_form(pages: Pages, route: PageRoute, session: Session) -> Mapping[str, list[str]]:
    _same_site()
    form = _form(pages, read(request.environ, route.limit, pages.concurrency))
    must_admit(session, next(iter(form.pop("csrf", ())), None))
    return form


def _form(pages: Pages, body: bytes) -> dict[str, list[str]]:
    """The fields. To read a large form takes seconds: not here, where all requests of the process would wait."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Problem(415, "the body must be a form")
    return _fields(body) if len(body) <= _SMALL_FORM else pages.concurrency.call(lambda: _fields(body))


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(400, "the form can't be understood") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return form


def _same_site() -> None:
    """Raise `Problem` 403 for a form that another site sent, as far as the browser says; the token proves the rest."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "this form was sent from another site")
    origin = request.headers.get("Origin")
    if origin is not None and _split(origin).netloc != request.host:
        raise Problem(403, "this form was sent from another site")


def _must_be_text(visit: Visit) -> None:
    """Raise `Problem` 400 for what no database takes as text, wherever it stands."""
    given = [
        *visit.path.values(),
        *(text for pair in visit.query for text in pair),
        *(text for each in visit.form.values() for text in each),
    ]
    if any("\x00" in text for text in given):
        raise Problem(400, "what was sent holds a character that no text has")


def _split(address: str) -> SplitResult:
    """The parts of an address; of what is none they are empty."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _to_login() -> Response:
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    to = "/login?" + urlencode({"next": here})
    if "HX-Request" in request.headers:  # a part of a page: the whole page has to go
        return _plain(b"", 401, "text/plain", {"HX-Redirect": "/login?" + urlencode({"next": _current()})})
    return _moved(to)


def _current() -> str:
    given = _split(request.headers.get("HX-Current-URL", "/"))
    return local_path(given.path + (f"?{given.query}" if given.query else ""))


def _moved(to: str, told: Moved | None = None) -> Response:
    answered = _plain(b"", _SEE_OTHER, "text/plain", {"Location": to})
    if told is not None and told.said:
        value = quote(f"{told.tone} {told.said}"[:1_000])
        answered.set_cookie(_SAID, value, max_age=_SAID_FOR, secure=_is_secure(), httponly=True, samesite="Lax")
    return answered


def _said() -> tuple[str, str] | None:
    """What the page before had to say: tone and text."""
    tone, _, text = unquote(request.cookies.get(_SAID, "")).partition(" ")
    return (tone, text) if text and tone in ("good", "bad") else None


def _zone() -> ZoneInfo:
    given = unquote(request.cookies.get(_ZONE, ""))
    return ZoneInfo(given) if given in _zones() else UTC_ZONE


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _theme() -> str:
    given = request.cookies.get(_THEME, "auto")
    return given if given in _THEMES else "auto"


def _is_secure() -> bool:
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def _transport() -> Mapping[str, str]:
    return _HTTPS_ONLY if _is_secure() else {}


def _plain(body: bytes, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    told: Iterable[tuple[str, str]] = {**SAFE, **_transport(), "Content-Type": content_type, **(headers or {})}.items()
    return Response(body, status, list(told))
