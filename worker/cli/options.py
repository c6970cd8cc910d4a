"""Options that several commands share."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from worker.errors import ERROR_CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO: Final = re.compile(r"(\d{1,6})([smhd])")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
tenant = click.option("--tenant", metavar="NAME", help="May be left out when there is only one.")
tenant_filter = click.option("--tenant", metavar="NAME", help="Only this tenant's.")
error_class = click.option("--error-class", type=click.Choice(list(ERROR_CLASSES)), metavar="CLASS", help="Such as validation.")


class Moment(click.ParamType):  # type: ignore[type-arg] # older ones of click take none
    """A moment: RFC 3339, a date or a date and time in the local zone, or so long ago, such as 2h or 7d. Becomes UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's signature
        """The moment."""
        if isinstance(value, datetime):
            return value
        if found := _AGO.fullmatch(value):
            return datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])})
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC)  # without an offset it is the local zone's
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: 2026-01-31, 2026-01-31T12:00, 2026-01-31T12:00:00Z, or 2h for two hours ago", param, ctx)


class After(click.ParamType):  # type: ignore[type-arg] # likewise
    """An id that a list ended with."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """As ids are written. Anything else would begin the list somewhere."""
        try:
            return str(uuid.UUID(value))
        except ValueError:
            self.fail("it is none of ours: take `next` of the page before", param, ctx)


cursor = click.option("--cursor", type=After(), metavar="ID", help="Go on after this one: `next` of the page before.")


def moment(name: str, text: str) -> Callable[[Any], Any]:
    """An option that takes a moment."""
    return click.option(name, type=Moment(), metavar="TIME", help=text)


def example(*lines: str) -> str:
    """The end of a help text, kept as it is."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])
