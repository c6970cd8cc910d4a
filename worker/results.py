"""What comes back from the threads in which calls are made, on its way to the loop that writes it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.handling import Finding
    from worker.planning import Write

GATHER: Final = 0.002
"""After the first result of a round, wait so long for more: they share its transaction."""

GATHER_BEHIND: Final = 0.012
"""The same while jobs stand in line, so that no slot waits for the loop."""

PORTION: Final = 40
"""So many results are written in one round, at most: a list that settles hundreds must not keep free slots waiting."""


@dataclass(frozen=True, slots=True)
class Came:
    """The end of one piece of work in a thread: what was found, or a page of a selection; nothing for a probe.

    `looked`: jobs that were looked at, found or not. `went_on`: its thread took the next job from the line: the slot is still in use.
    `spent`: calls that it took, by batch.
    """

    findings: tuple[Finding, ...] = ()
    looked: tuple[str, ...] = ()
    page: Write | None = None
    went_on: bool = False
    spent: Mapping[str, int] = field(default_factory=dict)


_POKE: Final = Came()


class Results:
    """The ends of all work of one lane in this process. `put` and `poke` may be called from any thread, the rest by the loop alone."""

    def __init__(self) -> None:
        self._came: SimpleQueue[Came] = SimpleQueue()
        self._later: deque[Came] = deque()

    def __len__(self) -> int:
        """Ends that were gathered and not given out for writing yet."""
        return len(self._later)

    def put(self, came: Came) -> None:
        """A piece of work has ended."""
        self._came.put(came)

    def poke(self) -> None:
        """Something may have changed: the loop need not wait longer."""
        self._came.put(_POKE)

    def gather(self, wait: float, *, behind: bool) -> tuple[list[Came], bool]:
        """What came back, and whether somebody poked: waits `wait` seconds for the first, then a moment for more (`behind`: longer)."""
        found: list[Came] = []
        try:
            found.append(self._came.get(timeout=wait) if wait > 0 else self._came.get_nowait())
        except Empty:
            return [], False
        first = monotonic()
        while (left := first + (GATHER_BEHIND if behind else GATHER) - monotonic()) > 0:
            try:
                found.append(self._came.get(timeout=left))
            except Empty:
                break
        real = [came for came in found if came is not _POKE]
        self._later.extend(real)
        return real, len(real) < len(found)

    def portion(self) -> list[Came]:
        """What is written in this round; a long list in parts."""
        found: list[Came] = []
        room = PORTION
        while self._later and room > 0:
            came = self._later.popleft()
            if len(came.findings) > room:
                now = tuple(finding.job.id for finding in came.findings[:room])
                rest = tuple(set(came.looked).difference(now))
                self._later.appendleft(replace(came, findings=came.findings[room:], looked=rest, spent={}))
                came = replace(came, findings=came.findings[:room], looked=now)
            found.append(came)
            room -= max(1, len(came.findings))
        return found
