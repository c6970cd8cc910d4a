"""The kinds of kit lines: what each takes, what it is called, and what it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import InvalidArguments
from worker.kinds import KINDS
from worker.settings import ERPS

FULL: dict[str, dict[str, Any]] = {
    "sync_kit_lines": {
        "kit": "KIT",
        "revision": "R1",
        "source": "visma",
        "targets": ["itempath", "intacct"],
        "nested": {"itempath": "explode", "intacct": "preserve"},
        "dry_run": True,
        "force": False,
    },
    "create_kit_line": {"kit": "KIT", "material": "BOLT", "quantity": "2.50", "number": 3, "target": "Target"},
    "update_kit_line": {"kit": "KIT", "material": "BOLT", "quantity": 0.1, "number": 0, "target": "Target"},
    "create_kit_component": {
        "kit": "KIT",
        "component": "BOLT",
        "number_of_units": 3,
        "revenue_percentage": "33.34",
        "default_delivery_status": "undelivered",
        "default_deferral_status": "deferBundleUntilItemIsDelivered",
        "line_number": 4,
    },
    "update_kit_component": {
        "key": "17",
        "number_of_units": 3,
        "revenue_percentage": 0,
        "default_delivery_status": "delivered",
        "default_deferral_status": "deferUntilItemIsDelivered",
        "line_number": 4,
    },
}
LINE = {"kit": "KIT", "material": "BOLT"}
FAULTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("sync_kit_lines", {}, ["kit: is required"]),
    ("sync_kit_lines", {"kit": "K" * 101}, ["kit: must have 1 to 100 characters"]),
    ("sync_kit_lines", {"kit": "K", "source": "sap"}, ["source: must be one of visma, itempath, intacct"]),
    ("sync_kit_lines", {"kit": "K", "targets": []}, ["targets: must name at least one"]),
    ("sync_kit_lines", {"kit": "K", "targets": "visma"}, ["targets: must be a list"]),
    ("sync_kit_lines", {"kit": "K", "targets": None}, ["targets: must not be null"]),
    ("sync_kit_lines", {"kit": "K", "targets": ["visma", "sap"]}, ["targets[1]: must be one of visma, itempath, intacct"]),
    ("sync_kit_lines", {"kit": "K", "targets": ["visma", "intacct", "visma"]}, ["targets[2]: is named twice"]),
    ("sync_kit_lines", {"kit": "K", "nested": "both"}, ["nested: must be one of preserve, explode, or one of them for each target"]),
    ("sync_kit_lines", {"kit": "K", "nested": []}, ["nested: must be one of preserve, explode, or one of them for each target"]),
    ("sync_kit_lines", {"kit": "K", "nested": {}}, ["nested: must name at least one target"]),
    (
        "sync_kit_lines",
        {"kit": "K", "nested": {"sap": "explode", "visma": 1}},
        ["nested.sap: is no system: there are visma, itempath, intacct", "nested.visma: must be one of preserve, explode"],
    ),
    ("create_kit_line", {"quantity": 0}, ["kit: is required", "material: is required", "quantity: must be greater than 0"]),
    ("update_kit_line", {"id": "A", **LINE, "quantity": 1}, ["id: stands alone: give id, or kit and material"]),
    ("update_kit_line", {"id": "A"}, ["names no field to change"]),
    ("update_kit_line", LINE, ["names no field to change"]),
    ("update_kit_line", {}, ["names no field to change", "needs id, or kit and material"]),
    ("update_kit_line", {"kit": "K", "quantity": 1}, ["material: is required beside kit"]),
    ("update_kit_line", {"quantity": -1}, ["needs id, or kit and material", "quantity: must be greater than 0"]),
    ("update_kit_line", {"id": 7, "number": 1.5}, ["id: must be text", "number: must be a whole number"]),
    ("update_kit_line", {"id": "A", "to_kit": "B"}, ["names no field to change", "to_kit: is not known here"]),
    ("delete_kit_line", {"material": "BOLT"}, ["kit: is required beside material"]),
    ("delete_kit_line", {"id": "A", "quantity": 1}, ["quantity: is not known here"]),
    ("create_kit_component", {}, ["component: is required", "kit: is required", "number_of_units: is required"]),
    ("update_kit_component", {"key": "1", "revenue_percentage": 100.01}, ["revenue_percentage: must be from 0 to 100"]),
    ("update_kit_component", {"key": "1", "revenue_percentage": -1}, ["revenue_percentage: must not be below 0"]),
    (
        "update_kit_component",
        {"key": "1", "default_delivery_status": "Delivered", "default_deferral_status": ""},
        [
            "default_deferral_status: must be one of deferUntilItemIsDelivered, deferBundleUntilItemIsDelivered",
            "default_delivery_status: must be one of delivered, undelivered",
        ],
    ),
    ("delete_kit_component", {"key": "1", "kit": "K"}, ["key: stands alone: give key, or kit and component"]),
    ("delete_kit_component", {}, ["needs key, or kit and component"]),
]
NAMES: list[tuple[str, dict[str, Any], str, str]] = [
    ("sync_kit_lines", {"kit": "Kit-1"}, "Kit-1", "kit/KIT-1"),
    ("create_kit_line", {"kit": "Kit-1", "material": "Bolt", "quantity": 1}, "Kit-1/Bolt", "kit/KIT-1"),
    ("delete_kit_line", {"kit": "Kit-1", "material": "Bolt"}, "Kit-1/Bolt", "kit/KIT-1"),
    ("delete_kit_line", {"id": "ab-1"}, "ab-1", "kit-line/AB-1"),
    ("create_kit_component", {"kit": "KIT-1", "component": "Bolt", "number_of_units": 1}, "KIT-1/Bolt", "kit/KIT-1"),
    ("update_kit_component", {"key": "17", "line_number": 1}, "17", "kit-component/17"),
    ("delete_kit_component", {"kit": "KIT-1", "component": "Bolt"}, "KIT-1/Bolt", "kit/KIT-1"),
]


def faults(kind: str, arguments: object) -> list[str]:
    """The faults, as text, sorted."""
    with pytest.raises(InvalidArguments) as caught:
        KINDS[kind].check(arguments)
    return sorted(str(fault) for fault in caught.value.faults)


@pytest.mark.parametrize("kind", FULL)
def test_everything_is_taken(kind: str) -> None:
    """Every argument of the contract is taken and stays as it was given."""
    assert KINDS[kind].check(FULL[kind]) == FULL[kind]
    assert set(KINDS[kind].schema().fields) - {"id", "key", "kit", "material", "component"} <= FULL[kind].keys()


@pytest.mark.parametrize(("kind", "arguments", "expected"), FAULTS)
def test_faults_are_named(kind: str, arguments: dict[str, Any], expected: list[str]) -> None:
    """All faults are told together, each at its place."""
    assert faults(kind, arguments) == expected


@pytest.mark.parametrize(("kind", "arguments", "reference", "subject"), NAMES)
def test_names(kind: str, arguments: dict[str, Any], reference: str, subject: str) -> None:
    """What people call the job; it holds its kit where it names one, whichever ERP does it, and else its line."""
    checked = KINDS[kind].check(arguments)

    assert (KINDS[kind].reference(checked), KINDS[kind].subject(checked)) == (reference, subject)


def test_right_part_is_kept() -> None:
    """Beside its faults, what is right in the arguments is given, so that it can be judged further."""
    right, found = KINDS["sync_kit_lines"].look({"kit": " K ", "source": "visma", "force": 1, "targets": ["x"]})

    assert right["kit"] == "K"
    assert right["source"] == "visma"
    assert "force" not in right
    assert [str(fault) for fault in found] == ["targets[0]: must be one of visma, itempath, intacct", "force: must be true or false"]


@given(code=st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=20).filter(str.strip))
def test_one_kit_one_subject(code: str) -> None:
    """However a code is spelled in case and blanks, all kinds that name the kit hold the same subject."""
    kinds = {
        "sync_kit_lines": {"kit": code},
        "delete_kit_line": {"kit": f" {code.lower()}", "material": "M"},
        "delete_kit_component": {"kit": code.upper(), "component": "M"},
    }

    assert len({KINDS[kind].subject(KINDS[kind].check(arguments)) for kind, arguments in kinds.items()}) == 1


@given(targets=st.lists(st.sampled_from(ERPS), min_size=1, max_size=4))
def test_targets_once(targets: list[str]) -> None:
    """Targets are taken in their order if each stands once, and refused if not."""
    if len(set(targets)) == len(targets):
        assert KINDS["sync_kit_lines"].check({"kit": "K", "targets": targets})["targets"] == targets
        return
    assert all("is named twice" in fault for fault in faults("sync_kit_lines", {"kit": "K", "targets": targets}))


def test_checked_is_json() -> None:
    """What is taken can be stored as JSON and is taken again unchanged."""
    for kind, arguments in FULL.items():
        checked = KINDS[kind].check(arguments)
        assert KINDS[kind].check(json.loads(json.dumps(checked))) == checked
