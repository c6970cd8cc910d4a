"""What the forms of kit lines (ItemPath) and kit components (Intacct) share: how a line is named, and that a change changes something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import ValidationError, validates_schema

from worker.kinds.forms import Form

if TYPE_CHECKING:
    from worker.kinds.naming import PartOfKit


class NamedPart(Form):
    """A line that there is: by its id in the ERP, or by its kit and what it holds. Looks at what was given, so that all faults are told."""

    part: ClassVar[PartOfKit]

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _names_its_line(self, _data: object, original: object, **_options: object) -> None:
        given = original if isinstance(original, Mapping) else {}
        if faults := dict(self.part.faults(given)):
            raise ValidationError({place: [message] for place, message in faults.items()})


class ChangedPart(NamedPart):
    """The same, and what to change."""

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _changes_something(self, _data: object, original: Any, **_options: object) -> None:  # noqa: ANN401 - whatever was sent
        names = {self.part.own, self.part.inner, "kit"}
        if not set(original) & (self.fields.keys() - names):
            raise ValidationError("names no field to change")
