"""Recipes carried from one simulated ERP to the others: quantities for one kit, values as they come, numbers, nesting, units, codes."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.sandbox.harness import TLS
from tests.worker.sync.relay import failed_as, succeeded
from worker.settings import Alias, UnitRule

if TYPE_CHECKING:
    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner

PARTS = [("PART-0001", 1, "STK"), ("PART-0002", 1, "STK"), ("PART-0003", 1, "STK")]


@pytest.mark.parametrize(
    ("source", "targets"),
    [("visma", ("itempath", "intacct")), ("itempath", ("intacct", "visma")), ("intacct", ("visma", "itempath"))],
)
def test_every_source(begin: Begin, owner: Owner, source: str, targets: tuple[str, ...]) -> None:
    """Each system can be the source: one line is made, one changed, one deleted in both others; a second sync writes nothing."""
    for erp in ("visma", "itempath", "intacct"):
        owner.put(erp, "STORE", [("LEG", 1), ("SEAT", 1), ("ARM", 1)])
        owner.put(erp, "CHAIR", [("LEG", 4), ("SEAT", 1)] if erp == source else [("LEG", 3), ("ARM", 2)])
    relay = begin(source, *targets)

    first = succeeded(relay.sync("CHAIR"))
    second = succeeded(relay.sync("CHAIR"))

    assert (first.result["wrote"], second.result["wrote"]) == (True, False)
    for erp in targets:
        assert sorted(owner.lines(erp, "CHAIR")) == [("LEG", "4"), ("SEAT", "1")]
        assert owner.effects(erp) == (1, 1, 1)
        assert sorted(first.result["targets"][erp]["applied"]) == ["create SEAT to 1", "delete ARM", "update LEG to 4"]
    assert owner.effects(source) == (0, 0, 0)


def test_assembly_as_source(begin: Begin, owner: Owner) -> None:
    """An assembly of ten kits names the quantities of ten: what one kit takes is carried over, and labour stays out of the warehouse."""
    owner.put("itempath", "KIT-0001", PARTS)
    owner.ask("POST", "documents", {"company": "acme", "count": 1, "item": "KIT-0001", "quantity": 10})
    relay = begin("visma", "itempath", visma_recipe="assembly", visma={"first_poll": 0.05, "poll_max": 0.1})
    succeeded(relay.do("release_kit_assembly", type="P", ref_no="000001"))

    job = succeeded(relay.sync("KIT-0001"))

    assert owner.lines("itempath", "KIT-0001") == [("PART-0001", "2"), ("PART-0002", "3"), ("PART-0003", "1")]
    assert job.result["targets"]["itempath"]["left_out"] == [{"component": "LABOUR", "quantity": "0.5", "why": "not kept in stock"}]


def test_padded_answers(begin: Begin, owner: Owner) -> None:
    """ItemPath answers a create with numbers as padded texts, and a delete with "true": both are understood."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 2)])
    owner.put("itempath", "CHAIR", [("LEG", 4), ("ARM", 2)])
    owner.put("itempath", "STORE", [("SEAT", 1)])
    relay = begin("visma", "itempath")

    job = succeeded(relay.sync("CHAIR"))

    (created,) = relay.calls(job, "POST", "/kit_lines")
    (deleted,) = relay.calls(job, "DELETE", "/kit_lines/")
    assert '" 2.0 "' in created.response
    assert '"deleted":"true"' in deleted.response.replace(" ", "")
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "2")]


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("form", ["general", "printed"])
def test_form_of_deletes(begin: Begin, owner: Owner, form: str, status: int) -> None:
    """An installation that knows one form of a delete alone gets that one; the other's refusal does not pass for a line that is gone."""
    owner.change(itempath_delete=form, itempath_no_form=status)
    owner.put("visma", "CHAIR", [("LEG", 4)])
    owner.put("itempath", "CHAIR", [("LEG", 4), ("ARM", 2), ("BACK", 1)])
    relay = begin("visma", "itempath")

    job = succeeded(relay.sync("CHAIR"))

    assert owner.effects("itempath") == (0, 0, 2)
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4")]
    statuses = [call.status for call in relay.calls(job, "DELETE", "/kit_lines/")]
    assert statuses == ([200, 200] if form == "printed" else [status, 200, 200])


