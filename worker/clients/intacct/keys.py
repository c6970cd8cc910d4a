"""Idempotency keys: the same request has the same key, whatever process or attempt sends it. Pure.

Intacct keeps key, request and answer, failures too: for 48 hours the same key brings the stored answer, for 60 days it stays taken, and
with another body it is a 409 (documented). So the content is part of the key, and a new `generation` makes a new one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from worker.clients.codec import write_json

STORED: Final = 47 * 3600.0
"""Seconds that a key is trusted to bring back the answer to its first request: the documented 48 hours, less one."""


def idempotency_key(job: str, generation: int, operation: str, kit: str, component: str, content: object) -> str:
    """At most 120 characters: job and generation to be read by people, the rest hashed."""
    digest = sha256(write_json([job, generation, operation, kit, component, content])).hexdigest()[:40]
    return f"kitrelay-{job[:48]}-{generation}-{digest}"
