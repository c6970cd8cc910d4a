"""ItemPath as a sync sees it: kits read in few calls, ids before names, writes one by one, doubts by the call log."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.clients.itempath.installation import NOW, SETTINGS, Installation, Memory, ran, refused, uid
from worker.errors import CallError, KitFault, Missing, Rejected, Unclear
from worker.kits.model import CreateLine, DeleteLine, Item, Line, RemoteKit, UpdateLine
from worker.sync.itempath import ItemPathKits
from worker.sync.system import Order

if TYPE_CHECKING:
    from worker.kits.model import Write

LOST = httpx.ReadTimeout("silence")


@pytest.fixture
def there() -> Installation:
    """KIT-1 of two bolts and an inner kit; the inner kit of one nut."""
    made = Installation()
    bolt, nut = made.material("BOLT"), made.material("NUT", "Pack")
    inner = made.kit("INNER", (nut, 1.0))
    made.kit("KIT-1", (bolt, 2.0), (inner, 0.5))
    return made


@pytest.fixture
def book() -> Memory:
    """Nothing is known yet."""
    return Memory()


@pytest.fixture
def kits(there: Installation, book: Memory) -> ItemPathKits:
    """The system under test."""
    return ItemPathKits(SETTINGS, there.client(), book, there.clock)


def shown(kit: RemoteKit) -> list[tuple[str, Decimal, str | None, str, int]]:
    """What a kit's lines say."""
    return [(each.line.component, each.line.quantity, each.line.unit, each.line.type, each.line.rank) for each in kit.lines]


def order(kits: ItemPathKits, *writes: Write, **fields: Any) -> Order:
    """These writes on KIT-1."""
    items = kits.items(["BOLT", "NUT", "INNER"])
    return Order("job", kits.read(["KIT-1"])["KIT-1"], writes, items, **fields)


def test_kit_is_read(there: Installation, kits: ItemPathKits) -> None:
    """Lines carry ids alone: they come with codes, units and types, in their order; what does not exist is left out."""
    found = kits.read(["KIT-1", "NONE"])

    assert set(found) == {"KIT-1"}
    assert shown(found["KIT-1"]) == [("BOLT", Decimal("2.0"), "Piece", "item", 1), ("INNER", Decimal("0.5"), None, "kit", 2)]
    assert next((each.id, each.item_id, each.number) for each in found["KIT-1"].lines) == (uid("line 2"), uid("material BOLT"), 1)
    assert there.count("GET") == 4


def test_known_ids_cost_one_call(there: Installation, kits: ItemPathKits) -> None:
    """Once the ids are known, several kits are one call."""
    kits.read(["KIT-1", "INNER"])
    there.asked.clear()

    kits.read(["KIT-1", "INNER"])

    assert there.asked == ["GET /api/kits?name=[or]KIT-1;INNER&limit=1000&page=0&orderBy=name"]


def test_renamed_kit(there: Installation, kits: ItemPathKits) -> None:
    """A kit that was renamed is found by its known id, under the code that is asked."""
    kits.read(["KIT-1"])
    there.kits[1]["name"] = "KIT-ONE"

    found = kits.read(["KIT-1"])

    assert (found["KIT-1"].id, found["KIT-1"].code, found["KIT-1"].facts) == (uid("kit KIT-1"), "KIT-1", {"name": "KIT-ONE"})


def test_renamed_material(there: Installation, kits: ItemPathKits) -> None:
    """A material that was renamed keeps the code it is known by, in lines and as an item."""
    kits.read(["KIT-1"])
    there.materials[0]["name"] = "SCREW"

    assert shown(kits.read(["KIT-1"])["KIT-1"])[0][0] == "BOLT"
    assert kits.items(["BOLT"])["BOLT"].id == uid("material BOLT")


def test_name_taken_over(there: Installation, kits: ItemPathKits) -> None:
    """The known id wins over another kit that took its name; when it is gone, the other one is the kit."""
    kits.read(["KIT-1"])
    there.kits[1]["name"] = "OLD"
    there.kits.append({"id": uid("another"), "name": "KIT-1"})

    assert kits.read(["KIT-1"])["KIT-1"].id == uid("kit KIT-1")
    del there.kits[1]
    assert kits.read(["KIT-1"])["KIT-1"].id == uid("another")


