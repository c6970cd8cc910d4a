"""What a job on a kit component is about, and whether Intacct shows what it asked for: the only thing that counts as done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from worker.clients.intacct import reading
from worker.clients.intacct.comparison import unseen, wanted_of
from worker.clients.intacct.records import KITS
from worker.errors import Missing
from worker.jobs.model import JobError
from worker.jobs.verdicts import done, failed

if TYPE_CHECKING:
    from worker.clients.intacct.client import IntacctClient
    from worker.clients.intacct.records import IntacctItem, KitComponent
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Target:
    """What a job writes on, in Intacct's keys: kit and component of a create, else the line.

    `before`: the lines of this component that were there before a create was sent first.
    """

    kit: str = ""
    component: str = ""
    line: str | None = None
    before: tuple[str, ...] = ()

    def remembered(self) -> dict[str, Any]:
        """As JSON, for the job's memory."""
        return {**asdict(self), "before": list(self.before)}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look showed: the job's end if there is one, else what is missing."""

    end: Verdict | None
    missing: str = ""


class Decided(Exception):
    """There is nothing to send: the job's end is known."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.cause)


def operation_of(job: Job) -> str:
    """create, update or delete."""
    return job.kind.partition("_")[0]


def target_in(job: Job) -> Target:
    """What the job remembers of it; empty where its worker died before it could."""
    kept = job.progress.get("target") or {}
    return Target(kept.get("kit", ""), kept.get("component", ""), kept.get("line"), tuple(kept.get("before", ())))


class Seeing:
    """Looks for one job after another. All methods raise `CallError` where a read fails, and `Decided`."""

    def __init__(self, client: IntacctClient) -> None:
        self._client = client

    def target(self, job: Job) -> Target:
        """What to write on. An earlier start that did the work, or what stands against the write, is `Decided`."""
        sent_before = bool(job.progress.get("sent_at"))
        if sent_before:
            sight = self.see(job, target_in(job))
            if sight.end is not None:
                raise Decided(sight.end)
        if operation_of(job) == "create":
            return self._target_of_create(job, sent_before=sent_before)
        line = self._line(job)
        if line is None:
            raise Decided(failed(JobError("missing_reference", "the kit has no such component")))
        return Target(line=line)

    def see(self, job: Job, target: Target) -> Sight:
        """Whether Intacct shows it."""
        if operation_of(job) == "create":
            return self._see_created(job, target)
        line = target.line or self._line(job)
        shown = None if line is None else self._get(line)
        if operation_of(job) == "delete":
            return Sight(done("it is gone", {"key": line}) if shown is None else None, f"kit component {line} still exists")
        if shown is None:
            return Sight(failed(JobError("missing_reference", "the kit component does not exist")))
        return self._compared(job, shown)

    def _see_created(self, job: Job, target: Target) -> Sight:
        if target.line is not None:
            shown = self._get(target.line)
            return Sight(None, f"kit component {target.line} can't be read") if shown is None else self._compared(job, shown)
        kit, component = (target.kit, target.component) if target.kit else self._keys(job)
        rows = reading.components_of(self._client, kit, component)
        alike = [row for row in rows if row.key not in target.before and not unseen(wanted_of(job.arguments), row)]
        if len(alike) > 1:
            return Sight(failed(_several(alike, "may be the one that was made")))
        return self._compared(job, alike[0]) if alike else Sight(None, "no line of the kit shows it")

    def _compared(self, job: Job, shown: KitComponent) -> Sight:
        left = unseen(wanted_of(job.arguments), shown)
        if left:
            return Sight(None, f"kit component {shown.key} does not show {', '.join(left)}")
        return Sight(done("read back as asked", self._result(job, shown)))

    def _result(self, job: Job, shown: KitComponent) -> dict[str, Any]:
        """What was read. A line number may have pushed others: then the whole kit is read, and its order told."""
        told: dict[str, Any] = {"key": shown.key, "kit": shown.kit_id, "component": shown.component_id, "line_number": shown.line_number}
        if job.arguments.get("line_number") is not None and shown.kit_key is not None:
            rows = reading.components_of(self._client, shown.kit_key)
            told["lines"] = [{"key": row.key, "component": row.component_id, "line_number": row.line_number} for row in rows]
        return told

    def _target_of_create(self, job: Job, *, sent_before: bool) -> Target:
        kit, component = self._keys(job)
        if sent_before:
            return Target(kit, component, before=target_in(job).before)
        rows = reading.components_of(self._client, kit, component)
        alike = [row for row in rows if not unseen(wanted_of(job.arguments), row)]
        if len(alike) > 1:
            raise Decided(failed(_several(alike, "are what is to be made")))
        if alike:
            raise Decided(failed(JobError("duplicate", f"kit component {alike[0].key} is what is to be made")))
        return Target(kit, component, before=tuple(row.key for row in rows if row.key))

    def _line(self, job: Job) -> str | None:
        """The line that a job names by `key`, or by kit and component; None if there is none."""
        if job.arguments.get("key") is not None:
            return str(job.arguments["key"])
        rows = reading.components_of(self._client, *self._keys(job))
        if len(rows) > 1:
            raise Decided(failed(_several(rows, "hold this component: name one by its key")))
        return rows[0].key if rows else None

    def _keys(self, job: Job) -> tuple[str, str]:
        """The keys of the kit and the component that a job names by code or key."""
        names = (str(job.arguments["kit"]), str(job.arguments["component"]))
        found = reading.named_items(self._client, names)
        lacking = [name for name in dict.fromkeys(names) if name not in found]
        if lacking:
            raise Decided(failed(JobError("missing_reference", f"Intacct has no item {', '.join(lacking)}")))
        kit, component = (found[name] for name in names)
        fault = _unfit(kit, component) if operation_of(job) == "create" else None
        if fault is not None:
            raise Decided(failed(JobError("validation", fault)))
        return str(kit.key), str(component.key)

    def _get(self, key: str) -> KitComponent | None:
        try:
            return self._client.get_kit_component(key)
        except Missing:
            return None


def _unfit(kit: IntacctItem, component: IntacctItem) -> str | None:
    """Why this can't stand in that: only kits have components, and a stockable kit takes no plain kit (documented)."""
    if kit.item_type not in KITS:
        return f"{kit.id} is no kit in Intacct but {kit.item_type}"
    if kit.item_type == "stockableKit" and component.item_type == "kit":
        return f"the stockable kit {kit.id} can't hold the kit {component.id}, which keeps no stock"
    return None


def _several(rows: list[KitComponent], what: str) -> JobError:
    return JobError("conflict", f"kit components {', '.join(str(row.key) for row in rows)} {what}")
