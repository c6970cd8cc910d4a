"""What an ERP's webhook says of kits: their codes, by the customer's own expression, and the syncs that follow. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import jmespath

from worker.jobs import requests
from worker.kinds.codes import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from worker.jobs.verdicts import NewJob
    from worker.settings import Settings

MOST_KITS: Final = 100
GATHER: Final = timedelta(seconds=1)
"""A sync begins so long after its event: several events about one kit, as when many lines change at once, become one run."""

_FAULTS: Final = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What an expression may come to over a body that is not what it was written for; JMESPath's own errors are among them."""


@dataclass(frozen=True, slots=True)
class Named:
    """The codes that a body names, each once, in their order; and how many names could be none."""

    codes: tuple[str, ...] = ()
    odd: int = 0


@dataclass(frozen=True, slots=True)
class Announced:
    """The jobs that a body makes, and what people should know of it; None: nothing."""

    makes: tuple[NewJob, ...] = ()
    reason: str | None = None


def kits_named(expression: str, records: Iterable[object]) -> Named:
    """What the expression gives over each record: a text, a number, or a list of them. Anything else names no kit."""
    compiled = jmespath.compile(expression)
    codes: dict[str, None] = {}
    odd = 0
    for record in records:
        try:
            found = compiled.search(record)
        except _FAULTS:
            odd += 1
            continue
        for value in _values(found):
            code = _code(value)
            odd += code is None
            if code is not None:
                codes[code] = None
    return Named(tuple(codes), odd)


def announced(settings: Settings, tenant: str, erp: str, named: Named, now: datetime) -> Announced:
    """One sync for each kit that `erp` names, if it is the source of the tenant's syncs. Codes are said as they are everywhere else."""
    sync = settings.tenants[tenant].sync
    if sync.source != erp:
        return Announced(reason=f"{erp} is not the source of syncs")
    if not sync.targets:
        return Announced(reason="syncs have no target")
    comparison = "nothing compares them by itself" if sync.compare_every is None else "the next comparison finds what changed"
    if not named.codes:
        odd = "what it names is no kit's code" if named.odd else "names no kit"
        return Announced(reason=f"{odd}: {comparison}")
    makes = requests.syncs_of(settings, tenant, erp, named.codes[:MOST_KITS], now + GATHER)
    return Announced(makes, "; ".join(_notes(named, comparison)) or None)


def _notes(named: Named, comparison: str) -> Iterator[str]:
    if named.odd:
        yield f"{named.odd} of its names can be no kit's"
    if len(named.codes) > MOST_KITS:
        yield f"names {len(named.codes)} kits, of which the first {MOST_KITS} are synced: {comparison}"


def _values(found: Any) -> Iterator[object]:  # noqa: ANN401 - any JSON value
    """What there is to be a code; null and empty texts are nothing."""
    for value in found if isinstance(found, list) else [found]:
        if value is not None and not (isinstance(value, str) and not value.strip()):
            yield value


def _code(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = value.strip() if isinstance(value, str) else _plain(value)
    return text if text.isprintable() and 0 < len(text) <= LONGEST else None


def _plain(number: float) -> str:
    """A number as people write it: 1001, even where a body says 1001.0."""
    return str(int(number)) if isfinite(number) and number == int(number) else str(number)