def test_kit_and_material_of_one_name(there: Installation, kits: ItemPathKits) -> None:
    """A code that names both stops the sync rather than being guessed; as an item it says why not."""
    there.material("KIT-1")

    with pytest.raises(KitFault, match="both a material and a kit") as caught:
        kits.read(["KIT-1"])

    assert caught.value.error_class == "validation"
    assert "both" in (kits.items(["KIT-1"])["KIT-1"].why_not or "")


def test_two_kits_of_one_name(there: Installation, kits: ItemPathKits) -> None:
    """Two kits that a name can't tell apart are a fault, too."""
    there.kits.append({"id": uid("another"), "name": "KIT-1"})

    with pytest.raises(KitFault, match="more than one kit"):
        kits.read(["KIT-1"])


def test_unknown_component(there: Installation, kits: ItemPathKits) -> None:
    """A line whose component nobody knows keeps its id for a code, and the kit says which line it is."""
    line = there.line(uid("kit KIT-1"), uid("nobody"), 1.0)

    kit = kits.read(["KIT-1"])["KIT-1"]

    assert kit.lines[-1].line.component == uid("nobody")
    assert kit.facts["unknown"] == [line]


def test_kits_without_lines_in_the_list(there: Installation, kits: ItemPathKits) -> None:
    """An answer without lines is not an empty kit: the lines are asked for."""
    there.kits[1]["lines"] = None

    assert len(kits.read(["KIT-1"])["KIT-1"].lines) == 2
    assert there.count(f"GET /api/kit_lines?kitId={uid('kit KIT-1')}") == 1


def test_all_kits_by_pages(there: Installation, kits: ItemPathKits) -> None:
    """A thousand kits to a call; the inner kits on the page need no call of their own."""
    for number in range(1100):
        there.kit(f"K{number}", (uid("material BOLT"), 1.0))

    first = kits.page(None)
    calls = len(there.asked)
    second = kits.page(first.cursor)

    assert (len(first.kits), len(second.kits), second.cursor) == (1000, 102, None)
    assert (calls, len(there.asked)) == (2, 3)
    assert shown(first.kits[1])[1][0] == "INNER"


def test_items(there: Installation, kits: ItemPathKits) -> None:
    """Materials with their units, kits as kits; a blocked material says why it can't be used."""
    there.material("STOP", isBlocked=1, blockReason="recall")

    found = kits.items(["BOLT", "INNER", "STOP", "NONE"])

    assert found["BOLT"] == Item(uid("material BOLT"), "BOLT", "item", "Piece")
    assert found["INNER"] == Item(uid("kit INNER"), "INNER", "kit")
    assert "recall" in (found["STOP"].why_not or "")
    assert "NONE" not in found
    assert len(there.asked) == 2


def test_missing_ones_are_made(there: Installation, kits: ItemPathKits) -> None:
    """A kit without lines and a material with its unit; names that are too long are not sent."""
    kits.create_kit("KIT-2", "job", 0)
    kits.create_item(Item("", "WASHER", unit="Pack"), "job", 0)

    assert there.bodies == [{"name": "KIT-2"}, {"name": "WASHER", "unitOfMeasure": "Pack"}]
    with pytest.raises(Rejected, match="50"):
        kits.create_kit("K" * 51, "job", 0)


def test_writes_in_order(there: Installation, kits: ItemPathKits) -> None:
    """One call for each write; only what changes is sent; every one is remembered as it was sent."""
    wanted = order(kits)
    first, second = wanted.kit.lines
    writes = (UpdateLine(first, quantity=Decimal("4.0")), CreateLine(Line("NUT", Decimal("1.5")), 7), DeleteLine(second))
    there.asked.clear()

    written = kits.write(replace(wanted, writes=writes))

    assert [call.split()[0] for call in there.asked] == ["PUT", "POST", "DELETE"]
    assert there.bodies[:2] == [
        {"quantity": 4.0},
        {"kitId": wanted.kit.id, "materialId": uid("material NUT"), "quantity": 1.5, "number": 7},
    ]
    assert written.error is None
    assert [(each.write, each.component, each.outcome, each.at, each.quantity) for each in written.sent] == [
        ("update", "BOLT", "accepted", NOW, "4.0"),
        ("create", "NUT", "accepted", NOW, "1.5"),
        ("delete", "INNER", "accepted", NOW, None),
    ]
    assert there.of(wanted.kit.id) == [(uid("material BOLT"), 4.0), (uid("material NUT"), 1.5)]