def test_component_twice(begin: Begin, owner: Owner) -> None:
    """Two lines of one component stay two; the one that agrees is left alone."""
    owner.put("visma", "CHAIR", [("SCREW", 2), ("SCREW", 3), ("LEG", 4)])
    owner.put("itempath", "CHAIR", [("SCREW", 3), ("SCREW", 5), ("LEG", 4)])
    relay = begin("visma", "itempath")

    job = succeeded(relay.sync("CHAIR"))

    assert sorted(owner.lines("itempath", "CHAIR")) == [("LEG", "4"), ("SCREW", "2"), ("SCREW", "3")]
    assert owner.effects("itempath") == (0, 1, 0)
    assert job.result["targets"]["itempath"]["applied"] == ["update SCREW to 2"]


def test_swapped_numbers(begin: Begin, owner: Owner) -> None:
    """Two lines change places although ItemPath refuses a number that is taken: one moves behind the other, in one write."""
    owner.change(itempath_taken_number="at-once")
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("SEAT", 1), ("LEG", 4)])
    relay = begin("visma", "itempath", order=True)

    job = succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1")]
    assert owner.effects("itempath") == (0, 1, 0)
    assert [call.status for call in relay.calls(job, "PUT", "/kit_lines/")] == [200]
    assert not succeeded(relay.sync("CHAIR")).result["wrote"]


def test_order_with_a_line_that_goes(begin: Begin, owner: Owner) -> None:
    """A line that is to go holds its number to the end: those that move and the new one find free ones, and the order is right after."""
    owner.change(itempath_taken_number="at-once")
    owner.put("visma", "CHAIR", [("NEW", 1), ("C", 3), ("B", 2), ("A", 1)])
    owner.put("itempath", "STORE", [("NEW", 1)])
    owner.put("itempath", "CHAIR", [("A", 1), ("GOES", 1), ("B", 2), ("C", 3)])
    relay = begin("visma", "itempath", order=True)

    succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR") == [("NEW", "1"), ("C", "3"), ("B", "2"), ("A", "1")]
    counts = owner.counts("itempath")
    assert (counts["refused"], counts["effects"]["deletes"]) == (0, 1)
    assert not succeeded(relay.sync("CHAIR")).result["wrote"]


def test_exploded(begin: Begin, owner: Owner) -> None:
    """A of two B, each of three C and one D, is six C and two D where parts are wanted, and two B where kits are."""
    owner.put("visma", "B", [("C", 3), ("D", 1)])
    owner.put("visma", "A", [("B", 2)])
    owner.put("itempath", "A", [("C", 1), ("D", 1)])
    owner.put("intacct", "B", [("C", 3), ("D", 1)])
    owner.put("intacct", "A", [("C", 1)])
    relay = begin("visma", "itempath", "intacct", nested={"itempath": "explode"})

    succeeded(relay.sync("A"))

    assert owner.lines("itempath", "A") == [("C", "6"), ("D", "2")]
    assert owner.lines("intacct", "A") == [("B", "2")]


def test_inner_kit_brings_parents(begin: Begin, owner: Owner) -> None:
    """When an inner kit changes, every kit that takes it apart is synced after it, without being asked for."""
    owner.put("visma", "B", [("C", 3)])
    owner.put("visma", "A", [("B", 2)])
    owner.put("itempath", "B", [("C", 3)])
    owner.put("itempath", "A", [("C", 6)])
    relay = begin("visma", "itempath", nested={"itempath": "explode"})
    succeeded(relay.sync("A"))
    owner.put("visma", "B", [("C", 5)])

    succeeded(relay.sync("B"))

    assert owner.lines("itempath", "B") == [("C", "5")]
    assert owner.lines("itempath", "A") == [("C", "10")]
    assert [job.reference for job in relay.jobs()] == ["A", "B", "A"]
    assert {job.state for job in relay.jobs()} == {"succeeded"}


def test_kits_in_a_circle(begin: Begin, owner: Owner) -> None:
    """A kit that is in itself is refused with the way round, and nothing is written."""
    owner.put("visma", "A", [("B", 2)])
    owner.put("visma", "B", [("A", 1)])
    owner.put("itempath", "A", [("C", 1)])
    relay = begin("visma", "itempath", nested={"itempath": "explode"})

    message = failed_as(relay.sync("A"), "validation")

    assert "A → B → A" in message
    assert owner.effects("itempath") == (0, 0, 0)


def test_stockable_kit_is_a_leaf(begin: Begin, owner: Owner) -> None:
    """A kit that is kept in stock is not taken apart, a plain one is."""
    owner.put("intacct", "BOX", [("C", 3)], type="stockableKit")
    owner.put("intacct", "BAG", [("D", 2)])
    owner.put("intacct", "A", [("BOX", 2), ("BAG", 2)])
    owner.put("itempath", "BOX", [("C", 3)])
    owner.put("itempath", "A", [("D", 1)])
    relay = begin("intacct", "itempath", nested={"itempath": "explode"})

    succeeded(relay.sync("A"))

    assert sorted(owner.lines("itempath", "A")) == [("BOX", "2"), ("D", "4")]


