"""What the sandbox's owner may do with Visma's companies and documents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.settings import COMPANY_LIVE, CompanySettings, checked
from worker.sandbox.visma.rules import KINDS
from worker.sandbox.wire import Answer, json_answer, message

if TYPE_CHECKING:
    from worker.sandbox.visma.api import Visma
    from worker.sandbox.visma.company import Company
    from worker.sandbox.world import World

MOST: Final = 1_000_000


def make_documents(visma: Visma, world: World, content: dict[str, Any]) -> Answer:
    """Many documents at once: `{"count", "company"?, "type"?, "status"?, "quantity"?, "item"?}`. Raises `ValueError`."""
    company = _company(visma, content.get("company", "demo"))
    count, kind, status = content.get("count", 1), content.get("type", "P"), content.get("status", "B")
    quantity, item = content.get("quantity", 1.0), content.get("item")
    if not isinstance(count, int) or not 0 < count <= MOST:
        raise ValueError(f"count: a number from 1 to {MOST} is expected")
    if kind not in KINDS or status not in {"H", "B"}:
        raise ValueError("type is P or D, status H or B")
    if not isinstance(quantity, int | float) or quantity <= 0:
        raise ValueError("quantity: a number above 0 is expected")
    if item is not None and (item not in company.items or not company.items[item].stock):
        raise ValueError(f"item: there is no kit {item!r}")
    keys = company.make_documents(count, world.clock.now(), kind=kind, status=status, quantity=float(quantity), item_id=item)
    return json_answer(201, {"count": count, "first": keys[0], "last": keys[-1]})


def document_counts(visma: Visma, name: str, key: str) -> Answer:
    """What is known of one document."""
    company = _company(visma, name)
    if company.documents.get(key) is None and key not in company.counters.tallies:
        return message(404, "There is no such document.")
    return json_answer(200, company.told(key))


def drop_document(visma: Visma, name: str, key: str) -> Answer:
    """The document is gone, as if somebody had deleted it in the ERP's own screens; no effect is counted."""
    company = _company(visma, name)
    document = company.documents.get(key)
    if document is None:
        return message(404, "There is no such document.")
    company.documents.remove(document)
    return Answer(204)


def change_companies(companies: tuple[CompanySettings, ...], changes: dict[str, dict[str, Any]]) -> tuple[CompanySettings, ...]:
    """The companies with these changes by name. Raises `ValueError`."""
    unknown = set(changes) - {settings.name for settings in companies}
    if unknown:
        raise ValueError(f"unknown company: {', '.join(sorted(unknown))}")
    return tuple(replace(settings, **checked(CompanySettings, changes.get(settings.name, {}), COMPANY_LIVE)) for settings in companies)


def _company(visma: Visma, name: str) -> Company:
    """The company of this name."""
    if name not in visma.companies:
        raise ValueError(f"unknown company: {name}")
    return visma.companies[name]