@pytest.mark.parametrize(
    ("end", "outcome", "error"),
    [
        (httpx.ConnectError("no route"), "unsent", CallError),
        (refused(429), "unsent", CallError),
        (refused(401), "unsent", CallError),
        (LOST, "unclear", Unclear),
        (refused(503), "unclear", Unclear),
        (httpx.Response(200, content=b"what?"), "unclear", CallError),
        (refused(400), "refused", Rejected),
        (refused(404), "refused", Missing),
    ],
)
def test_writes_stop(there: Installation, kits: ItemPathKits, end: Any, outcome: str, error: type[CallError]) -> None:
    """The first write that is not accepted ends the order; the rest was not sent."""
    wanted = order(kits)
    writes = tuple(UpdateLine(wanted.kit.lines[0], quantity=Decimal(number)) for number in (3, 4, 5))
    there.ends.extend([httpx.Response(200, json={"kit_line": {"id": "A"}}), end])

    written = kits.write(replace(wanted, writes=writes))

    assert [each.outcome for each in written.sent] == ["accepted", outcome]
    assert isinstance(written.error, error)
    assert len(there.bodies) == 2


def test_deleted_already(there: Installation, kits: ItemPathKits) -> None:
    """A delete of what is gone is taken for done; the next read confirms it."""
    wanted = order(kits)
    there.lines.clear()

    written = kits.write(replace(wanted, writes=[DeleteLine(wanted.kit.lines[0])]))

    assert (written.error, written.sent[0].outcome) == (None, "accepted")


def test_most_writes(there: Installation, kits: ItemPathKits) -> None:
    """No more than the order's most go out."""
    wanted = order(kits, most=1)

    written = kits.write(replace(wanted, writes=[DeleteLine(each) for each in wanted.kit.lines]))

    assert len(written.sent) == len(there.bodies) == 1


def test_unfit_component_is_not_sent(there: Installation, kits: ItemPathKits) -> None:
    """What the target lacks, or what can't be a component, is not sent at all."""
    wanted = order(kits)
    blocked = replace(wanted, items={"NONE": Item("x", "NONE", why_not="is blocked")}, writes=[CreateLine(Line("NONE", Decimal(1)))])

    assert isinstance(kits.write(replace(blocked, items={})).error, Missing)
    assert isinstance(kits.write(blocked).error, Rejected)
    assert there.bodies == []


@pytest.mark.parametrize(("end", "expected"), [(ran(LOST), True), (LOST, False), (refused(500), False)])
def test_lost_answers(there: Installation, kits: ItemPathKits, end: Any, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """The call log tells whether a write whose answer was lost ran, before its import shows."""
    there.importing = False
    wanted = order(kits)
    for write in (
        CreateLine(Line("NUT", Decimal(3))),
        UpdateLine(wanted.kit.lines[0], quantity=Decimal(9)),
        DeleteLine(wanted.kit.lines[1]),
    ):
        there.ends.append(end)
        written = kits.write(replace(wanted, writes=[write]))
        there.clock.now += 150

        assert written.sent[0].outcome == "unclear"
        assert kits.happened(written.sent, wanted.kit) == [expected]


def test_log_that_can_not_be_read(there: Installation, kits: ItemPathKits) -> None:
    """Without the log nothing is claimed of unclear writes; the others are as they ended."""
    wanted = order(kits)
    there.ends.append(LOST)
    written = kits.write(replace(wanted, writes=[DeleteLine(wanted.kit.lines[0])]))
    there.log_status = 403
    sent = [replace(written.sent[0], outcome="accepted"), written.sent[0], replace(written.sent[0], outcome="unsent")]

    assert kits.happened(sent, wanted.kit) == [True, None, False]
    assert kits.operation_done("x") is True


QUANTITIES = st.decimals("0.001", 1000, places=3, allow_nan=False)


@given(wanted=st.lists(QUANTITIES, min_size=1, max_size=5))
def test_written_is_read(wanted: list[Decimal]) -> None:
    """Lines that were written are read back with the same exact quantities, in their order."""
    there = Installation(ends=deque())
    kit_id, bolt = there.kit("KIT-1"), Item(there.material("BOLT"), "BOLT", unit="Piece")
    kits = ItemPathKits(SETTINGS, there.client(), Memory(), there.clock)
    writes = [CreateLine(Line("BOLT", quantity)) for quantity in wanted]

    kits.write(Order("job", RemoteKit(kit_id, "KIT-1", ()), writes, {"BOLT": bolt}))

    assert [each.line.quantity for each in kits.read(["KIT-1"])["KIT-1"].lines] == wanted
