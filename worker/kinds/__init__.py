"""The kinds of job: what each takes, what it is about, and which ERP does it.

Bad arguments are refused here, when a job is made, with all their faults at once. Nothing in this package calls anything.

>>> KINDS["release_kit_assembly"].check({"type": "P", "ref_no": "000123"})
{'type': 'P', 'ref_no': '000123'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, cast

from marshmallow import Schema, ValidationError

from worker.errors import Fault, InvalidArguments
from worker.kinds.faults import faults_of
from worker.kinds.forms import CreateKitAssembly, NamedKitAssembly, UpdateKitAssembly

Operation = Literal["create", "update", "delete", "release"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job. `schema` is the form of its arguments; `summary` one line for help and the API's description."""

    name: str
    erp: str
    operation: Operation
    schema: type[Schema]
    summary: str

    def check(self, arguments: object) -> dict[str, Any]:
        """The arguments, normalised and ready for JSON. Raises `InvalidArguments` with every fault and its dotted path."""
        if not isinstance(arguments, Mapping):
            raise InvalidArguments((Fault("", "must be an object"),))
        try:
            return cast("dict[str, Any]", _form(self.schema).load(arguments))
        except ValidationError as error:
            raise InvalidArguments(faults_of(error.messages)) from error

    def reference(self, arguments: Mapping[str, Any]) -> str:
        """What people call it: `P/000123`; for a create, which has no number yet, the item's id."""
        if self.operation == "create":
            return str(arguments.get("item_id", ""))
        return f"{arguments.get('type', '')}/{arguments.get('ref_no', '')}"

    def subject(self, arguments: Mapping[str, Any]) -> str | None:
        """The document the job works on, so that no two jobs work on one at once; None for a create.

        Visma's numbers know no case, so `ab1` and `AB1` are one subject (inferred).
        """
        if self.operation == "create":
            return None
        return f"kit-assembly/{self.reference(arguments).upper()}"


@cache
def _form(schema: type[Schema]) -> Schema:
    """One form for the process: making one costs ten times as much as a check."""
    return schema()


_KINDS: Final = (
    Kind("create_kit_assembly", "visma", "create", CreateKitAssembly, "Make a kit assembly; with `release`, release it too."),
    Kind("update_kit_assembly", "visma", "update", UpdateKitAssembly, "Change fields and lines of a kit assembly."),
    Kind("delete_kit_assembly", "visma", "delete", NamedKitAssembly, "Delete a kit assembly."),
    Kind("release_kit_assembly", "visma", "release", NamedKitAssembly, "Release a kit assembly."),
)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _KINDS}