def test_plain_kit_in_a_stockable_one(begin: Begin, owner: Owner) -> None:
    """Intacct takes no plain kit into a stockable one: the sync ends before it writes, and says which."""
    owner.put("visma", "BAG", [("D", 2)])
    owner.put("visma", "BOX", [("BAG", 2), ("C", 9)])
    owner.put("intacct", "BAG", [("D", 2)])
    owner.put("intacct", "BOX", [("C", 3)], type="stockableKit")
    relay = begin("visma", "intacct")

    message = failed_as(relay.sync("BOX"), "validation")

    assert "BAG" in message
    assert owner.effects("intacct") == (0, 0, 0)


def test_unit_with_a_factor(begin: Begin, owner: Owner) -> None:
    """Two packs of ten are twenty pieces: equal when compared, and written in the target's own unit."""
    owner.put("visma", "CHAIR", [("SCREW", 2, "PACK"), ("LEG", 3, "PACK"), ("SEAT", 1)])
    owner.put("intacct", "CHAIR", [("SCREW", 20), ("LEG", 4), ("SEAT", 1)])
    rule = UnitRule("visma", "PACK", "Piece", Decimal(10))
    relay = begin("visma", "intacct", units=(rule,))

    job = succeeded(relay.sync("CHAIR"))

    assert owner.lines("intacct", "CHAIR") == [("SCREW", "20"), ("LEG", "30"), ("SEAT", "1")]
    assert job.result["targets"]["intacct"]["applied"] == ["update LEG to 30"]


