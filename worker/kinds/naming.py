"""What jobs are about: the name that people call it by, and the subject that no two jobs work on at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker.kinds.codes import folded, kit_subject

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping


class Naming(Protocol):
    """How a kind of job names what it is about, from checked arguments."""

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """What people call it."""

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """What it holds while it works; None: nothing."""


class NewAssembly:
    """A kit assembly that has no number yet: called by its item. It holds nothing."""

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """The item's id."""
        return str(arguments.get("item_id", ""))

    def subject(self, arguments: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - the protocol's signature
        """There is no document yet."""
        return None


class Assembly:
    """A kit assembly by type and number: `P/000123`. Visma's numbers know no case, so `ab1` and `AB1` are one (inferred)."""

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """Type and number."""
        return f"{arguments.get('type', '')}/{arguments.get('ref_no', '')}"

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """The document."""
        return f"kit-assembly/{self.reference(arguments).upper()}"


class WholeKit:
    """A kit by its code."""

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """The code."""
        return str(arguments.get("kit", ""))

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """The kit."""
        return kit_subject(self.reference(arguments))


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What is only looked at: called as `what` is, and held by nobody. A look waits for no work on it."""

    what: Naming

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """The same name."""
        return self.what.reference(arguments)

    def subject(self, arguments: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class PartOfKit:
    """A line of a kit: by `own`, its id in the ERP; or by its kit and `inner`, what the line holds.

    A job that names the kit holds the whole kit; one that knows the line's id alone holds that: `word/ID`. ItemPath's ids are compared
    without case (they are seen in both), Intacct's keys are digits.
    """

    own: str
    inner: str
    word: str

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """`KIT/INNER`, or the id."""
        if self.own in arguments:
            return str(arguments[self.own])
        return f"{arguments.get('kit', '')}/{arguments.get(self.inner, '')}"

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """The kit where it is named, else the line."""
        if "kit" in arguments:
            return kit_subject(str(arguments["kit"]))
        return f"{self.word}/{folded(str(arguments.get(self.own, '')))}"

    def faults(self, given: Container[str]) -> Iterator[tuple[str, str]]:
        """What is wrong with how arguments of these names say which line they mean: each fault's place and message."""
        pair = [name for name in ("kit", self.inner) if name in given]
        if self.own in given and pair:
            yield self.own, f"stands alone: give {self.own}, or kit and {self.inner}"
        elif self.own not in given and not pair:
            yield "_schema", f"needs {self.own}, or kit and {self.inner}"
        elif self.own not in given and len(pair) == 1:
            missing = self.inner if pair == ["kit"] else "kit"
            yield missing, f"is required beside {pair[0]}"


LINE: Final = PartOfKit("id", "material", "kit-line")
COMPONENT: Final = PartOfKit("key", "component", "kit-component")
