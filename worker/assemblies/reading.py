"""A look at one document: as Visma shows it now, with one call, for an operator who waits.

The result, at most 256 KiB:

    {"document": {"type": "P", "ref_no": "000123", "status": "B", "stock_component_lines": [{"line_nbr": 1, …}], …}}
    {"document": null}                                     Visma has none: that is what the look found
    {"document": {…}, "left_out": ["stock_component_lines"]}   members that were too large

All fields that Visma answered are there, under our names in snake case; what we do not know of, under Visma's. Numbers are JSON numbers
where those are exact, else texts.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson

from worker.assemblies.seeing import read
from worker.clients.redaction import MASK, redact
from worker.errors import AuthRefused, CallError, Missing, Rejected
from worker.jobs.verdicts import again, done, failed, retry
from worker.refusals import error_of

if TYPE_CHECKING:
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import Record
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict

LARGEST: Final = 256 * 1024
LONGEST_WAIT: Final = 60.0
"""Seconds: nobody waits longer for a look, so it fails, and may be asked for again."""

INEXACT: Final = 2**53
"""From here on not every reader of JSON takes whole numbers as they are."""

_OWN: Final = frozenset({"extras", "nulls"})


class AssemblyReading:
    """The `SingleWork` of `read_kit_assembly`. A look that fails is tried once more, and then its asker is told."""

    def __init__(self, client: VismaClient) -> None:
        self._client = client

    def start(self, job: Job, now: float) -> Verdict:  # noqa: ARG002 - the protocol's
        """Read it."""
        try:
            document = read(self._client, job.arguments["type"], job.arguments["ref_no"])
        except Missing:
            return done("Visma has no such document", {"document": None})
        except (AuthRefused, Rejected) as error:
            return failed(error_of(error))
        except CallError as error:
            if (error.retry_after or 0.0) > LONGEST_WAIT:
                return failed(error_of(error))
            return retry(error_of(error), ordered=error.retry_after)
        return done("read", result_of(shown(document)))

    def look(self, job: Job, now: float) -> Verdict:  # noqa: ARG002 - the protocol's
        """Only one whose worker stopped waits: a read does no harm twice."""
        return again(f"{job.reference} is read again", doubt=None)


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    """The job's result. What is too large goes, the largest first, and is named."""
    kept: dict[str, Any] = _safe(document)
    left_out = []
    while len(orjson.dumps(kept)) > LARGEST:
        largest = max(kept, key=lambda name: len(orjson.dumps(kept[name])))
        left_out.append(largest)
        kept = {name: value for name, value in kept.items() if name != largest}
    return {"document": kept} | ({"left_out": left_out} if left_out else {})


def shown(record: Record) -> dict[str, Any]:
    """A record as JSON values: what Visma answered, null where it said null."""
    named = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in _OWN}
    told = {name: _plain(value) for name, value in named.items() if value is not None or name in record.nulls}
    return told | {name: _plain(value) for name, value in record.extras.items() if name not in told}


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON values and records
    if isinstance(value, Decimal):
        return _number(value)
    if is_dataclass(value):
        return shown(value)  # type: ignore[arg-type] # records hold records
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return str(value) if type(value) is int and abs(value) >= INEXACT else value


def _number(value: Decimal) -> float | str:
    nearest = float(value)
    return nearest if Decimal(repr(nearest)) == value else str(value)


def _safe(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """Without what looks like a secret, by the names of members and in texts."""
    if isinstance(value, str):
        return redact(_text(value))
    if isinstance(value, list):
        return [_safe(each) for each in value]
    if isinstance(value, dict):
        return {_text(name): MASK if each is not None and _is_secret(name) else _safe(each) for name, each in value.items()}
    return value


def _text(value: str) -> str:
    """Without halves of characters, which JSON can escape and no ledger keeps."""
    return value.encode(errors="replace").decode()


def _is_secret(name: str) -> bool:
    probe = f'"{name}": "x"'
    return redact(probe) != probe
