"""What a sync is asked to do: the job's arguments over the tenant's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.settings import Sync

Nesting = Literal["preserve", "explode"]
NAMES: Final = ("source", "targets", "nested", "dry_run", "force")
"""Arguments that a sync hands on to the syncs that follow from it."""


@dataclass(frozen=True, slots=True)
class Options:
    """One kit from one source to some targets. `dry_run`: only look. `force`: write although many lines would go."""

    kit: str
    source: str
    targets: tuple[str, ...]
    nested: Mapping[str, Nesting] = field(default_factory=dict)
    revision: str | None = None
    dry_run: bool = False
    force: bool = False

    def nesting(self, target: str) -> Nesting:
        """Whether inner kits stay kits in the target, or their parts are written instead."""
        return self.nested.get(target, "preserve")

    @property
    def explodes(self) -> bool:
        """Whether any target gets the parts of inner kits."""
        return any(self.nesting(target) == "explode" for target in self.targets)


def options_of(arguments: Mapping[str, Any], sync: Sync) -> Options:
    """The arguments were checked when the job was made; what they leave out, the settings say now."""
    source = str(arguments.get("source") or sync.source or "")
    targets = tuple(arguments.get("targets") or (target for target in sync.targets if target != source))
    return Options(
        kit=str(arguments.get("kit", "")),
        source=source,
        targets=targets,
        nested={**sync.nested, **_nesting(arguments.get("nested"))},
        revision=arguments.get("revision"),
        dry_run=bool(arguments.get("dry_run")),
        force=bool(arguments.get("force")),
    )


def settled(options: Options) -> dict[str, Any]:
    """What the settings may have said, for the job's memory; as arguments it says the same whatever the settings say."""
    return {"source": options.source, "targets": list(options.targets), "nested": {each: options.nesting(each) for each in options.targets}}


def handed_on(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What another kit's sync, which follows from this one, takes over."""
    return {name: arguments[name] for name in NAMES if name in arguments}


def _nesting(given: Any) -> dict[str, Nesting]:  # noqa: ANN401 - one word, or a table by target
    if isinstance(given, dict):
        return given
    return dict.fromkeys(ERPS, given) if given else {}
