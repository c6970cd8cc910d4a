"""What a sync says of each target in its result: the difference it found, what it wrote, what it left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from worker.kits.quantities import plain
from worker.sync.memory import KEY, Memory
from worker.sync.sharing import off

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.jobs.verdicts import Verdict
    from worker.kits.model import Line, RemoteKit
    from worker.sync.aims import Aim
    from worker.sync.options import Options
    from worker.sync.system import Sent


def found(memory: Memory, erp: str, target: Aim, *, edited_there: bool) -> Memory:
    """The difference as it was found first; what is found in later rounds is no news."""
    if "difference" in memory.reports.get(erp, {}):
        return memory
    entry: dict[str, Any] = {"difference": target.difference.to_json(), "applied": []}
    if target.left_out:
        entry["left_out"] = [left_out(line) for line in target.left_out]
    if edited_there and not target.difference.empty:
        entry["edited_there"] = True
    return noted(memory, erp, **entry)


def applied(memory: Memory, erp: str, sent: Sequence[Sent]) -> Memory:
    """What the target accepted, in words."""
    before: list[str] = memory.reports.get(erp, {}).get("applied", [])
    return noted(memory, erp, applied=[*before, *(words(each) for each in sent if each.outcome == "accepted")])


def noted(memory: Memory, erp: str, **more: Any) -> Memory:  # noqa: ANN401 - JSON values
    """One more thing about a target."""
    return replace(memory, reports={**memory.reports, erp: {**memory.reports.get(erp, {}), **more}})


def result_of(memory: Memory, options: Options) -> dict[str, Any]:
    """The job's result."""
    return {
        "kit": options.kit,
        "source": options.source,
        "revision": next((recipe.revision for recipe in memory.recipes.values() if recipe.revision), options.revision),
        "dry_run": options.dry_run,
        "wrote": memory.wrote,
        "targets": dict(memory.reports),
    }


def shares_off(kit: RemoteKit) -> dict[str, str]:
    """The total of the target's revenue shares, where it is not 100 although the kit's revenue is shared by line."""
    total = off(kit)
    return {} if total is None else {"revenue_total_off": plain(total)}


def words(sent: Sent) -> str:
    """One write, as people read it: `update BOLT to 4`."""
    return f"{sent.write} {sent.component}" + (f" to {sent.quantity}" if sent.quantity is not None and sent.write != "delete" else "")


def remembering(memory: Memory) -> Mapping[str, Any]:
    """The job's progress that holds this memory."""
    return {KEY: memory.to_json()}


def with_result(verdict: Verdict, memory: Memory, options: Options) -> Verdict:
    """A verdict that shows what was found and done so far; its memory is kept as well."""
    return replace(verdict, result=result_of(memory, options), progress={**verdict.progress, **remembering(memory)})


def left_out(line: Line) -> dict[str, Any]:
    """A line that a target does not get, and why."""
    return {"component": line.component, "quantity": f"{line.quantity:f}", "why": "not kept in stock"}
