"""What a sync job remembers between its steps, as JSON in its progress: where it stands, what it read, what it sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.kits.codec import from_json, remote_from_json, remote_to_json, to_json
from worker.sync.system import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.jobs.model import Job
    from worker.kits.model import Recipe, RemoteKit

KEY: Final = "sync"
Stage = Literal["source", "target", "write", "shown", "recheck"]
"""`source`: the recipe is to be read. `target`: a target is to be read. `write`: it was read and differs. `shown`: what was sent is to be
seen there. `recheck`: all targets show it, and the source is read once more."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Where a sync stands.

    `at` is the target's place among the targets; `round` how often the present one was written to; `passes` how often all began anew
    because the source had changed meanwhile. `recipes` are the kit and its inner kits as the source has them, by code. `sent` are the
    writes of the present round, from `sent_at` (epoch seconds) on. `reports` is what became of each target, as JSON. `kit`: the
    target's, as it was read at `read_at`, to be written to. `least`: the fewest lines by which the present target differed so far.
    `generation`: under which the last writes went out, as long as one of them may still be on its way: then they go out under it again.
    `made_at`: when the last kit or item was asked for that the present target lacked.
    `asked`: source, targets and nesting as they were when the recipe was read: settings that change meanwhile are for the next sync.
    """

    stage: Stage = "source"
    at: int = 0
    round: int = 0
    passes: int = 0
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    sent: tuple[Sent, ...] = ()
    sent_at: float | None = None
    operation: str | None = None
    polls: int = 0
    wrote: bool = False
    reports: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    kit: RemoteKit | None = None
    read_at: float | None = None
    least: int | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    generation: int | None = None
    made_at: float | None = None

    def for_next_target(self) -> Memory:
        """Without what is about one target only."""
        anew: dict[str, Any] = dict.fromkeys(("sent_at", "operation", "kit", "read_at", "least", "generation", "made_at"))
        return replace(self, round=0, sent=(), polls=0, **anew)

    def to_json(self) -> dict[str, Any]:
        """For the job's progress; what is as at the start is left out."""
        whole = {
            "stage": self.stage,
            "at": self.at,
            "round": self.round,
            "passes": self.passes,
            "recipes": {code: to_json(recipe) for code, recipe in self.recipes.items()},
            "sent": [asdict(each) for each in self.sent],
            "sent_at": self.sent_at,
            "operation": self.operation,
            "polls": self.polls,
            "wrote": self.wrote,
            "reports": dict(self.reports),
            "kit": None if self.kit is None else remote_to_json(self.kit),
            "read_at": self.read_at,
            "least": self.least,
            "asked": dict(self.asked),
            "generation": self.generation,
            "made_at": self.made_at,
        }
        return {name: value for name, value in whole.items() if value or name == "stage"}


def memory_of(job: Job) -> Memory:
    """What the job remembers; a new one, or one that is replayed, nothing."""
    kept: dict[str, Any] = job.progress.get(KEY) or {}
    recipes = {code: from_json(value) for code, value in kept.get("recipes", {}).items()}
    sent = tuple(Sent(**each) for each in kept.get("sent", ()))
    kit = remote_from_json(kept["kit"]) if kept.get("kit") else None
    return Memory(**{**kept, "recipes": recipes, "sent": sent, "kit": kit})
