"""Examples made from rules: each is taken by the rule that it was made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.webhooks.shop import RULE, tenant
from webhooks.dashboard.deliveries.examples import example_for, example_of
from worker.rules import Rulebook
from worker.settings import Rule, Settings

PLAIN = {"item_id": "event.data.sku", "quantity": "event.data.qty"}


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        replace(RULE, on="order.paid", when="", unique_key=""),
        replace(RULE, each="data.lines", when="data.channel == 'b2b' && data.kind == `3`"),
        replace(RULE, each="data.order.lines[*]", when=""),
        Rule("webshop", "*", "create_kit_assembly", PLAIN),
        Rule("webshop", "a", "create_kit_assembly", PLAIN, when="'x' == data.kind", unique_key="event.data.sku"),
    ],
)
def test_example_is_taken(rule: Rule) -> None:
    """What the rule looks for is there, so it makes a job."""
    book = Rulebook(Settings(tenants={"acme": tenant(rule)}))
    assert [outcome.state for outcome in book.judged("acme", "webshop", example_of(rule))] == ["made"]


@pytest.mark.parametrize("text", ["data", "@", "length(data)", "data[0].x", "data.lines[].x", "`1`", "data.* ", "a || b", "!data.x"])
def test_any_expression(text: str) -> None:
    """An expression that says nothing plain does no harm."""
    rule = replace(RULE, when=text, each=text, unique_key=text, arguments={"item_id": text})
    assert example_of(rule)["type"] == "order.example"


def test_kit_codes_place() -> None:
    """A body has a kit's code where the connection looks for it."""
    assert example_for("kit.code || code") == {"kit": {"code": "KIT-1"}, "code": "KIT-1"}
