"""Single kit lines in ItemPath: written with one call, done when Power Pick has imported it and a read shows it.

ItemPath has no idempotency key. So every write is looked for first, and one whose answer was lost is sent again only when ItemPath's own
log of calls, and then the kit, say that it did not run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from worker.clients.itempath.finding import Finder
from worker.clients.itempath.log import Lost, read_log, told
from worker.errors import AuthRefused, BadAnswer, CallError, KitFault, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.jobs.model import JobError
from worker.jobs.retries import not_before
from worker.jobs.verdicts import accepted, again, done, doubt, failed, later, retry
from worker.lines.itempath_seeing import Eyes, Sight, quantity_of
from worker.refusals import before_sending, error_of, look_failed, unfit, unseen

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.clients.itempath.client import ItemPathClient
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import ItemPath

Operation = Literal["create", "update", "delete"]
OPERATIONS: Final[dict[str, Operation]] = {"create_kit_line": "create", "update_kit_line": "update", "delete_kit_line": "delete"}
WAITS: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds until each look after a write; the last one from then on. How long an import takes is not documented."""

_OF_ONE_START: Final = ("doubt", "failed_looks", "failing_since", "look_first")
"""What a job remembers of one start of it only."""

_MARGIN: Final = 0.5
_CHANGES: Final = ("quantity", "number", "target")


