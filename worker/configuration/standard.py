"""The secrets of Standard Webhooks, and a marshmallow field for one."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from marshmallow import ValidationError

from worker.configuration.fields import Text, Value
from worker.settings import Secret

PREFIX: Final = "whsec_"
LEAST: Final = 24
MOST: Final = 64


def key_of(secret: str) -> bytes:
    """The key in a secret. Raises ValueError when there is none."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


class StandardSecret(Value[Secret]):
    """`whsec_` and base64 of 24 to 64 bytes, as the specification has it; without the prefix, too."""

    def convert(self, value: object) -> Secret:
        """The secret, covered."""
        text = Text().convert(value)
        try:
            length = len(key_of(text))
        except (binascii.Error, ValueError):
            raise ValidationError("must be a secret of Standard Webhooks: whsec_ and base64") from None
        if not LEAST <= length <= MOST:
            raise ValidationError(f"must hold {LEAST} to {MOST} bytes in base64, after whsec_")
        return Secret(text)
