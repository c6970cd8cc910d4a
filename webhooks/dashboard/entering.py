"""Who is there: the session that a browser comes with, and the way in with an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import request

from webhooks.dashboard.forms import must_be_ours, sent, split
from webhooks.dashboard.login import cookie_name
from webhooks.dashboard.preferences import theme
from webhooks.dashboard.rendering import render
from webhooks.dashboard.replies import html, is_secure, moved, plain
from webhooks.dashboard.sessions import LONGEST
from webhooks.dashboard.visiting import local_path
from webhooks.problems import Problem
from worker.jobs.ended_sessions import has_ended

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from flask import Response

    from webhooks.dashboard.pages import Pages
    from webhooks.dashboard.sessions import Session

_LOGIN_LIMIT: Final = 10_000
_LOGOUT: Final = "/logout"
"""What was sent there is done: nobody is logged in."""


def session_of(pages: Pages, now: datetime) -> tuple[Session | None, Problem | None]:
    """Who is logged in, unless they logged out; or why that can't be known, and then nobody is let in."""
    found = pages.sessions.find(request.cookies.get(cookie_name(secure=is_secure())), now)
    if found is None:
        return None, None
    try:
        return (None if pages.concurrency.call(lambda: _is_over(pages, found)) else found), None
    except Exception as error:  # noqa: BLE001 - the ledger is away, or a fault of ours: neither is a free pass
        return None, pages.problem_for(error)


def enter(pages: Pages) -> Response:
    """`POST /login`."""
    to = local_path(request.args.get("next", "/"))
    try:
        must_be_ours()
        given = sent(pages, _LOGIN_LIMIT)
        key = pages.login.prove(next(iter(given.get("key", ())), ""), request.remote_addr or "")
    except Problem as problem:
        return _login_page(pages, {"wrong": problem.detail, "undone": False, "to": to}, problem.status, problem.headers)
    answered = moved(to)
    name, token = cookie_name(secure=is_secure()), pages.sessions.begin(key, pages.api.clock())
    answered.set_cookie(name, token, max_age=LONGEST, secure=is_secure(), httponly=True, samesite="Lax", path="/")
    return answered


def door(pages: Pages, session: Session | None) -> Response:
    """`GET /login`: who is in already goes on."""
    to = local_path(request.args.get("next", "/"))
    undone = request.args.get("undone") == "1"
    return _login_page(pages, {"wrong": "", "undone": undone, "to": to}, 200) if session is None else moved(to)


def to_login() -> Response:
    """The way to the login, and from there back: to the page that a form was sent from, which was not heard."""
    if "HX-Request" in request.headers:  # a part of a page: the whole page has to go
        return plain(b"", 401, "text/plain", {"HX-Redirect": "/login?" + urlencode({"next": _page_of("HX-Current-URL")})})
    if request.method == "GET":
        return moved("/login?" + urlencode({"next": request.full_path.rstrip("?")}))
    undone = {"undone": "1"} if "Referer" in request.headers and request.path != _LOGOUT else {}
    return moved("/login?" + urlencode({"next": _page_of("Referer") if undone else "/", **undone}))


def forget(answered: Response) -> None:
    """Have the browser drop its session."""
    answered.delete_cookie(cookie_name(secure=is_secure()), secure=is_secure(), httponly=True, samesite="Lax", path="/")


def _login_page(pages: Pages, values: dict[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Response:
    told = {**values, "theme": theme()}
    return html(pages.concurrency.watch(lambda: render("login.html", told)), status, headers)


def _is_over(pages: Pages, session: Session) -> bool:
    with pages.api.database.read() as connection:
        return has_ended(connection, session.nonce)


def _page_of(header: str) -> str:
    """The page that a browser says it is on."""
    given = split(request.headers.get(header, "/"))
    return local_path(given.path + (f"?{given.query}" if given.query else ""))
