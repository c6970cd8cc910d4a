"""The header `erp-api-background`: who is told when the operation has ended (documented)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from worker.sandbox.visma.refusals import refused

HEADER: Final = "erp-api-background"
_SUBSCRIPTION: Final = "subscription"


@dataclass(frozen=True, slots=True)
class Target:
    """Nobody (neither url nor subscription), a URL, or the company's subscription with the headers the caller asked for."""

    url: str = ""
    subscription: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    def address(self, subscribed: str) -> str:
        """Where a notification goes; `none` when nowhere."""
        return (subscribed if self.subscription else self.url) or "none"


NOBODY: Final = Target()
SUBSCRIPTION: Final = Target(subscription=True)


def read_target(value: str) -> Target:
    """The target that a header names. A header that cannot be read is refused at once (inferred)."""
    text = value.strip()
    if text == "none":
        return NOBODY
    if text == _SUBSCRIPTION:
        return SUBSCRIPTION
    if text.startswith("subscription:"):
        return Target(subscription=True, headers=_pairs(text.removeprefix("subscription:")))
    if text.startswith(("http://", "https://")):
        return Target(url=text)
    raise refused(f"The value of {HEADER} is not valid.")


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs `name=value`, separated by commas."""
    pairs = tuple((name.strip(), value.strip()) for name, found, value in (pair.partition("=") for pair in text.split(",")) if found)
    if len(pairs) != text.count(",") + 1 or not all(name for name, _ in pairs):
        raise refused(f"The value of {HEADER} is not valid.")
    return pairs
