"""Background operations as they run: accepted, started by the least busy worker, ended, told."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from worker.sandbox.ids import make_id
from worker.sandbox.visma.operations import FAILED, FINISHED, Operation

if TYPE_CHECKING:
    from worker.sandbox.visma.calls import Call
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.execution import Execution
    from worker.sandbox.visma.notifications import Notifications
    from worker.sandbox.visma.targets import Target
    from worker.sandbox.world import World


_PRUNE_EVERY: Final = 4_096


class Background:
    """All operations of all companies."""

    def __init__(self, world: World, execution: Execution, notifications: Notifications) -> None:
        self._world = world
        self.operations: dict[str, Operation] = {}
        self._execution = execution
        self._notifications = notifications
        self._busy: dict[str, int] = {}
        self._waiting: dict[str, deque[Operation]] = {}

    def clear(self) -> None:
        """Forget all."""
        self.operations.clear()
        self._busy.clear()
        self._waiting.clear()

    def accept(self, company: Company, call: Call, target: Target, nth: int) -> Operation:
        """Take the call in; nothing of it is looked at yet (documented: intercepted before it reaches its endpoint)."""
        operation = Operation(make_id(), company, call, target, nth=nth, received=self._world.clock.now())
        self.operations[operation.operation_id] = operation
        company.counters.operations["accepted"] += 1
        if not len(self.operations) % _PRUNE_EVERY:
            self._prune()
        if call.document:
            company.counters.tally(call.document).begin()
        return operation

    def start(self, operation: Operation) -> None:
        """Run it as soon as a worker is free."""
        name = operation.company.settings.name
        if self._busy.get(name, 0) >= self._world.settings.workers:
            self._waiting.setdefault(name, deque()).append(operation)
            return
        self._busy[name] = self._busy.get(name, 0) + 1
        operation.started = self._world.clock.now()
        self._world.later(run_time(operation, self._world), lambda: self._end(operation))

    def _prune(self) -> None:
        """Forget operations that have been expired for as long as they were kept; until then their content answers 410."""
        oldest = self._world.clock.now() - 2 * self._world.settings.retention
        self.operations = {key: operation for key, operation in self.operations.items() if operation.received > oldest}

    def finish(self, operation: Operation) -> None:
        """The operation takes effect and ends; nobody is told yet."""
        company, call = operation.company, operation.call
        operation.started = operation.started or self._world.clock.now()
        faults = self._world.faults
        if faults.active and faults.hits("failed", call.key(), operation.nth):
            operation.status, operation.error = FAILED, "The background worker was stopped while it processed the request."
            company.counters.operations["failed"] += 1
        else:
            operation.answer = self._execution.run(company, call)
            operation.status = FINISHED
            company.counters.operations["finished"] += 1
        operation.finished = self._world.clock.now()
        if call.document:
            company.counters.tally(call.document).open -= 1

    def _end(self, operation: Operation) -> None:
        """End the operation, tell, and give its worker to the next."""
        self.finish(operation)
        self._notifications.notify(operation)
        name = operation.company.settings.name
        self._busy[name] -= 1
        waiting = self._waiting.get(name)
        if waiting:
            self.start(waiting.popleft())


def run_time(operation: Operation, world: World) -> float:
    """How long the operation runs, in seconds: the same for the same seed and document."""
    settings = world.settings
    if not settings.jitter:
        return settings.finish_ms / 1000
    part = world.faults.part("jitter", operation.call.key(), operation.nth)
    return settings.finish_ms * (1 + settings.jitter * (2 * part - 1)) / 1000
