"""Pages made of templates: autoescaped, strict, and with the words of `webhooks.dashboard.words` for whoever is looking."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from webhooks.dashboard import assets, words
from worker.errors import ERROR_CLASSES
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.dashboard.visiting import Visit

_VISIT: Final[ContextVar[Visit | None]] = ContextVar("visit", default=None)


def render(template: str, values: Mapping[str, Any], visit: Visit | None = None) -> bytes:
    """The page as it is sent, or the one block of it that the visit asks for. Raises `KeyError` for a block that the page has not."""
    found = _environment().get_template(template)
    token = _VISIT.set(visit)
    try:
        told = {"visit": visit, **values}
        if visit is None or not visit.part:
            return found.render(told).encode()
        return "".join(found.blocks[visit.part](found.new_context(told))).encode()
    finally:
        _VISIT.reset(token)


def has_part(template: str, part: str) -> bool:
    """Whether a page has a block of this name that may be asked for alone: those that begin with `live`."""
    return part.startswith("live") and part in _environment().get_template(template).blocks


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("webhooks.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(sentence=_sentence)
    made.filters.update(moment=_moment, ago=_ago, span=words.span, number=words.number, size=words.size, data=_data)
    made.filters.update(
        state=lambda value: words.STATES.get(value, value),
        stated=words.stated,
        erp=lambda value: words.ERPS.get(value, value),
        kind=lambda value: words.KINDS.get(value, value),
    )
    made.globals.update(asset=assets.address, csrf=_csrf, version=VERSION, error_classes=ERROR_CLASSES, may=_may, zone=_zone, words=words)
    made.globals["ui"] = made.get_template("ui.html").module
    return made


def _here() -> Visit:
    visit = _VISIT.get()
    if visit is None:
        raise RuntimeError("this is known only of a visit")
    return visit


def _csrf() -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(_here().session.masked())


def _may(role: Any) -> bool:  # noqa: ANN401 - a Role, from a template
    return _here().may(role)


def _zone() -> str:
    return _here().zone.key


def _moment(value: datetime | str | None, otherwise: str = words.NOTHING) -> Markup | str:
    """A moment as a `<time>` that says all of it when asked."""
    found = words.instant(value)
    if found is None:
        return otherwise
    here = _here()
    text, title = words.clock(found, here.now, here.zone), words.whole(found, here.zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(words.stamp(found), title, text)


def _ago(value: datetime | str | None, otherwise: str = words.NOTHING) -> Markup | str:
    """How long ago a moment was, likewise."""
    found = words.instant(value)
    if found is None:
        return otherwise
    here = _here()
    text, title = words.ago(found, here.now), words.whole(found, here.zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(words.stamp(found), title, text)


def _sentence(value: str) -> str:
    """Words of the API as a sentence, its times in the reader's zone."""
    here = _here()
    return words.sentence(value, here.now, here.zone)


def _data(value: Any) -> Markup:  # noqa: ANN401 - any JSON value
    """JSON for a program of ours, safe within a script element that is data."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - nothing is left that ends it
