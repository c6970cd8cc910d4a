"""The form of a sync: which kit, and how. Between which systems is judged with the tenant's settings, in `worker.kinds.sides`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields

from worker.kinds.codes import LONGEST
from worker.kinds.fields import Flag, OneOf, Strict, Text
from worker.kinds.forms import Form
from worker.settings import ERPS

NESTED: Final = ("preserve", "explode")


class Targets(fields.List[str]):
    """One or more systems, each once."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own options
        super().__init__(OneOf(*ERPS), error_messages={"null": "must not be null", "invalid": "must be a list"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> list[Any]:  # noqa: ANN401 - marshmallow's
        targets = super()._deserialize(value, attr, data, **options) or []
        if not targets:
            raise ValidationError("must name at least one")
        twice = {place: ["is named twice"] for place, target in enumerate(targets) if target in targets[:place]}
        if twice:
            raise ValidationError(twice)
        return targets


class Nested(Strict["str | dict[str, str]"]):
    """How inner kits are written: one word for all targets, or one for each that is named."""

    def _parse(self, value: object) -> str | dict[str, str]:
        if not isinstance(value, Mapping):
            return _word(value)
        if not value:
            raise ValidationError("must name at least one target")
        wrong = {str(erp): ["is no system: there are " + ", ".join(ERPS)] for erp in value if erp not in ERPS}
        wrong |= {erp: [f"must be one of {', '.join(NESTED)}"] for erp, word in value.items() if erp in ERPS and word not in NESTED}
        if wrong:
            raise ValidationError(wrong)
        return dict(value)


class HowToSync(Form):
    """How to sync, whichever kit."""

    source = OneOf(*ERPS)
    targets = Targets()
    nested = Nested()
    dry_run = Flag()
    force = Flag()


class SyncKitLines(HowToSync):
    """One kit by its business code; `revision` is Visma's."""

    kit = Text(most=LONGEST, required=True)
    revision = Text(most=20)


def _word(value: object) -> str:
    if value not in NESTED:
        raise ValidationError(f"must be one of {', '.join(NESTED)}, or one of them for each target")
    return str(value)
