"""What took effect and what was asked, counted where it happens. Tests and the demo judge by these numbers, not by the client's."""

from __future__ import annotations

from typing import Any


class Tally:
    """What happened to one document. `open` and `most_open` count operations that overlapped; `refused` those without effect."""

    __slots__ = ("creates", "deletes", "most_open", "open", "refused", "releases", "updates")

    def __init__(self) -> None:
        self.releases = self.creates = self.updates = self.deletes = self.refused = self.open = self.most_open = 0

    def begin(self) -> None:
        """An operation on the document is under way from here."""
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    def as_json(self) -> dict[str, Any]:
        """All but the gauge."""
        return {
            "releases": self.releases,
            "creates": self.creates,
            "updates": self.updates,
            "deletes": self.deletes,
            "refused": self.refused,
            "most_at_once": self.most_open,
        }


class KitTally:
    """What happened to one kit through the API. `created_twice`: lines that a client made again; `refused`: writes without effect."""

    __slots__ = ("created_twice", "creates", "deletes", "refused", "updates")

    def __init__(self) -> None:
        self.creates = self.updates = self.deletes = self.created_twice = self.refused = 0

    def as_json(self) -> dict[str, int]:
        """All of it."""
        return {name: getattr(self, name) for name in ("creates", "updates", "deletes", "created_twice", "refused")}


class KitCounters:
    """The numbers of one company in an ERP that holds kits. `made`: whole kits and items; `violations`: by names that the ERP gives.

    Tallies are by whatever names a kit there for good.
    """

    __slots__ = ("calls", "in_flight", "made", "most_in_flight", "most_writing", "tallies", "token_calls", "violations", "writing")

    def __init__(self, *violations: str) -> None:
        self.calls: dict[tuple[str, int], int] = {}
        self.in_flight = self.most_in_flight = self.writing = self.most_writing = self.token_calls = 0
        self.made = {"kits": 0, "items": 0}
        self.violations = dict.fromkeys(violations, 0)
        self.tallies: dict[str, KitTally] = {}

    def tally(self, key: str) -> KitTally:
        """The numbers of one kit, from its first effect on."""
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = KitTally()
        return found

    def enter(self, *, writes: bool) -> None:
        """A call has arrived."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if writes:
            self.writing += 1
            self.most_writing = max(self.most_writing, self.writing)

    def leave(self, route: str, status: int, *, writes: bool) -> None:
        """A call has been answered; status 0 is a connection closed without an answer."""
        self.in_flight -= 1
        self.writing -= writes
        self.calls[route, status] = self.calls.get((route, status), 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Everything but the single kits."""
        tallies = self.tallies.values()
        routes: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.calls.items()):
            routes.setdefault(route, {})[str(status)] = count
        return {
            "calls": sum(self.calls.values()),
            "routes": routes,
            "token_calls": self.token_calls,
            "most_calls_at_once": self.most_in_flight,
            "most_writes_at_once": self.most_writing,
            "violations": dict(self.violations),
            "effects": {name: sum(getattr(tally, name) for tally in tallies) for name in ("creates", "updates", "deletes")},
            "made": dict(self.made),
            "created_twice": sum(tally.created_twice for tally in tallies),
            "refused": sum(tally.refused for tally in tallies),
        }


class Counters:
    """The numbers of one company."""

    __slots__ = ("calls", "in_flight", "most_in_flight", "notifications", "operations", "tallies", "token_calls", "violations")

    def __init__(self) -> None:
        self.calls: dict[tuple[str, int], int] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.notifications = dict.fromkeys(("due", "sent", "accepted", "refused", "retried", "given_up", "lost", "without_address"), 0)
        self.operations = dict.fromkeys(("accepted", "finished", "failed"), 0)
        self.violations = dict.fromkeys(("slots", "repeated_failures", "repeated_unavailable"), 0)
        self.token_calls = 0
        self.tallies: dict[str, Tally] = {}

    def tally(self, key: str) -> Tally:
        """The numbers of one document, from its first effect on."""
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = Tally()
        return found

    def enter(self, slots: int) -> None:
        """A call has arrived."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if slots and self.in_flight > slots:
            self.violations["slots"] += 1

    def leave(self, route: str, status: int) -> None:
        """A call has been answered; status 0 is a connection closed without an answer."""
        self.in_flight -= 1
        at = (route, status)
        self.calls[at] = self.calls.get(at, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Everything but the single documents."""
        tallies = self.tallies.values()
        routes: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.calls.items()):
            routes.setdefault(route, {})[str(status)] = count
        return {
            "calls": sum(self.calls.values()),
            "routes": routes,
            "token_calls": self.token_calls,
            "most_calls_at_once": self.most_in_flight,
            "notifications": dict(self.notifications),
            "operations": dict(self.operations),
            "violations": dict(self.violations),
            "effects": {name: sum(getattr(tally, name) for tally in tallies) for name in ("releases", "creates", "updates", "deletes")},
            "refused": sum(tally.refused for tally in tallies),
            "released_documents": sum(tally.releases > 0 for tally in tallies),
            "released_twice": sum(tally.releases > 1 for tally in tallies),
            "overlapped_documents": sum(tally.most_open > 1 for tally in tallies),
            "most_operations_at_once": max((tally.most_open for tally in tallies), default=0),
        }
