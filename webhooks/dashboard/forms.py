"""Forms as browsers send them: read within bounds, and only from a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from flask import request

from webhooks.bodies import read
from webhooks.dashboard.visiting import must_admit
from webhooks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from webhooks.dashboard.pages import Pages
    from webhooks.dashboard.sessions import Session
    from webhooks.dashboard.visiting import PageRoute, Visit

_MOST_FIELDS: Final = 2_000
_SMALL: Final = 20_000


def proven(pages: Pages, route: PageRoute, session: Session) -> Mapping[str, list[str]]:
    """The form of a page of ours, whose token is its session's. Raises `Problem`."""
    must_be_ours()
    form = sent(pages, route.limit)
    must_admit(session, next(iter(form.pop("csrf", ())), None))
    return form


def sent(pages: Pages, limit: int) -> dict[str, list[str]]:
    """The fields. To read a large form takes seconds: not here, where all requests of the process would wait. Raises `Problem`."""
    body = read(request.environ, limit, pages.concurrency)
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Problem(415, "the body must be a form")
    return _fields(body) if len(body) <= _SMALL else pages.concurrency.call(lambda: _fields(body))


def must_be_ours() -> None:
    """Raise `Problem` 403 for a form that another site sent, as far as the browser says; the token proves the rest."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "this form was sent from another site")
    origin = request.headers.get("Origin")
    if origin is not None and split(origin).netloc != request.host:
        raise Problem(403, "this form was sent from another site")


def must_be_text(visit: Visit) -> None:
    """Raise `Problem` 400 for what no database takes as text, wherever it stands."""
    given = [
        *visit.path.values(),
        *(text for pair in visit.query for text in pair),
        *(text for each in visit.form.values() for text in each),
    ]
    if any("\x00" in text for text in given):
        raise Problem(400, "what was sent holds a character that no text has")


def split(address: str) -> SplitResult:
    """The parts of an address; of what is none they are empty."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem(400, "the form can't be understood") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return form
