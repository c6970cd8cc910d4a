"""Batches: many records in one call, each with an end of its own."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.clients.erp import Said
from tests.worker.clients.intacct.samples import PATH, body, sample
from worker.clients.intacct.faults import CACHED, replayed
from worker.errors import BadAnswer, Missing, Rejected

if TYPE_CHECKING:
    from tests.worker.clients.erp import Erp
    from worker.clients.intacct.client import IntacctClient

TWO = [{"kit": "1", "component": "2", "number_of_units": 1}, {"kit": "1", "component": "3", "number_of_units": Decimal("0.5")}]


def test_all_are_created(erp: Erp, client: IntacctClient) -> None:
    """An array of forms gives an array of references, in order, under one key."""
    erp.says(Said(201, {"ia::result": [{"key": "11"}, {"key": "12"}], "ia::meta": {"totalSuccess": 2}}))

    outcomes = client.create_kit_components(TWO, "k")

    assert [(one.status, one.value.key if one.value else None, one.error) for one in outcomes] == [(201, "11", None), (201, "12", None)]
    assert json.loads(erp.asked[0].body)[1] == {"kit": {"key": "1"}, "component": {"key": "3"}, "numberOfUnits": 0.5}
    assert erp.asked[0].headers["idempotency-key"] == "k"
    assert "x-ia-api-param-transaction" not in erp.asked[0].headers


def test_mixed_ends(erp: Erp, client: IntacctClient) -> None:
    """A 207 tells of each record: its reference or its error."""
    erp.says(sample("mixed.207.json"), sample("mixed.207.json", {CACHED: "2026-11-03T10:00:00Z"}))

    good, bad = client.create_kit_components(TWO, "k")
    again = client.create_kit_components(TWO, "k")

    assert (good.status, good.value.key if good.value else None, good.error) == (201, "11", None)
    assert isinstance(bad.error, Rejected)
    assert (bad.status, bad.error.status) == (422, 422)
    assert "component.key does not exist (REST-1043)" in bad.error.message
    assert not replayed(bad.error)
    assert again[1].error is not None
    assert replayed(again[1].error)


def test_mixed_ends_inside(erp: Erp, client: IntacctClient) -> None:
    """An element may hold its answer in ia::result, as composites do."""
    erp.says(Said(207, [{"ia::status": 200, "ia::result": {"key": "5"}}, {"ia::status": 404, "ia::error": {"code": "notFound"}}]))

    good, bad = client.update_kit_components([("5", {"number_of_units": 1}), ("6", {"number_of_units": 2})], "k")

    assert good.value is not None
    assert good.value.key == "5"
    assert isinstance(bad.error, Missing)


def test_updates_carry_keys(erp: Erp, client: IntacctClient) -> None:
    """The path names the collection and each element its key; all or nothing when asked."""
    erp.says(Said(200, {"ia::result": [{"key": "5"}, {"key": "6"}]}))

    client.update_kit_components([("5", {"number_of_units": 1}), ("6", {"line_number": 2})], "k", atomic=True)

    assert (erp.asked[0].method, erp.asked[0].path) == ("PATCH", PATH)
    assert json.loads(erp.asked[0].body) == [{"key": "5", "numberOfUnits": 1}, {"key": "6", "lineNumber": 2}]
    assert erp.asked[0].headers["x-ia-api-param-transaction"] == "true"


def test_many_are_read(erp: Erp, client: IntacctClient) -> None:
    """Keys with commas between them; each record in its place."""
    record = body("kit_component.200.json")["ia::result"]
    erp.says(Said(207, {"ia::result": [{**record, "ia::status": 200}, {"ia::error": {"code": "notFound"}, "ia::status": 404}]}))

    shown, missing = client.get_kit_components(["1", "2"])

    assert shown.value is not None
    assert (shown.value.component_id, "ia::status" in shown.value.extras) == ("Prnt_Paper", False)
    assert isinstance(missing.error, Missing)
    assert (erp.asked[0].method, erp.asked[0].path) == ("GET", f"{PATH}/1,2")


def test_deletes_by_place(erp: Erp, client: IntacctClient) -> None:
    """What was deleted carries no key: its place tells; a 204 says all."""
    erp.says(sample("mixed_delete.207.json"), Said(204))

    mixed = client.delete_kit_components(["1", "2", "3"])
    all_gone = client.delete_kit_components(["1", "3"])

    assert [type(one.error) for one in mixed] == [type(None), Missing, type(None)]
    assert [(one.status, one.error) for one in all_gone] == [(204, None), (204, None)]
    assert erp.asked[0].path == f"{PATH}/1,2,3"
    assert "idempotency-key" not in erp.asked[0].headers


def test_failed_transaction(erp: Erp, client: IntacctClient) -> None:
    """All-or-nothing that fails is one refusal, with the words of its records."""
    rows = [{"ia::status": 422, "ia::error": {"code": "unprocessed", "message": "skipped"}}, body("mixed.207.json")["ia::result"][1]]
    erp.says(Said(422, {"ia::result": rows}))

    with pytest.raises(Rejected, match=r"skipped .*The item is not allowed"):
        client.create_kit_components(TWO, "k", atomic=True)


@pytest.mark.parametrize(
    "value",
    [
        {"ia::result": [{"key": "11"}]},
        {"ia::result": "done"},
        {"ia::result": ["11", "12"]},
        {},
        [{"key": "11"}, {"key": "12"}, {"key": "13"}],
    ],
)
def test_odd_answer(erp: Erp, client: IntacctClient, value: Any) -> None:
    """An answer that fits no batch tells nothing: what was done must be looked for."""
    erp.says(Said(201, value))

    with pytest.raises(BadAnswer):
        client.create_kit_components(TWO, "k")


def test_other_order(erp: Erp, client: IntacctClient) -> None:
    """Keys that stand elsewhere than they were sent are not guessed at."""
    erp.says(Said(200, {"ia::result": [{"key": "6"}, {"key": "5"}]}))

    with pytest.raises(BadAnswer, match="another order"):
        client.update_kit_components([("5", {"number_of_units": 1}), ("6", {"number_of_units": 2})], "k")


@pytest.mark.parametrize("count", [0, 501])
def test_batch_is_bounded(erp: Erp, client: IntacctClient, count: int) -> None:
    """From 1 to 500 records (documented)."""
    with pytest.raises(ValueError, match="1 to 500"):
        client.delete_kit_components(["1"] * count)

    assert erp.asked == []
