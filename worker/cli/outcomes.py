"""What became of a sync, by its job's result: for each target the difference, what was written, and what stands against it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.errors import ERROR_CLASSES
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.kits.difference import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.jobs.model import Job

Stand = Literal["in step", "differs", "written", "failed"]
HELD: Final = "held until"
_OWN: Final = frozenset({"difference", "applied", "left_out", "edited_there", "made", "stopped", "in_step"})


@dataclass(frozen=True, slots=True)
class Target:
    """One target of one kit, as it was found and what was written there. `same` lines agree; `notes` are sentences."""

    erp: str
    rows: tuple[Row, ...]
    same: int
    applied: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """In a few words."""
        if not self.rows:
            return f"no difference, {_lines(self.same)}"
        return f"{len(self.rows)} to change, {_lines(self.same)} the same"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kit. `advice` says what a person may do where it failed."""

    kit: str
    job: str
    source: str
    stand: Stand
    targets: tuple[Target, ...]
    error: JobError | None = None
    advice: str = ""
    result: Any = None

    def view(self) -> dict[str, Any]:
        """As JSON: the targets as the job's result has them."""
        told = self.result if isinstance(self.result, dict) else {}
        error = self.error
        why = error and {"class": error.error_class, "message": error.message, "advice": self.advice}
        return {"kit": self.kit, "job": self.job, "stand": self.stand, "targets": told.get("targets", {}), "error": why}


def outcome_of(job: Job) -> Outcome:
    """What an ended sync came to."""
    result = job.result if isinstance(job.result, dict) else {}
    reports: Mapping[str, Any] = result.get("targets", {})
    targets = tuple(_target(erp, report) for erp, report in reports.items())
    kit = str(result.get("kit") or job.reference)
    source = str(result.get("source") or job.arguments.get("source") or "")
    error = None if job.state is State.SUCCEEDED else job.error or JobError("conflict", "it was cancelled")
    advice = "" if error is None else _advice(error, kit, job.id)
    return Outcome(kit, job.id, source, _stand(job, targets, result), targets, error, advice, result)


def rows_of(difference: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows of a difference as a job's result holds it: the same as `Difference.rows` gives."""
    return tuple(_rows(difference))


def _rows(difference: Mapping[str, Any]) -> Iterator[Row]:
    for line in difference.get("create", ()):
        yield Row("create", line["component"], "", line["quantity"], line["unit"] or "")
    for change in difference.get("update", ()):
        if quantity := change.get("quantity"):
            yield Row("update", change["component"], quantity["from"], quantity["to"], change["unit"] or "")
        if rank := change.get("rank"):
            yield Row("update", change["component"], f"place {rank['from']}", f"place {rank['to']}", "")
    for line in difference.get("delete", ()):
        yield Row("delete", line["component"], line["quantity"], "", line["unit"] or "")


def _target(erp: str, report: Mapping[str, Any]) -> Target:
    difference = report.get("difference", {})
    applied = tuple(report.get("applied", ()))
    return Target(erp, rows_of(difference), int(difference.get("same", 0)), applied, tuple(_notes(report, applied)))


def _notes(report: Mapping[str, Any], applied: tuple[str, ...]) -> Iterator[str]:
    for line in report.get("left_out", ()):
        yield f"left out: {line['component']}, {line['quantity']} ({line['why']})"
    if report.get("edited_there"):
        yield "edited there since the last sync: what was edited is lost"
    if made := report.get("made"):
        yield f"made first: {', '.join(made)}"
    if applied:
        yield f"written: {', '.join(applied)}"
    if stopped := report.get("stopped"):
        yield f"stopped: {stopped}"
    for name, value in report.items():
        if name not in _OWN:
            yield f"{name.replace('_', ' ')}: {value}"


def _stand(job: Job, targets: tuple[Target, ...], result: Mapping[str, Any]) -> Stand:
    if job.state is not State.SUCCEEDED:
        return "failed"
    if result.get("wrote"):
        return "written"
    return "differs" if any(target.rows for target in targets) else "in step"


def _advice(error: JobError, kit: str, job: str) -> str:
    if HELD in error.message:
        return f"if these lines may go: kitrelay sync {kit} --force"
    return f"{ERROR_CLASSES[error.error_class].meaning.replace('replay', 'run it again')} (kitrelay jobs show {job})"


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"
