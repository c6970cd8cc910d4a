"""Kit specifications over HTTP, with samples of the shapes that were seen."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.worker.clients.erp import Said
from worker.clients.auth import Tokens
from worker.clients.codec import read_json, write_json
from worker.clients.visma.client import VismaClient, visma_auth
from worker.clients.visma.lists import same_id
from worker.clients.visma.records import Accepted
from worker.clients.visma.specification_schemas import (
    WRITTEN_AS,
    KitSpecificationForm,
    KitSpecificationPageSchema,
    KitSpecificationSchema,
    StockSpecificationLineForm,
    StockSpecificationLineSchema,
)
from worker.clients.visma.specifications import KitSpecificationFilter, KitSpecifications, read_head
from worker.errors import BadAnswer, CallError, Missing, Rejected, Unclear
from worker.settings import Secret, Visma

if TYPE_CHECKING:
    from tests.worker.clients.erp import Erp
    from worker.clients.base import ClientPool

SAMPLES = Path(__file__).parents[3] / "samples" / "visma"
HEADER = "subscription:kitrelay-job=0191"
NOON = datetime.fromisoformat("2026-11-03T12:00:00.005")
KITS = "/v1/KitSpecifications"


def sample(name: str) -> Said:
    """A sample; its status is in its name."""
    return Said(int(name.split(".")[-2]), (SAMPLES / name).read_bytes())


@pytest.fixture
def kits(erp: Erp, pool: ClientPool) -> KitSpecifications:
    """The calls of a tenant that has its token already."""
    settings = Visma(erp.url, f"{erp.url}/connect/token", "id", Secret("s3cr3t"), "tenant")
    erp.says(sample("token.200.json"), Said(200, {"records": []}))
    made = KitSpecifications(VismaClient(settings, pool, visma_auth(settings, Tokens(pool))))
    made.list_specifications()
    erp.asked.clear()
    return made


def asked(erp: Erp) -> list[tuple[str, str, str | None]]:
    """Method, path and background header of each call."""
    return [(one.method, one.path, one.headers.get("erp-api-background")) for one in erp.asked]


def test_list_whole(erp: Erp, kits: KitSpecifications) -> None:
    """A page holds every revision with both kinds of lines; quantities are exact."""
    erp.says(sample("kit_specifications.200.json"))

    page = kits.list_specifications()

    assert [(one.kit_inventory_id, one.revision, one.is_active) for one in page.records] == [
        ("KIT-0001", "1", False),
        ("KIT-0001", "2", True),
    ]
    newest = page.records[1]
    assert [(line.component_id, line.component_qty) for line in newest.stock_component_lines or ()] == [
        ("PART-0001", Decimal("2.5")),
        ("KIT-0007", Decimal(1)),
    ]
    assert [(line.component_id, line.component_qty) for line in newest.non_stock_component_lines or ()] == [("LABOUR", Decimal("0.1"))]
    assert (page.total_count, page.received, page.last) == (2, 2, True)
    assert asked(erp) == [("GET", f"{KITS}?pageNumber=1&pageSize=1000", None)]


def test_every_filter_is_sent(erp: Erp, kits: KitSpecifications) -> None:
    """All of the list's parameters, by the names that were seen."""
    erp.says(Said(200, {"records": []}))
    wanted = KitSpecificationFilter(
        kit="A/B 1", revision="2", last_modified=NOON, last_modified_condition=">=", created=NOON, created_condition="<"
    )

    kits.list_heads(wanted, page_number=3, page_size=50)

    assert {name: values[0] for name, values in parse_qs(erp.asked[0].path.partition("?")[2], strict_parsing=True).items()} == {
        "kitInventoryID": "A/B 1",
        "revisionID": "2",
        "lastModifiedDateTime": "2026-11-03T12:00:00.005",
        "lastModifiedDateTimeCondition": ">=",
        "createdDateTime": "2026-11-03T12:00:00.005",
        "createdDateTimeCondition": "<",
        "pageNumber": "3",
        "pageSize": "50",
    }


@pytest.mark.parametrize("half", [{"last_modified": NOON}, {"created_condition": ">"}, {"created": NOON, "created_condition": "="}])
def test_half_a_time_refused(half: dict[str, Any]) -> None:
    """A time without its condition, or with one that is none, is our own mistake."""
    with pytest.raises(ValueError, match="condition"):
        KitSpecificationFilter(**half)


def test_unfiltered_answer_filtered(erp: Erp, kits: KitSpecifications) -> None:
    """Where Visma does not know a parameter it answers with all rows: they are held against the filter again."""
    erp.says(*[sample("kit_specifications.200.json")] * 3)

    none = kits.list_specifications(KitSpecificationFilter(kit="KIT-0002"))
    first = kits.list_specifications(KitSpecificationFilter(kit="kit-0001 ", revision="1"))
    heads = kits.list_heads(KitSpecificationFilter(kit="KIT-0001"))

    assert (none.records, none.dropped) == ((), 2)
    assert [one.revision for one in first.records] == ["1"]
    assert [(head.revision, head.is_active, head.last_modified) for head in heads.records] == [
        ("1", False, "2026-03-02T07:30:01.1"),
        ("2", True, "2026-03-02T07:31:55.63"),
    ]


def test_head_read_whole() -> None:
    """What a head was read of can still be read whole, and equals what the schema reads."""
    raw = read_json((SAMPLES / "kit_specification.200.json").read_bytes())

    assert read_head(raw).specification() == KitSpecificationSchema().load(raw)
    assert read_head(raw).specification().whole
    assert not read_head({"kitInventoryID": "A", "revision": "1"}).specification().whole
    with pytest.raises(BadAnswer):
        read_head({"revision": "1"})