def test_unknown_unit(begin: Begin, owner: Owner) -> None:
    """Units that differ without a rule are never taken for the same: every such line is named."""
    owner.put("visma", "CHAIR", [("SCREW", 2, "BOX"), ("LEG", 3, "PACK"), ("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("SCREW", 2, "Piece"), ("LEG", 3, "Piece"), ("SEAT", 1, "Piece")])
    relay = begin("visma", "itempath")

    message = failed_as(relay.sync("CHAIR"), "validation")

    assert "SCREW" in message
    assert "LEG" in message
    assert owner.effects("itempath") == (0, 0, 0)


def test_tenths_are_exact(begin: Begin, owner: Owner) -> None:
    """0.1 and 0.2 are 0.3, also where the target holds what a binary float makes of it."""
    owner.put("visma", "PAINT", [("OIL", "0.1", "kg"), ("OIL", "0.2", "kg")])
    owner.put("itempath", "PAINT", [("OIL", 0.1 + 0.2, "kg")])
    owner.put("intacct", "PAINT", [("OIL", "0.4", "kg")])
    relay = begin("visma", "itempath", "intacct", merge=True)

    succeeded(relay.sync("PAINT"))

    assert owner.effects("itempath") == (0, 0, 0)
    assert owner.lines("intacct", "PAINT") == [("OIL", "0.3")]


def test_third_of_a_pack(begin: Begin, owner: Owner) -> None:
    """One piece can't be written as a third of a pack: it is refused, not rounded."""
    owner.put("visma", "CHAIR", [("SCREW", 1)])
    owner.put("intacct", "CHAIR", [("SCREW", 1, "Pack")])
    relay = begin("visma", "intacct", units=(UnitRule("intacct", "Pack", "Piece", Decimal(3)),))

    message = failed_as(relay.sync("CHAIR"), "validation")

    assert "SCREW" in message
    assert owner.effects("intacct") == (0, 0, 0)


def test_long_code(begin: Begin, owner: Owner) -> None:
    """A code of more than 30 characters is refused for Intacct before anything is written; with an alias it goes."""
    long = "SEAT-WITH-A-VERY-LONG-BUSINESS-CODE"
    owner.put("visma", "CHAIR", [("LEG", 4), (long, 1)])
    owner.put("intacct", "CHAIR", [("LEG", 3)])
    owner.put("intacct", "STORE", [("SEAT-LONG", 1)])

    message = failed_as(begin("visma", "intacct").sync("CHAIR"), "validation")

    assert long in message
    assert "alias" in message
    assert owner.effects("intacct") == (0, 0, 0)
    relay = begin("visma", "intacct", aliases=(Alias("intacct", "SEAT-LONG", long),))
    succeeded(relay.sync("CHAIR"))
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT-LONG", "1")]


def test_code_of_two_things(begin: Begin, owner: Owner) -> None:
    """A code that names a material and a kit in ItemPath is not guessed."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "STORE", [("SEAT", 1)])
    owner.put("itempath", "SEAT", [("FOAM", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")

    job = relay.sync("CHAIR")

    assert job.error is not None
    assert "SEAT" in failed_as(job, job.error.error_class)
    assert job.error.error_class in {"validation", "conflict"}
    assert owner.effects("itempath") == (0, 0, 0)


def test_renamed_kit(begin: Begin, owner: Owner) -> None:
    """A kit that was seen once is known by its id: another name in the warehouse does not lose it."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")
    succeeded(relay.sync("CHAIR"))
    owner.put("itempath", "CHAIR", [("LEG", 4)], rename="CHAIR (OLD)")
    owner.put("visma", "CHAIR", [("LEG", 5)])

    succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR (OLD)") == [("LEG", "5")]


def test_empty_source(begin: Begin, owner: Owner) -> None:
    """A source that came back empty empties no target, until a person says so."""
    owner.put("visma", "CHAIR", [])
    owner.put("itempath", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    relay = begin("visma", "itempath")

    message = failed_as(relay.sync("CHAIR"), "conflict")

    assert "2 of 2" in message
    assert owner.effects("itempath") == (0, 0, 0)
    succeeded(relay.sync("CHAIR", force=True))
    assert owner.lines("itempath", "CHAIR") == []


def test_most_lines_would_go(begin: Begin, owner: Owner) -> None:
    """Eight of ten deletes are held; the result shows what would be done; forced, they are done."""
    owner.put("visma", "CHAIR", [("P0", 9), ("P1", 1)])
    owner.put("intacct", "CHAIR", [(f"P{number}", 1) for number in range(10)])
    relay = begin("visma", "intacct")

    job = relay.sync("CHAIR")

    assert "8 of 10" in failed_as(job, "conflict")
    assert len(job.result["targets"]["intacct"]["difference"]["delete"]) == 8
    assert owner.effects("intacct") == (0, 0, 0)
    succeeded(relay.sync("CHAIR", force=True))
    assert owner.lines("intacct", "CHAIR") == [("P0", "9"), ("P1", "1")]


def test_inactive_component(begin: Begin, owner: Owner) -> None:
    """An item that is inactive in Intacct can't be a component: a person is told, and nothing is written."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("intacct", "STORE", [{"component": "SEAT", "quantity": "1", "status": "inactive"}])
    owner.put("intacct", "CHAIR", [("LEG", 3)])
    relay = begin("visma", "intacct")

    message = failed_as(relay.sync("CHAIR"), "conflict")

    assert "SEAT" in message
    assert "inactive" in message
    assert owner.effects("intacct") == (0, 0, 0)


def test_blocked_component(begin: Begin, owner: Owner) -> None:
    """A material that is blocked in the warehouse can't be a component, likewise."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 3)])
    relay = begin("visma", "itempath")
    make_material(owner, name="SEAT", isBlocked=1)

    message = failed_as(relay.sync("CHAIR"), "conflict")

    assert "SEAT" in message
    assert owner.effects("itempath") == (0, 0, 0)


@pytest.mark.parametrize("target", ["itempath", "intacct"])
def test_missing_items(begin: Begin, owner: Owner, target: str) -> None:
    """All items that the target lacks are named at once, and nothing is written."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1), ("FELT", 4)])
    owner.put(target, "CHAIR", [("LEG", 3)])
    relay = begin("visma", target)

    message = failed_as(relay.sync("CHAIR"), "missing_reference")

    assert "SEAT" in message
    assert "FELT" in message
    assert owner.effects(target) == (0, 0, 0)


def test_missing_items_are_made(begin: Begin, owner: Owner) -> None:
    """Where it is wanted, the warehouse gets the kit and the materials that it lacks, each once, before the lines."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    relay = begin("visma", "itempath", create_missing=True)

    succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1")]
    counts = owner.counts("itempath")
    assert counts["made"] == {"kits": 1, "items": 2}
    assert counts["created_twice"] == 0


def make_material(owner: Owner, **members: Any) -> None:
    """A material as a program beside us makes it, once it is imported."""
    with httpx.Client(
        base_url=f"{owner.url}/itempath/acme/api", headers={"Authorization": "Bearer acme-application-token"}, verify=TLS
    ) as api:
        before = owner.counts("itempath")["made"]["items"]
        assert api.post("/materials", json=members).is_success
        end = time.monotonic() + 5
        while owner.counts("itempath")["made"]["items"] == before:
            assert time.monotonic() < end
            time.sleep(0.01)
