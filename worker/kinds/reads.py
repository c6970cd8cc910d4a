"""The forms of looks. Somebody waits for what they see: they go before bulk work, and are not tried for long."""

from __future__ import annotations

from typing import Final

from worker.kinds.codes import LONGEST
from worker.kinds.fields import Text
from worker.kinds.forms import Form

PRIORITY: Final = 100
ATTEMPTS: Final = 2


class ReadKit(Form):
    """One kit by its business code; `revision` is Visma's."""

    kit = Text(most=LONGEST, required=True)
    revision = Text(most=20)
