"""Whether Visma shows what a job asked for: the only thing that counts as done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.visma_clock import on_their_clock
from worker.clients.visma.comparison import unseen
from worker.clients.visma.lists import KitAssemblyFilter
from worker.clients.visma.records import Accepted
from worker.errors import BadAnswer, Missing
from worker.jobs.verdicts import NewJob, done
from worker.kinds import KINDS

if TYPE_CHECKING:
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import KitAssembly, KitAssemblyStatus
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict

RELEASED: Final = "R"
_NAMES: Final = frozenset({"type", "ref_no", "release"})
WINDOW: Final = timedelta(seconds=90)
"""How far Visma's clock may be from ours when a create is looked for."""

_MOST_PAGES: Final = 20
_SHORT: Final = 180
"""A description longer than this carries our mark in front, where Visma would not cut it off (its limit is not documented)."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the document showed: the verdict if it is done, what is not there yet if not, and the document."""

    verdict: Verdict | None
    missing: str = ""
    document: KitAssembly | None = None
    gone: bool = False
    ambiguous: bool = False


def notified(job: Job) -> bool:
    """Whether news of the job's present operation has come; news of an earlier start does not count."""
    return job.notified_at is not None and job.notified_at.timestamp() >= job.progress.get("sent_at", 0.0)


def mark_of(job_id: str) -> str:
    """The reference that a create carries in its description."""
    return f"[kr:{job_id.replace('-', '')[-12:]}]"


def fields_of(job: Job, *, mark: bool) -> dict[str, Any]:
    """The fields to write, in snake case; a create carries our mark at the end of its description, if wanted."""
    creates = KINDS[job.kind].operation == "create"
    fields = {name: value for name, value in job.arguments.items() if name != "release" and (creates or name not in _NAMES)}
    if creates and mark:
        described = str(fields.get("description") or "")
        marked = (described, mark_of(job.id)) if len(described) <= _SHORT else (mark_of(job.id), described)
        fields["description"] = " ".join(marked).strip()
    return fields


def released(document: KitAssembly | KitAssemblyStatus, cause: str) -> Verdict:
    """A release that is seen."""
    return done(cause, {"type": document.type, "ref_no": document.ref_no, "status": RELEASED, "last_modified": _changed(document)})


def created(job: Job, document: KitAssembly | KitAssemblyStatus, cause: str) -> Verdict:
    """A create that is seen; with `release` a release job follows in the same transaction."""
    named = {"type": document.type, "ref_no": document.ref_no}
    follow: tuple[NewJob, ...] = ()
    if job.arguments.get("release"):
        kind = KINDS["release_kit_assembly"]
        follow = (
            NewJob(
                tenant=job.tenant,
                erp=job.erp,
                kind=kind.name,
                arguments=dict(named),
                reference=kind.reference(named),
                subject=kind.subject(named),
                max_attempts=job.max_attempts,
                unique_key=f"release-of:{job.id}",
                priority=job.priority,
                tags=job.tags,
                batch=job.batch,
            ),
        )
    return done(cause, {**named, "status": document.status, "last_modified": _changed(document)}, follow=follow)


def read(client: VismaClient, kind: str, ref_no: str) -> KitAssembly:
    """The document now. Raises `CallError`, `Missing` if there is none."""
    answer = client.get_kit_assembly(kind, ref_no)
    if isinstance(answer, Accepted):
        raise BadAnswer("Visma queued a plain read")
    return answer


def see(client: VismaClient, job: Job, *, mark: bool, clock_minutes: int | None) -> Sight:
    """Read the document that the job is about. Raises `CallError`."""
    operation = KINDS[job.kind].operation
    if operation == "create":
        return _see_created(client, job, mark=mark, clock_minutes=clock_minutes)
    try:
        document = read(client, job.arguments["type"], job.arguments["ref_no"])
    except Missing:
        verdict = done("it is gone") if operation == "delete" else None
        return Sight(verdict, missing="the document does not exist", gone=True)
    if operation == "release":
        verdict = released(document, "read back: status R") if document.status == RELEASED else None
        return Sight(verdict, f"its status is {document.status}", document)
    if operation == "delete":
        return Sight(None, "the document still exists", document)
    left = unseen(fields_of(job, mark=mark), document)
    verdict = (
        done("read back as asked", {"type": document.type, "ref_no": document.ref_no, "status": document.status}) if not left else None
    )
    return Sight(verdict, f"it does not show {', '.join(left)}", document)


def see_number(client: VismaClient, job: Job, kind: str | None, ref_no: str) -> Sight:
    """Read the document that a create's answer named."""
    kind = kind or str(job.arguments.get("type", "P"))
    try:
        document = read(client, kind, ref_no)
    except Missing:
        return Sight(None, f"{kind}/{ref_no} can't be read yet")
    return Sight(created(job, document, f"read back: {kind}/{ref_no}"), document=document)


def _see_created(client: VismaClient, job: Job, *, mark: bool, clock_minutes: int | None) -> Sight:
    """Look for a create's document among those made since it was sent: by our mark; without one, by item and quantity."""
    since = datetime.fromtimestamp(job.progress.get("sent_at", job.created_at.timestamp()), UTC) - WINDOW
    border = on_their_clock(since, clock_minutes) if clock_minutes is not None else since.replace(tzinfo=None) - timedelta(hours=14)
    kind = job.arguments.get("type", "P")
    filters = KitAssemblyFilter(type=kind, created=border, created_condition=">=")
    alike = []
    for number in range(1, _MOST_PAGES + 1):
        page = client.list_statuses(filters, page_number=number)
        for record in page.records:
            if mark and mark_of(job.id) in (record.description or ""):
                return Sight(created(job, record, f"found by its mark: {record.type}/{record.ref_no}"))
            if not mark and _alike(job, record):
                alike.append(f"{record.type}/{record.ref_no}")
        if page.last:
            break
    else:
        return Sight(None, "more documents were made since than can be looked through", ambiguous=True)
    if alike:
        return Sight(None, f"it may be {' or '.join(alike[:5])}: same item and quantity, made since", ambiguous=True)
    return Sight(None, "no document made since shows it")


def _alike(job: Job, record: KitAssemblyStatus) -> bool:
    """Visma may write ids in capitals and cut quantities: a strict look would take our own document for another's."""
    return not unseen({name: job.arguments[name] for name in ("item_id", "quantity")}, record)


def _changed(document: KitAssembly | KitAssemblyStatus) -> str | None:
    """When it was changed last, on Visma's clock; of a document that was changed just now, this tells the clock's zone."""
    changed: str | None = getattr(document, "last_modified_date_time", None) or getattr(document, "last_modified", None)
    return changed
