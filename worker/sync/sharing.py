"""Revenue shares of lines that a sync writes, where the target has such shares (Intacct). They are never compared, only kept at 100 in all.

With a policy, every line gets its share again whenever lines are made, dropped or changed; without one, they are left as they are, and a
total that is off is named in the result.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from worker.kits.model import CreateLine, DeleteLine, UpdateLine
from worker.kits.revenue import shares, total_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.kits.model import Item, RemoteKit, RemoteLine, Write
    from worker.settings import Sync
    from worker.sync.aims import Aim

SHARE: Final = "revenue_percentage"
COMPONENT_LEVEL: Final = "componentLevel"


def shares_of(target: Aim, items: Mapping[str, Item], sync: Sync, same: Callable[[str], str]) -> dict[int, Decimal] | None:
    """The share of each line by its rank; None where the kit's revenue is not shared by line, or no policy says how. Raises `KitFault`."""
    if sync.revenue == "omit" or target.kit.posting != COMPONENT_LEVEL:
        return None
    costs = {code: item.cost for code, item in items.items() if item.cost is not None}
    return shares(sync.revenue, target.wanted.lines, costs, sync.revenue_table, same)


def with_shares(writes: Sequence[Write], target: Aim, given: Mapping[int, Decimal]) -> tuple[Write, ...]:
    """The same writes with each line's share, after an update for each line of which only the share changes."""
    ranks = {each.remote.id: each.line.rank for each in target.difference.kept}
    ranks |= {each.remote.id: each.line.rank for each in target.difference.updates}
    touched = {write.remote.id for write in writes if not isinstance(write, CreateLine)}
    alone = tuple(
        UpdateLine(each.remote, extras={SHARE: given[each.line.rank]})
        for each in target.difference.kept
        if each.remote.id not in touched and share_of(each.remote) != given[each.line.rank]
    )
    return (*alone, *(_with_share(write, ranks, given) for write in writes))


def off(kit: RemoteKit) -> Decimal | None:
    """The total of a kit's shares if there are any and it is not 100."""
    if kit.posting != COMPONENT_LEVEL:
        return None
    return total_off([share for each in kit.lines if (share := share_of(each)) is not None])


def share_of(line: RemoteLine) -> Decimal | None:
    """A line's share, if it has one."""
    given = line.line.extras.get(SHARE)
    return None if given is None else Decimal(str(given))


def _with_share(write: Write, ranks: Mapping[str, int], given: Mapping[int, Decimal]) -> Write:
    if isinstance(write, DeleteLine):
        return write
    if isinstance(write, CreateLine):
        return replace(write, line=replace(write.line, extras={**write.line.extras, SHARE: given[write.line.rank]}))
    share = given[ranks[write.remote.id]]
    return write if share_of(write.remote) == share else replace(write, extras={**write.extras, SHARE: share})
