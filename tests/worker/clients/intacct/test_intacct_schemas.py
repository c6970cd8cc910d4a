"""Kit components as Intacct writes them, nested and dotted, and the form in which it takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.clients.intacct.samples import SAMPLES, body
from worker.clients.codec import read_json, write_json
from worker.clients.intacct.records import KitComponent
from worker.clients.intacct.schemas import COMPONENT, component_body, component_of, item_of, page_of
from worker.errors import BadAnswer

DOTTED = st.fixed_dictionaries(
    {},
    optional={
        "key": st.integers(1, 10**9).map(str),
        "kit.key": st.integers(1, 10**9).map(str),
        "kit.id": st.text(min_size=1, max_size=30),
        "component.id": st.text(min_size=1, max_size=30),
        "component.standardCost": st.decimals(0, 10**6, places=9).map(str),
        "numberOfUnits": st.decimals(0, 10**6, places=4),
        "revenuePercentage": st.none() | st.integers(0, 100),
        "lineNumber": st.integers(1, 500),
        "audit.modifiedDateTime": st.just("2026-01-31T12:00:00Z"),
        "someday.new": st.text(max_size=5) | st.none(),
    },
)


def nested(row: dict[str, Any]) -> dict[str, Any]:
    """The same with objects in place of dotted names."""
    made: dict[str, Any] = {}
    for name, value in row.items():
        head, _, tail = name.partition(".")
        if tail:
            made.setdefault(head, {})[tail] = value
        else:
            made[head] = value
    return made


@given(row=DOTTED)
def test_nested_is_dotted(row: dict[str, Any]) -> None:
    """One mapper takes both forms, and every number stays exact."""
    flat = component_of(read_json(write_json(row)))
    deep = component_of(read_json(write_json(nested(row))))

    assert flat == deep
    assert dict(flat.extras) == dict(deep.extras)
    for name, (attribute, _) in COMPONENT.items():
        given_value = row.get(name)
        shown = getattr(flat, attribute)
        assert shown == (Decimal(given_value) if attribute == "standard_cost" and given_value is not None else given_value)


def test_documented_record() -> None:
    """The documented record, every field."""
    record = component_of(read_json((SAMPLES / "kit_component.200.json").read_bytes())["ia::result"])

    assert record == KitComponent(
        key="1",
        id="1",
        kit_key="27",
        kit_id="Kit_1",
        component_key="10",
        component_id="Prnt_Paper",
        component_name="Paper for Printer",
        component_type="inventory",
        cost_method="standard",
        standard_cost=Decimal(100),
        unit_of_measure="10 Pack",
        number_of_units=Decimal(1),
        revenue_percentage=Decimal(10),
        default_delivery_status="delivered",
        default_deferral_status="deferUntilItemIsDelivered",
        line_number=1,
    )
    assert set(record.extras) == {"href", "kit.href", "component.href"}


@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        None,
        {"key": True},
        {"numberOfUnits": "many"},
        {"numberOfUnits": {"value": 1}, "kit.key": {}, "lineNumber": []},
        {"lineNumber": "1.5"},
        {"lineNumber": "1E999999"},
        {"numberOfUnits": "NaN"},
    ],
)
def test_strange_record(value: Any) -> None:
    """What is known and can't be read is no kit component."""
    with pytest.raises(BadAnswer):
        component_of(value)


def test_item_is_read() -> None:
    """An item with numbers and truths as text, as some answers have them."""
    item = item_of({"key": 27, "id": "Kit_1", "standardCost": "1.500000000", "enableFulfillment": "false", "new": 1})

    assert (item.key, item.standard_cost, item.fulfillment, item.extras) == ("27", Decimal("1.5"), False, {"new": 1})
    with pytest.raises(BadAnswer):
        item_of({"enableFulfillment": "perhaps"})


def test_page_end() -> None:
    """The documented list names a next page behind its two records: where the total says that nothing stands there, none follows."""
    page = page_of(body("kit_components.200.json"), lambda row: row)

    assert (len(page.records), page.total, page.next) == (2, 2, None)
    with pytest.raises(BadAnswer):
        page_of({"ia::result": {}}, lambda row: row)
    with pytest.raises(BadAnswer):
        page_of({"rows": []}, lambda row: row)


def test_documented_forms() -> None:
    """The documented requests, made of our words."""
    made = component_body(
        {
            "kit": "1",
            "component": "2",
            "revenue_percentage": Decimal(90),
            "default_delivery_status": "undelivered",
            "default_deferral_status": "deferUntilItemIsDelivered",
            "number_of_units": 1,
        }
    )

    assert made == body("create.request.json")
    assert component_body({"component": "10", "number_of_units": "1"}) == body("update.request.json")
    assert write_json(component_body({"number_of_units": 0.1, "line_number": 3})) == b'{"numberOfUnits":0.1,"lineNumber":3}'


@pytest.mark.parametrize("values", [{"id": "1"}, {"unit": "Each"}, {"number_of_units": "many"}, {"line_number": "x"}, {"kit": None}])
def test_form_is_refused(values: dict[str, Any]) -> None:
    """What can't be written never leaves the house."""
    with pytest.raises(ValueError, match="kit component"):
        component_body(values)
