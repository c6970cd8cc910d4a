"""Arguments of jobs: what is taken, and how each fault is named."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.clients.visma.forms import InsertForm, UpdateForm
from worker.errors import InvalidArguments
from worker.kinds import KINDS
from worker.kinds.forms import CreateKitAssembly, UpdateKitAssembly
from worker.settings import JOB_KINDS, READ_KINDS

NAMED = {"type": "P", "ref_no": "000123"}
LEAST: dict[str, dict[str, Any]] = {
    "create_kit_assembly": {"item_id": "KIT", "quantity": 1},
    "update_kit_assembly": {**NAMED, "hold": True},
    "delete_kit_assembly": NAMED,
    "release_kit_assembly": NAMED,
    "sync_kit_lines": {"kit": "KIT"},
    "create_kit_line": {"kit": "KIT", "material": "BOLT", "quantity": 4},
    "update_kit_line": {"id": "A1", "quantity": 4},
    "delete_kit_line": {"kit": "KIT", "material": "BOLT"},
    "create_kit_component": {"kit": "KIT", "component": "BOLT", "number_of_units": 4},
    "update_kit_component": {"kit": "KIT", "component": "BOLT", "line_number": 2},
    "delete_kit_component": {"key": "17"},
    "read_kit_assembly": NAMED,
    "read_kit": {"kit": "KIT"},
}
FULL: dict[str, Any] = {
    "type": "D",
    "ref_no": "000123",
    "item_id": "KIT",
    "quantity": "2.50",
    "hold": False,
    "date": "2026-01-31",
    "post_period": "202601",
    "revision": "R1",
    "reason_code": "",
    "description": "",
    "warehouse": "MAIN",
    "location": "R01",
    "uom": "PCS",
    "stock_component_lines": [
        {
            "operation": "Insert",
            "line_nbr": 1,
            "item_id": "A",
            "location": "R01",
            "uom": "PCS",
            "quantity": 0,
            "unit_cost": 1.5,
            "reason_code": "X",
            "stock_component_line_allocations": [
                {"operation": "Insert", "item_id": "A", "lot_serial_number": "L", "quantity": None, "uom": "PCS", "expiration_date": None}
            ],
        }
    ],
    "stock_component_allocations": [{"line_nbr": 1, "location": "R01"}],
    "non_stock_component_lines": [{"operation": "Delete", "line_nbr": 2}],
    "kit_allocations": [{"lot_serial_number": "L", "expiration_date": "2027-01-31T00:00:00Z"}],
    "kit_assembly_link": {"order_type": "SO", "order_number": "1", "order_line_number": 3},
    "release": True,
}
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("quantity", {"quantity": 0}, "quantity: must be greater than 0"),
    ("quantity", {"quantity": -1}, "quantity: must be greater than 0"),
    ("quantity", {"quantity": True}, "quantity: must be a finite number"),
    ("quantity", {"quantity": float("nan")}, "quantity: must be a finite number"),
    ("quantity", {"quantity": "Infinity"}, "quantity: must be a finite number"),
    ("quantity", {"quantity": "1_000"}, "quantity: must be a finite number"),
    ("quantity", {"quantity": "two"}, "quantity: must be a finite number"),
    ("quantity", {"quantity": None}, "quantity: must not be null"),
    ("quantity", {"quantity": "1e99999"}, "quantity: must be below 1E15, with at most 28 digits and 10 decimal places"),
    ("quantity", {"quantity": "0.00000000001"}, "quantity: must be below 1E15, with at most 28 digits and 10 decimal places"),
    ("type", {"type": "X"}, "type: must be one of P, D"),
    ("type", {"type": []}, "type: must be one of P, D"),
    ("item", {"item_id": "  "}, "item_id: must have 1 to 60 characters"),
    ("item", {"item_id": "a\nb"}, "item_id: must not contain control characters"),
    ("item", {"item_id": 7}, "item_id: must be text"),
    ("ref", {"ref_no": "1" * 16}, "ref_no: must have 1 to 15 characters"),
    ("hold", {"hold": 1}, "hold: must be true or false"),
    ("date", {"date": "tomorrow"}, "date: must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z"),
    ("date", {"date": "2026-01-31\x0012:00:00"}, "date: must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z"),
    ("date", {"date": "2026-01-31\ud80012:00:00"}, "date: must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z"),
    ("unknown", {"itemId": "KIT"}, "itemId: is not known here"),
    ("status", {"status": "R"}, "status: is not known here"),
    ("line", {"stock_component_lines": [{}]}, "stock_component_lines[0]: needs item_id or line_nbr"),
    (
        "line",
        {"stock_component_lines": [{"operation": "Update", "item_id": "A"}]},
        "stock_component_lines[0].line_nbr: is required to update a line",
    ),
    (
        "line",
        {"stock_component_lines": [{"operation": "Insert", "line_nbr": 1}]},
        "stock_component_lines[0].item_id: is required to insert a line",
    ),
    (
        "line",
        {"stock_component_lines": [{"operation": "insert", "item_id": "A"}]},
        "stock_component_lines[0].operation: must be one of Insert, Update, Delete",
    ),
    ("line", {"stock_component_lines": {}}, "stock_component_lines: must be a list"),
    (
        "line",
        {"non_stock_component_lines": [{"item_id": "A", "location": "R"}]},
        "non_stock_component_lines[0].location: is not known here",
    ),
    (
        "deep",
        {"stock_component_lines": [{"item_id": "A"}, {"item_id": "B", "stock_component_line_allocations": [{"quantity": -1}]}]},
        "stock_component_lines[1].stock_component_line_allocations[0].quantity: must not be below 0",
    ),
    ("link", {"kit_assembly_link": {}}, "kit_assembly_link: must name an order"),
    ("link", {"kit_assembly_link": {"order_line_number": 1.0}}, "kit_assembly_link.order_line_number: must be a whole number"),
]


def faults(kind: str, arguments: object) -> list[str]:
    """The faults, as text."""
    with pytest.raises(InvalidArguments) as caught:
        KINDS[kind].check(arguments)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("kind", LEAST)
def test_least_is_enough(kind: str) -> None:
    """Each kind takes its required arguments alone; a create is a production unless said."""
    checked = KINDS[kind].check(LEAST[kind])

    assert checked == ({"type": "P", **LEAST[kind]} if kind.endswith("assembly") else LEAST[kind])


def test_kinds_have_one_list() -> None:
    """The names that rules may use are those of the kinds there are, but for those that only look."""
    assert set(KINDS) == {*JOB_KINDS, *READ_KINDS}
    assert {name for name, kind in KINDS.items() if kind.operation == "read"} == set(READ_KINDS)
    assert set(LEAST) == set(KINDS)
    assert all(kind.name == name for name, kind in KINDS.items())


def test_everything_is_taken() -> None:
    """Every writable field is taken and stays as it was given."""
    assert KINDS["create_kit_assembly"].check(FULL) == FULL
    assert json.loads(json.dumps(KINDS["create_kit_assembly"].check(FULL))) == FULL


def test_arguments_fit_visma_form() -> None:
    """Arguments and Visma's forms have the same fields, but for the release that follows."""
    assert set(CreateKitAssembly().fields) - {"release"} == set(InsertForm().fields)
    assert set(UpdateKitAssembly().fields) == set(UpdateForm().fields)
    InsertForm().dump({name: value for name, value in KINDS["create_kit_assembly"].check(FULL).items() if name != "release"})


