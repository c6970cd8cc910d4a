"""What a person does with a kit: have it read in every system, and have its lines carried over. Each is a job that the page follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhooks.api import jobs
from webhooks.dashboard import words
from webhooks.dashboard.kits import looks as kit_looks
from webhooks.dashboard.kits.codes import kit_address
from webhooks.dashboard.kits.page import home_of, page_of
from webhooks.dashboard.visiting import Moved
from worker.errors import InvalidArguments, NotFound

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Tenant


def read(visit: Visit) -> Outcome:
    """`POST /kits/read`."""
    home, code = _kit(visit)
    try:
        kit_looks.begin(visit, home.name, code)
    except InvalidArguments as refused:
        return _refused(visit, home, code, refused)
    return Moved(kit_address(home.name, code))


def sync(visit: Visit) -> Outcome:
    """`POST /kits/sync`: to the targets that are ticked; from another source where one is named."""
    home, code = _kit(visit)
    arguments: dict[str, Any] = {"kit": code, "targets": visit.all("targets")}
    if visit.one("source"):
        arguments["source"] = visit.one("source")
    arguments |= {name: True for name in ("dry_run", "force") if visit.one(name)}
    try:
        visit.ask(jobs.create, body={"tenant": home.name, "kind": kit_looks.SYNC, "arguments": arguments})
    except InvalidArguments as refused:
        return _refused(visit, home, code, refused)
    names = " and ".join(words.ERPS.get(each, each) for each in arguments["targets"])
    said = f"A dry run to {names} was asked for: nothing is written." if "dry_run" in arguments else f"The sync to {names} was asked for."
    return Moved(f"{kit_address(home.name, code)}#syncs", said)


def _kit(visit: Visit) -> tuple[Tenant, str]:
    home, code = home_of(visit, visit.one("tenant")), visit.one("code")
    if not code:
        raise NotFound("there is no such kit")
    return home, code


def _refused(visit: Visit, home: Tenant, code: str, refused: InvalidArguments) -> Outcome:
    faults = [{"path": fault.path.removeprefix("arguments."), "message": fault.message} for fault in refused.faults]
    typed = {name: visit.one(name) for name in ("source", "dry_run", "force")}
    return page_of(visit, home, code, 422, faults=faults, targets=visit.all("targets"), **typed)
