"""Which event makes which jobs: the rules of the settings, compiled once, and what they do with an event. Pure.

    exact        JSON whose numbers stay what was written
    expressions  JMESPath over it, in a bounded number of steps
    events       what an event is: an object with a type, or a CloudEvent
    judging      a rule over an event: made, refused, skipped
    foresight    the same told before it is done

>>> from worker.settings import Rule, Settings, Tenant
>>> rule = Rule("shop", "order.*", "create_kit_assembly", {"item_id": "event.data.sku"}, when="data.paid")
>>> book = Rulebook(Settings(tenants={"acme": Tenant("acme", rules=(rule,))}))
>>> [outcome.why for outcome in book.judged("acme", "shop", {"type": "order.new", "data": {}})]
['when gives null, not true']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.errors import Fault
from worker.jobs.outcomes import Outcome
from worker.rules.judging import Compiled, judged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.settings import Settings

__all__ = ["Rulebook"]


class Rulebook:
    """The rules of all tenants."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules: dict[tuple[str, str], tuple[Compiled, ...]] = {}
        for tenant in settings.tenants.values():
            for number, rule in enumerate(tenant.rules):
                key = (tenant.name, rule.source)
                self._rules[key] = (*self._rules.get(key, ()), Compiled.of(number, rule))

    def has(self, tenant: str, source: str) -> bool:
        """Whether there is any rule for what this source sends."""
        return (tenant, source) in self._rules

    def judged(self, tenant: str, source: str, event: Mapping[str, Any]) -> tuple[Outcome, ...]:
        """What the rules do with an event, whose `type` is text: in their order, and element by element. Never raises for an event."""
        return judged(self._settings, tenant, self._rules.get((tenant, source), ()), event)

    def refused(self, tenant: str, source: str, why: str) -> tuple[Outcome, ...]:
        """What they do with what can't be read as an event."""
        rules = self._rules.get((tenant, source), ())
        return tuple(Outcome(rule.place, rule.rule.do, "refused", faults=(Fault(rule.place, why),)) for rule in rules)
