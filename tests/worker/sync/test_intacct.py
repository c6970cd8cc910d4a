"""Intacct's kits for syncs: read with few calls, written record by record, nothing said to be done that is not known."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from json import dumps, loads
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.clients.erp import Erp, Said
from tests.worker.clients.intacct.company import Company
from worker.clients.base import ClientPool
from worker.clients.intacct import reading
from worker.clients.intacct.faults import REPLAYED
from worker.errors import AuthRefused, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.kits.model import CreateLine, DeleteLine, Item, Line, RemoteKit, UpdateLine
from worker.settings import Timing
from worker.sync import intacct as module
from worker.sync.intacct import IntacctKits
from worker.sync.system import Order, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.kits.model import Write

NOW = 1_800_000_000.0
REFUSAL = {"ia::error": {"code": "operationFailed", "message": "A smart rule says no", "supportId": "S-9"}}


@pytest.fixture
def company() -> Company:
    """Three kits, one without lines, and what they are made of."""
    made = Company()
    made.item("Kit_1", "kit")
    made.item("Kit_2", "stockableKit", status="inactive", kitRevenuePosting="kitLevel")
    made.item("Kit_0", "kit")
    made.item("Paper", unitOfMeasure="10 Pack")
    made.item("Pen")
    made.item("Hour", "nonInventory", enableFulfillment=True)
    made.item("Gone", status="inactive")
    made.item("Call", "salesOnlyNonInventory")
    made.line("Kit_1", "Pen", 2, revenuePercentage=40, lineNumber=2)
    made.line("Kit_1", "Paper", 0.5, revenuePercentage=60.25, lineNumber=1)
    made.line("Kit_1", "Kit_2", 1, lineNumber=3)
    made.line("Kit_2", "Hour", 1)
    made.made.clear()
    return made


@pytest.fixture
def kits(company: Company) -> Iterator[IntacctKits]:
    """The company's kits, over HTTP."""
    erp = Erp()
    with ClientPool(Timing(connect=5.0, call=1.0)) as pool:
        client, settings = company.client(erp, pool, second_look=77.0)
        yield IntacctKits(client, settings, lambda: NOW)
    erp.close()


def order(kits: IntacctKits, *writes: Write, items: dict[str, Item] | None = None, **changes: Any) -> Order:
    """What to write on Kit_1."""
    kit = kits.read(["Kit_1"])["Kit_1"]
    return Order("job-1", kit, writes, items if items is not None else kits.items(["Paper", "Pen", "Hour", "Kit_2"]), **changes)


def line_of(kit: RemoteKit, component: str) -> Any:
    """The line of this component."""
    return next(each for each in kit.lines if each.line.component == component)


def outcomes(written: Written) -> list[tuple[str, str, str]]:
    """What became of each write."""
    return [(each.write, each.component, each.outcome) for each in written.sent]


def test_traits(kits: IntacctKits) -> None:
    """What is true of Intacct."""
    traits = kits.traits

    assert (traits.erp, traits.imports, traits.stock_only, traits.numbering, traits.most_code) == ("intacct", False, False, "pushing", 30)
    assert (traits.stockable_in_stockable_only, traits.second_look) == (True, 77.0)


def test_kit_is_read(kits: IntacctKits, company: Company) -> None:
    """Two queries give a kit: lines in their order, exact, with what only Intacct knows; one without lines exists too."""
    found = kits.read(["Kit_1", "Kit_0", "Kit_9"])

    kit = found["Kit_1"]
    assert company.calls() == ["POST query", "POST query"]
    assert sorted(found) == ["Kit_0", "Kit_1"]
    assert found["Kit_0"].lines == ()
    assert (kit.id, kit.code, kit.type, kit.active, kit.posting) == (company.key("Kit_1"), "Kit_1", "kit", True, "componentLevel")
    assert [(each.line.rank, each.number, each.line.component, each.line.quantity, each.line.type) for each in kit.lines] == [
        (1, 1, "Paper", Decimal("0.5"), "item"),
        (2, 2, "Pen", Decimal(2), "item"),
        (3, 3, "Kit_2", Decimal(1), "stockable_kit"),
    ]
    paper = kit.lines[0]
    assert (paper.line.unit, paper.item_id, paper.line.stocked) == ("10 Pack", company.key("Paper"), True)
    assert paper.line.extras == {"revenue_percentage": Decimal("60.25"), "default_delivery_status": "delivered"}


