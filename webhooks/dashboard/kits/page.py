"""A kit: what is known of it at once, in every system side by side; a look and a sync are followed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api.access import must_see, sees
from webhooks.dashboard import words
from webhooks.dashboard.kits.codes import kit_address, sameness
from webhooks.dashboard.kits.comparing import compared
from webhooks.dashboard.kits.looks import links_of, looks_of, steps_of, syncs_of
from webhooks.dashboard.kits.rows import MOST_ROWS, rows_of
from webhooks.dashboard.kits.sides import sides_of
from webhooks.dashboard.visiting import Page
from worker.errors import NotFound
from worker.kinds.codes import LONGEST
from worker.kit_ledger.finding import find_kits
from worker.kit_ledger.known import known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhooks.dashboard.kits.comparing import Comparison
    from webhooks.dashboard.kits.looks import Looks, Step
    from webhooks.dashboard.kits.sides import Side
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Tenant

MOST_NAMED: Final = 60
"""So many kits that hold it are shown at once."""


def shown(visit: Visit) -> Outcome:
    """`GET /kits/<code>`; `?tenant=…` says whose, where the key sees several."""
    return opened(visit, visit.path["code"])


def opened(visit: Visit, code: str) -> Outcome:
    """The page of a code, or the choice of whose it is. Raises `NotFound` for what can be no code."""
    if not code.strip() or len(code) > LONGEST:
        raise NotFound("there is no such kit")
    given = visit.get("tenant")
    if given:
        return page_of(visit, home_of(visit, given), code)
    homes = homes_of(visit)
    owners = _owners(visit, homes, code) if len(homes) > 1 else homes
    if len(owners) == 1:
        return page_of(visit, owners[0], code)
    if not homes:
        raise NotFound("there is no tenant with a connection that you may see")
    choices = [(home.name, kit_address(home.name, code)) for home in owners or homes]
    return Page("kit_choice.html", {"code": code, "choices": choices, "known": bool(owners)})


def page_of(visit: Visit, home: Tenant, code: str, status: int = 200, **typed: Any) -> Page:  # noqa: ANN401 - what was typed, for the template
    """The page. `typed`: what somebody filled in that could not be taken, with its `faults`."""
    with visit.api.database.read() as connection:
        found = known(connection, home, code)
        codes = (code, found.code)
        looks = looks_of(connection, home.name, codes, visit.now)
        syncs = syncs_of(connection, home.name, codes)
    looked_at = None if looks.seen is None else looks.seen.finished_at
    sides = sides_of(found, home.sync.source, looks.result, looked_at)
    same = sameness(home)
    comparisons = compared(sides, looks.result, home.sync, same)
    rows = rows_of(sides, comparisons, same)
    holding = holders(sides)
    busy = any(sync.open for sync in syncs)
    values = {
        "tenant": home.name,
        "code": found.code,
        "here": kit_address(home.name, code),
        "sides": sides,
        "comparisons": {each.target: each for each in comparisons},
        "verdict": verdict(sides, comparisons),
        "rows": rows[:MOST_ROWS],
        "more_rows": len(rows) - MOST_ROWS,
        "looks": looks,
        "steps": _steps(visit, home, looks, sides),
        "syncs": syncs,
        "source": home.sync.source,
        "differing": [each for each in comparisons if each.state == "differs"],
        "holders": holding[:MOST_NAMED],
        "more_holders": len(holding) - MOST_NAMED,
        "busy": busy,
        "erps": [side.erp for side in sides],
        "address": kit_address,
        "typed": typed,
        "every": 1 if looks.pending is not None else 2 if busy else 0,
    }
    return Page("kit.html", values, status)


def homes_of(visit: Visit) -> list[Tenant]:
    """The tenants with a connection that the key may see."""
    return [home for name, home in sorted(visit.api.settings.tenants.items()) if sees(visit.key, name) and home.erps()]


def home_of(visit: Visit, name: str) -> Tenant:
    """The tenant of this name. Raises `NotFound`, also for one that the key may not see."""
    must_see(visit.key, name)
    found = visit.api.settings.tenants.get(name)
    if found is None or not found.erps():
        raise NotFound("there is no such tenant")
    return found


def verdict(sides: Sequence[Side], comparisons: Sequence[Comparison]) -> tuple[str, str]:
    """The kit in a sentence, and its tone: `good`, `warn` or nothing."""
    if not any(side.readable for side in sides):
        return "", "No system is known to have this kit. Read it now to look in all of them."
    if not comparisons:
        return "", "No source is set for this tenant's syncs: nothing is compared."
    differ = [f"{words.ERPS[each.target]} in {_lines(each.count)}" for each in comparisons if each.state == "differs"]
    unsure = [words.ERPS[each.target] for each in comparisons if each.state == "not_compared"]
    if differ:
        return "warn", f"Differs from {_source(sides)}: {', '.join(differ)}."
    if unsure:
        return "", f"Not compared: {', '.join(unsure)}."
    return "good", f"Every target has what {_source(sides)} has."


def holders(sides: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """The kits that hold this one, each with the systems where it does."""
    found: dict[str, list[str]] = {}
    for side in sides:
        for code in side.where_used:
            found.setdefault(code, []).append(side.erp)
    return sorted(found.items())


def _steps(visit: Visit, home: Tenant, looks: Looks, sides: Sequence[Side]) -> list[Step]:
    if looks.pending is None:
        return []
    return steps_of(looks.pending, [side.erp for side in sides], links_of(visit, home.name))


def _owners(visit: Visit, homes: Sequence[Tenant], code: str) -> list[Tenant]:
    """Those of the tenants of which the code is known. What begins with it comes after it."""
    with visit.api.database.read() as connection:
        found = find_kits(connection, homes, code, len(homes)).kits
    named = {(each.tenant, each.code) for each in found}
    return [home for home in homes if any(name == home.name and sameness(home)(each) == sameness(home)(code) for name, each in named)]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{words.number(count)} lines"


def _source(sides: Sequence[Side]) -> str:
    return next(words.ERPS[side.erp] for side in sides if side.role == "source")
