"""Answers to a browser, with the headers that every page has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import Response, request

from webhooks.answers import SAFE
from webhooks.dashboard import assets
from webhooks.dashboard.preferences import SAID, SAID_FOR
from worker.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhooks.dashboard.visiting import Moved

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
_MOST_SAID: Final = 1_000
_SEE_OTHER: Final = 303


def plain(body: bytes, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with what every answer says of itself."""
    told: Iterable[tuple[str, str]] = {**SAFE, **transport(), "Content-Type": content_type, **(headers or {})}.items()
    return Response(body, status, list(told))


def html(body: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A page."""
    return plain(body, status, _HTML, {**HEADERS, **(headers or {})})


def moved(to: str, told: Moved | None = None) -> Response:
    """Go there, where what is told is shown once."""
    answered = plain(b"", _SEE_OTHER, "text/plain", {"Location": to})
    if told is not None and told.said:
        value = quote(f"{told.tone} {told.said}"[:_MOST_SAID])
        answered.set_cookie(SAID, value, max_age=SAID_FOR, secure=is_secure(), httponly=True, samesite="Lax")
    return answered


def static(name: str) -> Response:
    """A style or a program."""
    try:
        asset = assets.find(name)
    except NotFound:
        return plain(b"", 404, "text/plain")
    lasting = request.args.get("v") == asset.version
    told = {"Cache-Control": assets.FOREVER if lasting else "no-cache", "ETag": f'"{asset.version}"', "Vary": "Accept-Encoding"}
    if request.if_none_match.contains(asset.version):
        return plain(b"", 304, asset.content_type, told)
    if request.accept_encodings.best_match(["gzip"]) is not None:
        return plain(asset.zipped, 200, asset.content_type, {**told, "Content-Encoding": "gzip"})
    return plain(asset.body, 200, asset.content_type, told)


def is_secure() -> bool:
    """Whether the browser came over HTTPS, if need be to a proxy before us."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def transport() -> Mapping[str, str]:
    """What is said only over HTTPS."""
    return _HTTPS_ONLY if is_secure() else {}
