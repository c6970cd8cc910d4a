"""What took effect and what was asked of one company: as of every ERP with kits, and what only Intacct has."""

from __future__ import annotations

from typing import Any, Final

from worker.sandbox.counters import KitCounters

SLOTS: Final = "slots"
_NOTIFICATIONS: Final = ("due", "sent", "accepted", "refused", "retried", "given_up", "without_address")


class Counts(KitCounters):
    """The numbers of one company; kits by their ids. A person's edits are no effects.

    `created_twice`: a call made a component while one of the same item, made by a call as well, stood in the kit.
    `replays`: answers that were given again under their idempotency key. `notifications`: triggers on their way.
    """

    __slots__ = ("notifications", "replays", "tokens_killed")

    def __init__(self) -> None:
        super().__init__(SLOTS)
        self.notifications = dict.fromkeys(_NOTIFICATIONS, 0)
        self.tokens_killed = self.replays = 0

    def fits(self, slots: int) -> bool:
        """Whether there is room for the call that just arrived; it is counted when there is none. 0 slots: always."""
        if not slots or self.in_flight <= slots:
            return True
        self.violations[SLOTS] += 1
        return False

    def as_json(self) -> dict[str, Any]:
        """Everything but the single kits."""
        return {
            **super().as_json(),
            "tokens_killed": self.tokens_killed,
            "replays": self.replays,
            "notifications": dict(self.notifications),
        }
