"""The forms of kit components: Intacct's fields in snake case. `kit` and `component` are item ids or keys."""

from __future__ import annotations

from typing import Final

from worker.kinds.codes import LONGEST
from worker.kinds.fields import Amount, OneOf, Percent, Text, Whole
from worker.kinds.forms import Form
from worker.kinds.naming import COMPONENT
from worker.kinds.parts import ChangedPart, NamedPart

DELIVERY: Final = ("delivered", "undelivered")
DEFERRAL: Final = ("deferUntilItemIsDelivered", "deferBundleUntilItemIsDelivered")
"""Both in Intacct's own words (documented)."""


class CreateKitComponent(Form):
    """A new component. Intacct gives it a line number if none is asked for; for one that is taken it renumbers the others (documented)."""

    kit = Text(most=LONGEST, required=True)
    component = Text(most=LONGEST, required=True)
    number_of_units = Amount(above_zero=True, required=True)
    revenue_percentage = Percent()
    default_delivery_status = OneOf(*DELIVERY)
    default_deferral_status = OneOf(*DEFERRAL)
    line_number = Whole()


class DeleteKitComponent(NamedPart):
    """A component that shall go."""

    part = COMPONENT
    key = Text(most=LONGEST)
    kit = Text(most=LONGEST)
    component = Text(most=LONGEST)


class UpdateKitComponent(DeleteKitComponent, ChangedPart):
    """A component and what to change of it; what is not named stays (documented)."""

    number_of_units = Amount(above_zero=True)
    revenue_percentage = Percent()
    default_delivery_status = OneOf(*DELIVERY)
    default_deferral_status = OneOf(*DEFERRAL)
    line_number = Whole()