def test_read_one(erp: Erp, kits: KitSpecifications) -> None:
    """A kit, and a revision of it, have paths of their own; reserved characters are wrapped."""
    erp.says(*[sample("kit_specification.200.json")] * 2, Said(404, {"message": "It cannot be found."}))

    assert kits.get("KIT-0001").revision == "2"
    assert kits.get_revision("KIT-0001", "2").description == "With the new lamp"
    with pytest.raises(Missing):
        kits.get_revision("A/B", "2 b")

    assert [path for _, path, _ in asked(erp)] == [f"{KITS}/KIT-0001", f"{KITS}/KIT-0001/2", f"{KITS}/b64(QS9C)/b64(MiBi)"]


def test_wrong_kit_refused(erp: Erp, kits: KitSpecifications) -> None:
    """An answer about another kit than the one asked for is not believed."""
    erp.says(sample("kit_specification.200.json"))

    with pytest.raises(BadAnswer, match="KIT-0002"):
        kits.get_revision("KIT-0002", "2")


def test_update_in_background(erp: Erp, kits: KitSpecifications) -> None:
    """One PUT holds all changes, wrapped, with bare operations; the operation's id comes back."""
    erp.says(sample("accepted.202.json"))
    fields = {
        "descr": "With the new lamp",
        "stock_component_lines": [
            {"operation": "Update", "line_nbr": 1, "dflt_comp_qty": Decimal(3)},
            {
                "operation": "Insert",
                "comp_inventory_id": "PART-0004",
                "dflt_comp_qty": Decimal("0.1"),
                "uom": "STK",
                "allow_qty_variation": True,
                "min_comp_qty": Decimal("0.1"),
                "max_comp_qty": Decimal("0.2"),
                "disassembly_coeff": Decimal(1),
                "allow_substitution": False,
            },
        ],
        "non_stock_component_lines": [{"operation": "Delete", "line_nbr": 1}],
    }

    answer = kits.update("KIT-0001", "2", fields, HEADER)

    assert isinstance(answer, Accepted)
    assert asked(erp) == [("PUT", f"{KITS}/KIT-0001/2", HEADER)]
    assert json.loads(erp.asked[0].body) == json.loads((SAMPLES / "kit_specification.request.json").read_bytes())


def test_insert_at_once(erp: Erp, kits: KitSpecifications) -> None:
    """A POST without the header that is answered 201 is done; the names of kit and revision end in capitals."""
    erp.says(Said(201))

    assert kits.insert({"kit_inventory_id": "KIT-0009", "revision_id": "1", "is_active": True}) is None

    assert asked(erp) == [("POST", KITS, None)]
    assert json.loads(erp.asked[0].body) == {
        "kitInventoryID": {"value": "KIT-0009"},
        "revisionID": {"value": "1"},
        "isActive": {"value": True},
    }


def test_read_names_are_no_write_names(kits: KitSpecifications) -> None:
    """A field that the write form does not have is our own mistake, not sent."""
    with pytest.raises(ValueError, match="component_qty"):
        kits.update("KIT-0001", "2", {"stock_component_lines": [{"component_qty": 1}]})


@pytest.mark.parametrize(
    ("said", "error", "error_class"),
    [
        (Said(400, {"message": "Inventory ID 'X' cannot be found in the system."}), Rejected, "missing_reference"),
        (Said(404, {"message": "Kit Specification cannot be found."}), Missing, "missing_reference"),
        (Said(503, b"<html></html>", {"Content-Type": "text/html"}), Unclear, "unavailable"),
        (Said(drop=True), Unclear, "timeout"),
        (Said(202, {}), BadAnswer, "unavailable"),
    ],
)
def test_update_failures(erp: Erp, kits: KitSpecifications, said: Said, error: type[CallError], error_class: str) -> None:
    """A failed write ends as every write does: the class says what to do."""
    erp.says(said)

    with pytest.raises(error) as caught:
        kits.update("KIT-0001", "2", {"descr": "x"}, HEADER)

    assert caught.value.error_class == error_class


def test_samples_round_trip() -> None:
    """What is read can be written as it was read, by both forms."""
    for name, schema in {
        "kit_specifications.200.json": KitSpecificationPageSchema(),
        "kit_specification.200.json": KitSpecificationSchema(),
        "kit_specification.request.json": KitSpecificationForm(),
    }.items():
        value = read_json((SAMPLES / name).read_bytes())
        assert json.loads(write_json(schema.dump(schema.load(value)))) == json.loads((SAMPLES / name).read_bytes())


def test_names_table_complete() -> None:
    """Every field that can be written is read under the same name, or under the one that the table gives; errors are read only."""
    for read, write in ((KitSpecificationSchema, KitSpecificationForm), (StockSpecificationLineSchema, StockSpecificationLineForm)):
        written = {WRITTEN_AS.get(name, name) for name in read().fields}
        assert set(write().fields) - {"operation"} <= written


@pytest.mark.parametrize(("asked_for", "shown", "same"), [("a ", " A", True), ("A", "B", False), ("A", None, False)])
def test_same_id(asked_for: str, shown: str | None, same: bool) -> None:  # noqa: FBT001 (a case's outcome)
    """Capitals and spaces around do not tell ids apart; nothing is no id."""
    assert same_id(asked_for, shown) is same
