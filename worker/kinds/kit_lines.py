"""The forms of kit lines: ItemPath's fields in snake case. `kit` and `material` are names or ids; a material may be a kit, too."""

from __future__ import annotations

from worker.kinds.codes import LONGEST
from worker.kinds.fields import Amount, Text, Whole
from worker.kinds.forms import Form
from worker.kinds.naming import LINE
from worker.kinds.parts import ChangedPart, NamedPart


class CreateKitLine(Form):
    """A new line. ItemPath gives it a number if none is asked for (documented); its default quantity is nowhere told, so ours is asked."""

    kit = Text(most=LONGEST, required=True)
    material = Text(most=LONGEST, required=True)
    quantity = Amount(above_zero=True, required=True)
    number = Whole()
    target = Text(most=LONGEST)


class DeleteKitLine(NamedPart):
    """A line that shall go."""

    part = LINE
    id = Text(most=LONGEST)
    kit = Text(most=LONGEST)
    material = Text(most=LONGEST)


class UpdateKitLine(DeleteKitLine, ChangedPart):
    """A line and what to change of it; what is not named stays (documented)."""

    quantity = Amount(above_zero=True)
    number = Whole()
    target = Text(most=LONGEST)
