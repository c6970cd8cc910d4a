"""What of a write the document does not show."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from worker.clients.visma.comparison import unseen
from worker.clients.visma.records import Allocation, KitAssembly, Location, NonStockLine, StockLine

LOT = Allocation(
    line_nbr=1,
    location=Location(id="R01"),
    lot_serial_number="LOT-7",
    quantity=Decimal(4),
    uom="PCS",
    expiration_date="2027-06-30T00:00:00",
)
DOCUMENT = KitAssembly(
    type="P",
    ref_no="000123",
    hold=False,
    date="2026-11-03T00:00:00",
    post_period="112026",
    item_id="KIT-BIKE",
    revision=None,
    description="Bikes for spring",
    warehouse="MAIN",
    uom="PCS",
    quantity=Decimal("2.33"),
    sales_order_link="SO 000456 1",
    stock_component_lines=(
        StockLine(line_nbr=1, item_id="WHEEL", location="R01", quantity=Decimal("4.0"), unit_cost=Decimal("12.3456"), allocations=(LOT,)),
        StockLine(line_nbr=3, item_id="SADDLE", quantity=Decimal(2)),
    ),
    non_stock_component_lines=(NonStockLine(line_nbr=2, item_id="LABOUR", quantity=Decimal("0.5")),),
    kit_allocations=(LOT,),
)
SEEN: list[dict[str, Any]] = [
    {},
    {"hold": False, "item_id": "kit-bike", "description": " Bikes for spring", "warehouse": "MAIN", "uom": "PCS"},
    {"date": "2026-11-03"},
    {"date": "2026-11-03T00:00:00Z"},
    {"post_period": "202611"},
    {"post_period": "112026"},
    {"revision": ""},
    {"quantity": 2.33},
    {"quantity": "2.3333"},
    {"kit_assembly_link": {"order_type": "SO", "order_number": "000456"}},
    {"stock_component_lines": [{"operation": "Update", "line_nbr": 1, "quantity": 4}]},
    {"stock_component_lines": [{"operation": "Insert", "item_id": "SADDLE", "quantity": 2}]},
    {"stock_component_lines": [{"operation": "Insert", "line_nbr": 9, "item_id": "SADDLE"}]},
    {"stock_component_lines": [{"operation": "Insert", "line_nbr": 1, "item_id": "SADDLE"}]},
    {"stock_component_lines": [{"operation": "Delete", "line_nbr": 7}]},
    {"stock_component_lines": [{"item_id": "SADDLE"}, {"line_nbr": 1, "location": "R01"}]},
    {
        "stock_component_lines": [
            {"line_nbr": 1, "stock_component_line_allocations": [{"lot_serial_number": "LOT-7", "location": "R01", "item_id": "WHEEL"}]}
        ]
    },
    {"stock_component_allocations": [{"item_id": "WHEEL", "lot_serial_number": "lot-7", "quantity": 4}]},
    {"non_stock_component_lines": [{"operation": "Update", "line_nbr": 2, "quantity": "0.50"}]},
    {"kit_allocations": [{"lot_serial_number": "LOT-7", "expiration_date": "2027-06-30"}]},
    {"release": True},
]
UNSEEN: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"hold": True, "description": "bikes"}, ("hold", "description")),
    ({"date": "2026-11-04"}, ("date",)),
    ({"date": "2026-11-03T01:00:00"}, ("date",)),
    ({"post_period": "202612"}, ("post_period",)),
    ({"revision": "R2"}, ("revision",)),
    ({"warehouse": ""}, ("warehouse",)),
    ({"quantity": "2.4"}, ("quantity",)),
    ({"quantity": 2}, ("quantity",)),
    ({"kit_assembly_link": {"order_number": "000457"}}, ("kit_assembly_link",)),
    (
        {"stock_component_lines": [{"operation": "Update", "line_nbr": 1, "quantity": 5, "location": "R02"}]},
        ("stock_component_lines[0].quantity", "stock_component_lines[0].location"),
    ),
    ({"stock_component_lines": [{"operation": "Update", "line_nbr": 8, "quantity": 5}]}, ("stock_component_lines[0]",)),
    ({"stock_component_lines": [{"operation": "Delete", "line_nbr": 1}]}, ("stock_component_lines[0]",)),
    ({"stock_component_lines": [{"operation": "Insert", "item_id": "BELL"}]}, ("stock_component_lines[0]",)),
    ({"stock_component_lines": [{"operation": "Insert", "item_id": "SADDLE", "quantity": 3}]}, ("stock_component_lines[0].quantity",)),
    ({"stock_component_lines": [{"operation": "Insert", "item_id": "SADDLE"}] * 2}, ("stock_component_lines[1]",)),
    (
        {"stock_component_lines": [{"line_nbr": 1, "stock_component_line_allocations": [{"line_nbr": 1, "quantity": 3}]}]},
        ("stock_component_lines[0].stock_component_line_allocations[0].quantity",),
    ),
    ({"kit_allocations": [{"lot_serial_number": "LOT-8"}]}, ("kit_allocations[0]",)),
]


@pytest.mark.parametrize("fields", SEEN)
def test_shown_is_seen(fields: dict[str, Any]) -> None:
    """The document shows it, in Visma's own way of writing."""
    assert unseen(fields, DOCUMENT) == ()


@pytest.mark.parametrize(("fields", "paths"), UNSEEN)
def test_other_is_named(fields: dict[str, Any], paths: tuple[str, ...]) -> None:
    """What the document does not show is named by its path."""
    assert unseen(fields, DOCUMENT) == paths


def test_empty_document_shows_nothing() -> None:
    """A document without lists and values survives every comparison."""
    for fields in SEEN:
        asked = {name for name in fields if name not in ("release", "revision")}
        found = {path.split("[")[0].split(".")[0] for path in unseen(fields, KitAssembly())}
        assert found == asked - ({"stock_component_lines"} if "Delete" in str(fields) else set())


def test_tiny_quantity_is_not_zero() -> None:
    """A small quantity that Visma shows as 0 was not taken."""
    assert unseen({"quantity": "0.4"}, KitAssembly(quantity=Decimal(0))) == ("quantity",)


def test_wide_numbers_are_compared() -> None:
    """Numbers with more digits than usual don't fail."""
    assert unseen({"quantity": "123456789012345.5"}, KitAssembly(quantity=Decimal("123456789012345.50000000000000001"))) == ("quantity",)