def test_stockable_kit_is_read(kits: IntacctKits) -> None:
    """A stockable kit that is inactive, with a component that is no physical thing."""
    kit = kits.read(["Kit_2"])["Kit_2"]

    assert (kit.type, kit.active, kit.posting) == ("stockable_kit", False, "kitLevel")
    assert [(each.line.component, each.line.stocked) for each in kit.lines] == [("Hour", False)]


def test_codes_in_any_case(kits: IntacctKits, company: Company) -> None:
    """A code that differs in case alone is found, under the name it was asked by; where two do, a person must say."""
    assert kits.read(["KIT_1"])["KIT_1"].code == "Kit_1"
    company.item("PEN")

    assert kits.items(["Pen", "PEN"])["PEN"].id == company.key("PEN")
    with pytest.raises(Rejected) as caught:
        kits.items(["pen"])
    assert caught.value.error_class == "conflict"


def test_nothing_is_asked_for_nothing(kits: IntacctKits, company: Company) -> None:
    """No codes, no call; an item that is no kit is none."""
    assert kits.read([]) == {}
    assert company.calls() == []
    assert kits.read(["Pen"]) == {}


def test_all_kits_by_pages(kits: IntacctKits, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page, every kit once and whole, however small Intacct's own pages are; the cursor is JSON."""
    monkeypatch.setattr(module, "KITS_A_PAGE", 2)
    company.page = 2
    found: list[RemoteKit] = []
    cursor: Any = None
    for _ in range(5):
        page = kits.page(loads(dumps(cursor)))
        found += page.kits
        cursor = page.cursor
        if cursor is None:
            break

    assert [(kit.code, len(kit.lines)) for kit in found] == [("Kit_0", 0), ("Kit_1", 3), ("Kit_2", 1)]


def test_few_calls_for_many(company: Company, kits: IntacctKits) -> None:
    """Three hundred kits of four lines: one query for the kits, two for their lines."""
    for number in range(300):
        company.item(f"K{number:03}", "kit")
        for component in ("Paper", "Pen", "Hour", "Kit_2"):
            company.line(f"K{number:03}", component)
    company.asked.clear()

    page = kits.page(None)

    assert (len(page.kits), page.cursor, len(company.calls())) == (303, None, 3)
    assert {len(kit.lines) for kit in page.kits if kit.code.startswith("K0")} == {4}


def test_moving_rows_are_read_again(kits: IntacctKits, company: Company) -> None:
    """Rows that move between two pages might hide a line: it is read anew, and given up if it never holds still."""
    company.page = 2
    company.moving = 1
    assert len(kits.read(["Kit_1"])["Kit_1"].lines) == 3
    company.moving = 99

    with pytest.raises(CallError, match="change while they are read"):
        kits.read(["Kit_1"])


def test_codes_in_chunks(kits: IntacctKits, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many codes go in bounded chunks."""
    monkeypatch.setattr(reading, "CHUNK", 2)

    assert sorted(kits.items(["Paper", "Pen", "Hour"])) == ["Hour", "Paper", "Pen"]
    assert len(company.calls()) == 2


def test_items_are_judged(kits: IntacctKits, company: Company) -> None:
    """What can be a component, and why not."""
    found = kits.items(["Paper", "Hour", "Gone", "Call", "Kit_1", "Nothing"])

    assert found["Paper"] == Item(company.key("Paper"), "Paper", "item", "10 Pack", stocked=True, cost=Decimal("2.5"))
    assert (found["Hour"].stocked, found["Hour"].why_not, found["Kit_1"].type) == (False, None, "kit")
    assert "inactive" in (found["Gone"].why_not or "")
    assert "fulfilment" in (found["Call"].why_not or "")
    assert "Nothing" not in found


def test_nothing_is_made(kits: IntacctKits) -> None:
    """Kits and items are made by people."""
    with pytest.raises(Rejected, match="must be made in Intacct"):
        kits.create_kit("Kit_9", "job", 0)
    with pytest.raises(Rejected, match="must be made in Intacct"):
        kits.create_item(Item("", "New"), "job", 0)


def test_order_is_written(kits: IntacctKits, company: Company) -> None:
    """Updates, creates, then deletes: only what changed is sent, by keys, in one call for each sort."""
    found = order(kits)
    pen, paper, inner = (line_of(found.kit, code) for code in ("Pen", "Paper", "Kit_2"))
    company.asked.clear()
    extras = {"revenue_percentage": Decimal(10), "default_delivery_status": "undelivered", "target": "elsewhere"}
    written = kits.write(
        order(
            kits,
            UpdateLine(pen, quantity=Decimal("2.5")),
            UpdateLine(paper, extras={"revenue_percentage": Decimal(50)}),
            CreateLine(Line("Hour", Decimal("0.125"), extras=extras)),
            CreateLine(Line("Pen", Decimal(7))),
            DeleteLine(inner),
        )
    )

    assert written.error is None
    assert [one for one in company.calls() if "query" not in one] == [
        "PATCH kit-component",
        "POST kit-component",
        f"DELETE kit-component/{inner.id}",
    ]
    assert [loads(one.body) for one in company.asked if one.method in ("PATCH", "POST") and "query" not in one.path] == [
        [{"key": pen.id, "numberOfUnits": 2.5}, {"key": paper.id, "revenuePercentage": 50}],
        [
            {
                "kit": {"key": company.key("Kit_1")},
                "component": {"key": company.key("Hour")},
                "numberOfUnits": 0.125,
                "revenuePercentage": 10,
                "defaultDeliveryStatus": "undelivered",
            },
            {"kit": {"key": company.key("Kit_1")}, "component": {"key": company.key("Pen")}, "numberOfUnits": 7},
        ],
    ]
    assert outcomes(written) == [
        ("update", "Pen", "accepted"),
        ("update", "Paper", "accepted"),
        ("create", "Hour", "accepted"),
        ("create", "Pen", "accepted"),
        ("delete", "Kit_2", "accepted"),
    ]
    assert all(each.line in company.components for each in written.sent if each.write == "create")
    assert [each.quantity for each in written.sent] == ["2.5", None, "0.125", "7", None]
    assert loads(dumps([asdict(each) for each in written.sent]))[0]["at"] == NOW


def test_numbers_go_one_by_one(kits: IntacctKits, company: Company) -> None:
    """A number that is taken renumbers others, so each is a call of its own, in the order given."""
    kit = order(kits).kit
    written = kits.write(
        order(
            kits,
            UpdateLine(line_of(kit, "Kit_2"), number=1),
            UpdateLine(line_of(kit, "Paper"), number=2),
            CreateLine(Line("Hour", Decimal(1)), number=3),
            CreateLine(Line("Hour", Decimal(2))),
        )
    )

    writes = [one for one in company.calls() if "query" not in one]
    assert [one.split("/")[0] for one in writes] == [
        "PATCH kit-component",
        "PATCH kit-component",
        "POST kit-component",
        "POST kit-component",
    ]
    assert [each.number for each in written.sent] == [1, 2, 3, None]
    assert [component for _, component, _ in company.shown("Kit_1")] == ["Kit_2", "Paper", "Hour", "Pen", "Hour"]


def test_mixed_ends(kits: IntacctKits, company: Company) -> None:
    """Of a batch some may be refused: each has its own end, and nothing follows."""
    kit = order(kits).kit
    items = {**kits.items(["Pen"]), "Ghost": Item("999", "Ghost")}
    written = kits.write(
        order(
            kits,
            CreateLine(Line("Pen", Decimal(1))),
            CreateLine(Line("Ghost", Decimal(1))),
            CreateLine(Line("Pen", Decimal(3))),
            DeleteLine(line_of(kit, "Paper")),
            items=items,
        )
    )

    assert outcomes(written) == [("create", "Pen", "accepted"), ("create", "Ghost", "refused"), ("create", "Pen", "accepted")]
    assert isinstance(written.error, Rejected)
    assert company.made == ["create Pen", "create Pen"]


def test_gone_is_deleted(kits: IntacctKits, company: Company) -> None:
    """A delete that finds nothing has done its work, alone or among others."""
    kit = order(kits).kit
    one, two, three = kit.lines
    company.components.pop(one.id)

    many = kits.write(Order("job-1", kit, (DeleteLine(one), DeleteLine(two)), {}))
    alone = kits.write(Order("job-1", kit, (DeleteLine(one),), {}))

    assert (many.error, alone.error) == (None, None)
    assert {outcome for _, _, outcome in outcomes(many) + outcomes(alone)} == {"accepted"}
    assert [line for line in company.components if line == three.id] == [three.id]


@pytest.mark.parametrize(
    ("said", "expected", "outcome"),
    [
        (Said(422, REFUSAL), Rejected, "refused"),
        (Said(403, REFUSAL), AuthRefused, "refused"),
        (Said(404, {"ia::error": {"code": "notFound", "message": "no"}}), Missing, "refused"),
        (Said(429, {"ia::error": {"code": "GW-0010", "message": "later"}}, {"Retry-After": "9"}), RateLimited, "unsent"),
        (Said(500, REFUSAL), Unclear, "unclear"),
        (Said(drop=True), Unclear, "unclear"),
        (Said(409, {"ia::error": {"code": "invalidRequest", "message": "no"}}), Unclear, "unclear"),
        (Said(200, b"<html>"), CallError, "unclear"),
    ],
)
def test_each_end(kits: IntacctKits, company: Company, said: Said, expected: type[CallError], outcome: str) -> None:
    """What a write's end says of it: done, refused, not sent, or nobody knows. Nothing follows."""
    given = order(kits, CreateLine(Line("Pen", Decimal(1))), DeleteLine(line_of(kits.read(["Kit_1"])["Kit_1"], "Paper")))
    company.writes.append(said)

    written = kits.write(given)

    assert isinstance(written.error, expected)
    assert outcomes(written) == [("create", "Pen", outcome)]
    assert company.made == []


def test_unread_is_unsent(company: Company) -> None:
    """Where nobody listens nothing was sent."""
    erp = Erp()
    with ClientPool(Timing(connect=5.0, call=1.0)) as pool:
        client, settings = company.client(erp, pool)
        kits = IntacctKits(client, settings)
        given = order(kits, CreateLine(Line("Pen", Decimal(1))))
        erp.close()
        with ClientPool(Timing(connect=0.2, call=0.2)) as fresh:
            written = IntacctKits(company.client(erp, fresh)[0], settings).write(given)

    assert isinstance(written.error, NotSent)
    assert outcomes(written) == [("create", "Pen", "unsent")]


def test_unknown_item_is_not_sent(kits: IntacctKits, company: Company) -> None:
    """A component that Intacct lacks: nothing of its batch goes out."""
    given = order(kits, CreateLine(Line("Pen", Decimal(1))), CreateLine(Line("Nothing", Decimal(1))))
    before = len(company.calls())

    written = kits.write(given)

    assert outcomes(written) == [("create", "Pen", "unsent"), ("create", "Nothing", "unsent")]
    assert isinstance(written.error, Missing)
    assert len(company.calls()) == before


def test_same_order_same_key(kits: IntacctKits, company: Company) -> None:
    """The same order under the same generation makes nothing twice; a new generation has new keys."""
    given = order(kits, CreateLine(Line("Pen", Decimal(1))))

    company.after.append(Said(201, {}, wait=2.0))
    lost = kits.write(given)
    again = kits.write(given)
    fresh = kits.write(Order(given.job, given.kit, given.writes, given.items, generation=1))

    assert [written.sent[0].outcome for written in (lost, again, fresh)] == ["unclear", "accepted", "accepted"]
    assert company.made == ["create Pen", "create Pen"]
    assert again.sent[0].line != fresh.sent[0].line
    assert len(company.stored) == 2
    assert all(len(key) <= 256 for key in company.stored)


def test_stored_failure_is_named(kits: IntacctKits, company: Company) -> None:
    """A refusal that Intacct only repeats says so; under the next generation it is asked anew."""
    given = order(kits, CreateLine(Line("Pen", Decimal(1))))
    company.writes.append(Said(422, REFUSAL))

    first, second = kits.write(given), kits.write(given)
    third = kits.write(Order(given.job, given.kit, given.writes, given.items, generation=1))

    assert REPLAYED not in str(first.error)
    assert REPLAYED in str(second.error)
    assert third.error is None


def test_most_is_kept(kits: IntacctKits, company: Company) -> None:
    """No more writes than ordered; an update that changes nothing costs no call."""
    pen = line_of(order(kits).kit, "Pen")
    written = kits.write(order(kits, UpdateLine(pen), CreateLine(Line("Pen", Decimal(1))), DeleteLine(pen), most=2))

    assert outcomes(written) == [("create", "Pen", "accepted")]
    assert company.made == ["create Pen"]


def test_only_the_kit_tells(kits: IntacctKits) -> None:
    """There are no background operations, and no other way to learn what became of a write."""
    kit = kits.read(["Kit_1"])["Kit_1"]
    sent = kits.write(order(kits, CreateLine(Line("Pen", Decimal(1))))).sent

    assert kits.operation_done("x") is True
    assert kits.happened(sent, kit) == [None]
