"""The kinds of job: what each takes, what it is about, and which ERP does it.

Bad arguments are refused here, when a job is made, with all their faults at once. Nothing in this package calls anything.

>>> KINDS["release_kit_assembly"].check({"type": "P", "ref_no": "000123"})
{'type': 'P', 'ref_no': '000123'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from marshmallow import Schema, ValidationError

from worker.errors import Fault, InvalidArguments
from worker.kinds.faults import faults_of, right_of
from worker.kinds.forms import CreateKitAssembly, NamedKitAssembly, UpdateKitAssembly
from worker.kinds.kit_components import CreateKitComponent, DeleteKitComponent, UpdateKitComponent
from worker.kinds.kit_lines import CreateKitLine, DeleteKitLine, UpdateKitLine
from worker.kinds.naming import COMPONENT, LINE, Assembly, LookedAt, NewAssembly, WholeKit
from worker.kinds.reads import ATTEMPTS, PRIORITY, ReadKit
from worker.kinds.syncs import SyncKitLines

if TYPE_CHECKING:
    from worker.kinds.naming import Naming

Operation = Literal["create", "update", "delete", "release", "sync", "read"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.

    `erp` does it; empty where the arguments and the tenant's settings say which begins (`worker.kinds.sides`). `schema` is the form of its
    arguments, `naming` what they are about, `summary` one line for help and the API's description. `priority` is that of a job for which
    none is asked, `attempts` how often it is tried at most; None: as the connection says.
    """

    name: str
    erp: str
    operation: Operation
    schema: type[Schema]
    naming: Naming
    summary: str
    priority: int = 0
    attempts: int | None = None

    def look(self, arguments: object) -> tuple[dict[str, Any], tuple[Fault, ...]]:
        """What is right in the arguments, normalised and ready for JSON; and every fault of them with its dotted path."""
        if not isinstance(arguments, Mapping):
            return {}, (Fault("", "must be an object"),)
        try:
            return dict(_form(self.schema).load(arguments)), ()
        except ValidationError as error:
            return right_of(error), faults_of(error.messages)

    def check(self, arguments: object) -> dict[str, Any]:
        """The arguments, normalised and ready for JSON. Raises `InvalidArguments` with every fault and its dotted path."""
        right, faults = self.look(arguments)
        if faults:
            raise InvalidArguments(faults)
        return right

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """What people call it: `P/000123`, an item that has no document yet, a kit, `KIT/MATERIAL`, or a line's id."""
        return self.naming.reference(arguments)

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """The document, kit or line that the job works on, so that no two jobs work on one at once; None for what is not there yet."""
        return self.naming.subject(arguments)


@cache
def _form(schema: type[Schema]) -> Schema:
    """One form for the process: making one costs ten times as much as a check."""
    return schema()


_KINDS: Final = (
    Kind(
        "create_kit_assembly",
        "visma",
        "create",
        CreateKitAssembly,
        NewAssembly(),
        "Make a kit assembly; with `release`, release it too.",
    ),
    Kind("update_kit_assembly", "visma", "update", UpdateKitAssembly, Assembly(), "Change fields and lines of a kit assembly."),
    Kind("delete_kit_assembly", "visma", "delete", NamedKitAssembly, Assembly(), "Delete a kit assembly."),
    Kind("release_kit_assembly", "visma", "release", NamedKitAssembly, Assembly(), "Release a kit assembly."),
    Kind("sync_kit_lines", "", "sync", SyncKitLines, WholeKit(), "Make a kit's lines in the targets equal to the source's."),
    Kind("create_kit_line", "itempath", "create", CreateKitLine, LINE, "Put a material or kit into a kit in ItemPath."),
    Kind("update_kit_line", "itempath", "update", UpdateKitLine, LINE, "Change a kit line in ItemPath."),
    Kind("delete_kit_line", "itempath", "delete", DeleteKitLine, LINE, "Take a line out of a kit in ItemPath."),
    Kind("create_kit_component", "intacct", "create", CreateKitComponent, COMPONENT, "Put an item into a kit in Intacct."),
    Kind("update_kit_component", "intacct", "update", UpdateKitComponent, COMPONENT, "Change a kit component in Intacct."),
    Kind("delete_kit_component", "intacct", "delete", DeleteKitComponent, COMPONENT, "Take a component out of a kit in Intacct."),
    Kind(
        "read_kit_assembly",
        "visma",
        "read",
        NamedKitAssembly,
        LookedAt(Assembly()),
        "Read a kit assembly as Visma shows it now.",
        PRIORITY,
        ATTEMPTS,
    ),
    Kind("read_kit", "", "read", ReadKit, LookedAt(WholeKit()), "Read a kit in every system, side by side.", PRIORITY, ATTEMPTS),
)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _KINDS}