@pytest.mark.parametrize(("_about", "change", "fault"), FAULTS)
def test_fault_is_named(_about: str, change: dict[str, Any], fault: str) -> None:
    """Each fault has its dotted path and says what it must be."""
    assert faults("create_kit_assembly", {**LEAST["create_kit_assembly"], **change}) == [fault]


def test_all_faults_together() -> None:
    """Every fault of the arguments is told at once."""
    found = faults("create_kit_assembly", {"type": "X", "hold": "yes", "foo": 1, "kit_allocations": [{"uom": ""}, 3]})

    assert sorted(found) == [
        "foo: is not known here",
        "hold: must be true or false",
        "item_id: is required",
        "kit_allocations[0].uom: must have 1 to 12 characters",
        "kit_allocations[1]: must be an object",
        "quantity: is required",
        "type: must be one of P, D",
    ]


@pytest.mark.parametrize("arguments", [None, [], "x", 7])
def test_arguments_are_an_object(arguments: object) -> None:
    """Anything else is a fault without a place."""
    assert faults("release_kit_assembly", arguments) == ["must be an object"]


def test_update_changes_something() -> None:
    """An update without a field to change is none; it can't change the link."""
    assert faults("update_kit_assembly", NAMED) == ["names no field to change"]
    assert faults("update_kit_assembly", {**NAMED, "kit_assembly_link": {}}) == ["kit_assembly_link: is not known here"]


@pytest.mark.parametrize("kind", ["update_kit_assembly", "delete_kit_assembly", "release_kit_assembly"])
def test_document_is_named(kind: str) -> None:
    """Type and number are required where there is a document."""
    assert {"type: is required", "ref_no: is required"} <= set(faults(kind, {}))


def test_reference_and_subject() -> None:
    """What people call a job, and the document that it holds; a create holds none."""
    release, create = KINDS["release_kit_assembly"], KINDS["create_kit_assembly"]

    assert (release.reference(NAMED), release.subject(NAMED)) == ("P/000123", "kit-assembly/P/000123")
    assert (create.reference(FULL), create.subject(FULL)) == ("KIT", None)
    assert release.subject({"type": "P", "ref_no": "ab1"}) == release.subject({"type": "P", "ref_no": "AB1"})


def test_text_is_stripped() -> None:
    """Spaces around a value are no part of it, so that two jobs on one document are seen as such."""
    assert KINDS["release_kit_assembly"].check({"type": "P", "ref_no": " 000123 "}) == NAMED


@given(number=st.decimals(min_value=Decimal("0.0001"), max_value=10**9, places=4))
def test_amount_stays_exact(number: Decimal) -> None:
    """A decimal string, or a Decimal from a file, keeps every digit."""
    kind = KINDS["create_kit_assembly"]

    assert kind.check({"item_id": "K", "quantity": str(number)})["quantity"] == f"{number:f}"
    assert kind.check({"item_id": "K", "quantity": number})["quantity"] == f"{number:f}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FULL, "line_nbr", "operation", "kit", "id", "targets", "nested", "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("kind", LEAST)
@settings(max_examples=50)
@given(arguments=JSON)
def test_any_json_is_judged(kind: str, arguments: object) -> None:
    """Whatever JSON comes, it is taken or refused; what is taken is JSON, and taken again unchanged."""
    with contextlib.suppress(InvalidArguments):
        checked = KINDS[kind].check(arguments)
        assert KINDS[kind].check(json.loads(json.dumps(checked, allow_nan=False))) == checked