class KitLineWork:
    """One installation's kit-line jobs. Threads share it. Times are epoch seconds."""

    def __init__(self, client: ItemPathClient, settings: ItemPath, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._eyes = Eyes(client, Finder(client))

    def start(self, job: Job, now: float) -> Verdict:
        """Look, then write, unless an earlier start turns out to have done it. Never raises for what ItemPath does."""
        if (left := self._too_early(job, now)) > 0:
            return again("it may still be under way; the look comes first", wait=left + _MARGIN)
        try:
            sight = self._eyes.see(job, _operation(job))
        except KitFault as fault:
            return failed(unfit(fault))
        except CallError as error:
            second = bool(job.progress.get("look_first")) and _passes(error)
            return look_failed(job, error, self._settings.retries) if second else self._before(job, error, now)
        return self._by_sight(job, sight) or self._send(job, sight, now)

    def look(self, job: Job, now: float) -> Verdict:
        """Whether a waiting job is done, and what to do if not. Never raises for what ItemPath does."""
        try:
            sight = self._eyes.see(job, _operation(job))
            if sight.done:
                return _seen(job, sight)
            return self._in_doubt(job, sight, now) if job.progress.get("doubt") else self._importing(job, sight, now)
        except KitFault as fault:
            return failed(unfit(fault))
        except CallError as error:
            return unseen(job, error, now)

    def _too_early(self, job: Job, now: float) -> float:
        """Seconds until what was sent before may be sent again; a person who has looked need not wait."""
        sent_at = job.progress.get("sent_at")
        if sent_at is None or job.progress.get("decided") or not job.progress.get("look_first"):
            return 0.0
        return self._settings.second_look - (now - float(sent_at))

    def _by_sight(self, job: Job, sight: Sight) -> Verdict | None:
        """What is settled without a write."""
        operation = _operation(job)
        sent_before = job.progress.get("sent_at") is not None
        if operation == "create":
            if not sight.done:
                return None
            return _seen(job, sight) if sent_before else failed(JobError("duplicate", f"the line is there already: {_id(sight)}"))
        if operation == "update" and sight.done:
            return _seen(job, sight)
        if sight.line is not None:
            return None
        if operation == "delete" and sent_before:
            return done("it is gone", sight.result())
        return failed(JobError("missing_reference", f"{job.reference}: {sight.missing}"))

    def _send(self, job: Job, sight: Sight, now: float) -> Verdict:
        fresh: dict[str, Any] = {"sent_at": now, "polls": 0, **dict.fromkeys(_OF_ONE_START), **sight.kept()}
        try:
            answered = self._write(job, sight)
        except (NotSent, RateLimited, AuthRefused) as error:
            return self._before(job, error, now)
        except (Unclear, BadAnswer) as error:
            return doubt(error_of(error), wait=min(WAITS[0], self._settings.second_look), **fresh)
        except (Missing, Rejected) as error:
            if isinstance(error, Missing) and _operation(job) == "delete":
                return accepted("ItemPath says that there is none; reading back", wait=WAITS[0], **fresh)
            return failed(error_of(error))
        except CallError as error:
            return retry(error_of(error), ordered=error.retry_after)
        return accepted("ItemPath accepted it; Power Pick is to import it", wait=WAITS[0], erp_id=answered, **fresh)

    def _write(self, job: Job, sight: Sight) -> str:
        """The id that ItemPath names the line by."""
        asked = job.arguments
        if sight.line is not None and _operation(job) == "delete":
            self._client.delete_kit_line(sight.line.id)
            return sight.line.id
        quantity = quantity_of(asked)
        if sight.line is not None and _operation(job) == "update":
            changes = {name: asked[name] for name in _CHANGES if asked.get(name) is not None}
            return self._client.update_kit_line(sight.line.id, changes | ({"quantity": quantity} if quantity is not None else {})).id
        if quantity is None:
            raise Rejected("a line needs a quantity")
        return self._client.create_kit_line(sight.kit_id, sight.material_id, quantity, asked.get("number"), asked.get("target")).id

    def _importing(self, job: Job, sight: Sight, now: float) -> Verdict:
        """Accepted, and not to be seen yet."""
        left = self._settings.import_timeout - (now - _sent_at(job))
        if left <= 0:
            what = f"{_operation(job)} of {job.reference}"
            message = f"ItemPath accepted it ({what}), and after {self._settings.import_timeout:g} s Power Pick shows: {sight.missing}"
            return failed(JobError("timeout", message))
        return _later(job, f"not imported yet: {sight.missing}", left)

    def _in_doubt(self, job: Job, sight: Sight, now: float) -> Verdict:
        """Nobody knows whether the write ran. Not before the second look: ItemPath's log, then the kit once more."""
        left = self._settings.second_look - (now - _sent_at(job))
        if left > 0:
            return _later(job, f"nobody can tell yet: {sight.missing}", left)
        ran = self._ran(job, sight)
        if ran is None:
            return failed(JobError("in_doubt", f"it can't be told whether ItemPath did it: {sight.missing}"), **sight.kept())
        if ran:
            return later("ItemPath's log says that it took it", wait=WAITS[0], doubt=None, polls=0)
        sight = self._eyes.see(job, _operation(job))
        if sight.done:
            return _seen(job, sight)
        if job.attempt >= job.max_attempts:
            return failed(JobError("in_doubt", f"its end was unclear {job.attempt} times; ItemPath's log says that it did not run"))
        wait = max(0.0, not_before(job.progress.get("failed_at", ()), self._settings.retries.repeat_window) - now)
        return again("ItemPath's log says that it did not run: it is sent again", wait=wait, look_first=True, doubt=None)

    def _ran(self, job: Job, sight: Sight) -> bool | None:
        kit_id = sight.kit_id or job.progress.get("kit_id")
        if not kit_id:
            return None
        log = read_log(self._client, kit_id, _sent_at(job), self._clock)
        line = sight.line.id if sight.line is not None and _operation(job) != "create" else None
        materials = (sight.material_id,) if sight.material_id else ()
        number = job.arguments.get("number")
        return told(log, Lost(_operation(job), _sent_at(job), kit_id, materials, line, quantity_of(job.arguments), number))

    def _before(self, job: Job, error: CallError, now: float) -> Verdict:
        return before_sending(job, error, now, self._settings.retries)


def _later(job: Job, cause: str, left: float) -> Verdict:
    """Another look: soon at first, then every minute, and one when the time is up."""
    polls = int(job.progress.get("polls", 0)) + 1
    return later(cause, wait=min(WAITS[min(polls, len(WAITS) - 1)], left + _MARGIN), polls=polls)


def _operation(job: Job) -> Operation:
    return OPERATIONS[job.kind]


def _seen(job: Job, sight: Sight) -> Verdict:
    if _operation(job) == "delete":
        return done("it is gone", sight.result())
    return done(f"ItemPath shows it: {_id(sight)}", sight.result())


def _id(sight: Sight) -> str:
    return sight.line.id if sight.line is not None else ""


def _sent_at(job: Job) -> float:
    return cast("float", job.progress.get("sent_at") or job.created_at.timestamp())


def _passes(error: CallError) -> bool:
    """Whether a failed look may go well later."""
    return not isinstance(error, (Missing, Rejected, RateLimited, AuthRefused))
