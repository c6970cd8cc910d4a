"""A look at a kit in the three simulated ERPs: every side as it stands there, what a sync would find, and systems that take no call."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.relay import succeeded
from worker.connections import Breaker
from worker.jobs import limits, queue
from worker.jobs.ledger import utc_now
from worker.jobs.limits import ConnectionState
from worker.jobs.model import Job, Lane
from worker.jobs.states import OPEN, State
from worker.kit_ledger.known import known
from worker.settings import Alias, UnitRule
from worker.sync.passing import PATIENCE, Passing

if TYPE_CHECKING:
    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner, Relay

ERPS = ("visma", "itempath", "intacct")


def sides_of(job: Job) -> dict[str, dict[str, Any]]:
    """The sides of a look, by system."""
    return {side["erp"]: side for side in succeeded(job).result["sides"]}


def comparisons_of(job: Job) -> dict[str, dict[str, Any]]:
    """Its comparisons, by target."""
    return {each["target"]: each for each in succeeded(job).result["comparisons"]}


def lines_of(side: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Components, quantities and units in one measure."""
    return [(line["component"], line["base_quantity"], line["base_unit"]) for line in side["lines"]]


def pause(relay: Relay, erp: str) -> None:
    """As an admin does."""
    with relay.db.write() as connection:
        limits.set_paused(relay.db, connection, Lane("acme", erp), "ops", utc_now())


def stand(relay: Relay, erp: str, state: ConnectionState) -> None:
    """The connection stands so from now on."""
    pause(relay, erp)  # now it has a row
    with relay.db.write() as connection:
        limits._save(connection, Lane("acme", erp), state)


def look(relay: Relay, later: timedelta = timedelta(), **arguments: Any) -> Job:
    """A look at a kit, with the schedulers' sweep; `later`: their clock is ahead."""
    made, passing = relay.make("read_kit", **arguments), Passing(relay.settings, relay.db)

    def over() -> bool:
        passing.sweep(utc_now() + later)
        return relay.job(made).state not in OPEN

    relay.wait(over)
    return relay.job(made)


def test_three_sides(begin: Begin, owner: Owner) -> None:
    """Each system's kit with its lines, and for each target the difference that a dry run finds too; nothing is written anywhere."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 3), ("ARM", 2)])
    owner.put("intacct", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    relay = begin("visma", "itempath", "intacct")

    job = look(relay, kit="CHAIR")

    sides, compared = sides_of(job), comparisons_of(job)
    assert [(erp, side["role"], side["state"]) for erp, side in sides.items()] == [
        ("visma", "source", "present"),
        ("itempath", "target", "present"),
        ("intacct", "target", "present"),
    ]
    assert [line[:2] for line in lines_of(sides["itempath"])] == [("LEG", "3"), ("ARM", "2")]
    assert all(side["seen_at"].endswith("Z") and side["id"] and side["trouble"] == [] for side in sides.values())
    assert (compared["intacct"]["state"], compared["intacct"]["difference"]["same"]) == ("same", 2)
    dry = succeeded(relay.sync("CHAIR", dry_run=True))
    assert {erp: each["difference"] for erp, each in compared.items()} == {
        erp: each["difference"] for erp, each in dry.result["targets"].items()
    }
    assert compared["itempath"]["difference"]["update"][0]["quantity"] == {"from": "3", "to": "4"}
    assert [owner.effects(erp) for erp in ERPS] == [(0, 0, 0)] * 3
    assert (job.priority, job.subject, job.max_attempts, job.progress) == (100, None, 2, {})


def test_absent_kit(begin: Begin, owner: Owner) -> None:
    """A target without the kit lacks every line of it; a kit that the source lacks can't be compared."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    owner.put("intacct", "STOOL", [("LEG", 3)])
    relay = begin("visma", "intacct")

    chair, stool = look(relay, kit="CHAIR"), look(relay, kit="STOOL")

    assert {erp: side["state"] for erp, side in sides_of(chair).items()} == {"visma": "present", "itempath": "absent", "intacct": "absent"}
    found = comparisons_of(chair)["intacct"]
    assert (found["state"], found["why"]) == ("differs", ["there is no such kit in intacct"])
    assert [line["component"] for line in found["difference"]["create"]] == ["LEG"]
    lacking = comparisons_of(stool)["intacct"]
    assert (lacking["state"], lacking["difference"], lacking["why"]) == ("not_compared", None, ["there is no such kit in visma"])


def test_units_and_aliases(begin: Begin, owner: Owner) -> None:
    """A line shows what stands there and what that is in our words: another code, ten pieces for a pack."""
    owner.put("visma", "CHAIR", [("SCREW", 2, "PACK"), ("LEG", 3, "BOX")])
    owner.put("intacct", "STOL", [("SCREW", 20), ("BEIN", 3)])
    relay = begin(
        "visma",
        "intacct",
        units=(UnitRule("visma", "PACK", "Piece", Decimal(10)),),
        aliases=(Alias("intacct", "STOL", "CHAIR"), Alias("intacct", "BEIN", "LEG")),
    )

    job = look(relay, kit="CHAIR")

    visma, intacct = sides_of(job)["visma"], sides_of(job)["intacct"]
    assert (visma["lines"][0]["quantity"], visma["lines"][0]["unit"]) == ("2", "PACK")
    assert lines_of(visma)[0] == ("SCREW", "20", "PIECE")
    assert (intacct["code"], intacct["lines"][1]["code"], intacct["lines"][1]["component"]) == ("STOL", "BEIN", "LEG")
    (why,) = comparisons_of(job)["intacct"]["why"]
    assert "LEG" in why
    assert comparisons_of(job)["intacct"]["state"] == "not_compared"


def test_exploded_target(begin: Begin, owner: Owner) -> None:
    """Where a target gets the parts of inner kits, these are read as well, and what has no stock is left out of the warehouse."""
    owner.put("visma", "B", [("C", 3)])
    owner.put("visma", "A", [("B", 2)])
    owner.put("itempath", "A", [("C", 5)])
    relay = begin("visma", "itempath", nested={"itempath": "explode"})

    job = look(relay, kit="A")

    assert [(line["component"], line["kit"]) for line in sides_of(job)["visma"]["lines"]] == [("B", True)]
    compared = comparisons_of(job)["itempath"]
    assert (compared["nested"], compared["difference"]["update"][0]["quantity"]) == ("explode", {"from": "5", "to": "6"})


def test_revision(begin: Begin, owner: Owner) -> None:
    """A revision that Visma does not have is absent there."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")

    job = look(relay, kit="CHAIR", revision="NONE")

    assert sides_of(job)["visma"]["state"] == "absent"
    assert job.result["revision"] == "NONE"


def test_ambiguous_code(begin: Begin, owner: Owner) -> None:
    """A code that means a material and a kit in ItemPath is no kit there, and the reason is told."""
    owner.put("itempath", "STORE", [("CHAIR", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")

    side = sides_of(look(relay, kit="CHAIR"))["itempath"]

    assert side["state"] == "ambiguous"
    assert "material" in side["trouble"][0]


def test_edited_since(begin: Begin, owner: Owner) -> None:
    """A target tells when it was last in step, and whether somebody edited it there since."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "intacct")
    succeeded(relay.sync("CHAIR"))

    before = sides_of(look(relay, kit="CHAIR"))
    owner.put("intacct", "CHAIR", [("LEG", 5)])
    after = sides_of(look(relay, kit="CHAIR"))

    assert (before["visma"]["agreed"], before["itempath"]["agreed"]) == (None, None)
    assert before["intacct"]["agreed"]["edited_since"] is False
    assert after["intacct"]["agreed"] == {"at": before["intacct"]["agreed"]["at"], "edited_since": True}


def test_hides_no_change(begin: Begin, owner: Owner) -> None:
    """What only a look has seen is still a change for the next sync: the kits that take it apart are synced after it."""
    owner.put("visma", "B", [("C", 3)])
    owner.put("visma", "A", [("B", 2)])
    owner.put("itempath", "B", [("C", 3)])
    owner.put("itempath", "A", [("C", 6)])
    relay = begin("visma", "itempath", nested={"itempath": "explode"})
    succeeded(relay.sync("A"))
    owner.put("visma", "B", [("C", 5)])

    look(relay, kit="B")
    succeeded(relay.sync("B"))

    assert owner.lines("itempath", "A") == [("C", "10")]


def test_known_after_look(begin: Begin, owner: Owner) -> None:
    """A kit that nobody synced is known from its look on."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")

    look(relay, kit="CHAIR")

    with relay.db.read() as connection:
        sides = {side.erp: side for side in known(connection, relay.settings.tenants["acme"], "CHAIR").sides}
    assert [(line.component, line.base_quantity) for line in sides["visma"].lines] == [("LEG", "4")]
    assert sides["intacct"].state == "unknown"


def test_holds_nothing(begin: Begin, owner: Owner) -> None:
    """A look waits for no work on the kit, and no work waits for it."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    owner.put("itempath", "CHAIR", [("LEG", 3)])
    relay = begin("visma", "itempath")
    pause(relay, "itempath")
    sync = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: relay.job(sync).erp == "itempath")

    seen = look(relay, kit="CHAIR")

    assert relay.job(sync).state is State.WAITING
    assert sides_of(seen)["visma"]["state"] == "present"


@pytest.mark.parametrize("paused", ERPS)
def test_paused_system(begin: Begin, owner: Owner, paused: str) -> None:
    """A paused connection is passed by at once, wherever it stands in turn; the others' sides are shown."""
    for erp in ERPS:
        owner.put(erp, "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath", "intacct")
    pause(relay, paused)

    job = look(relay, kit="CHAIR")

    sides = sides_of(job)
    assert {erp for erp, side in sides.items() if side["state"] == "present"} == set(ERPS) - {paused}
    assert (sides[paused]["state"], sides[paused]["trouble"], sides[paused]["seen_at"]) == ("unreachable", ["paused by ops"], None)
    assert {target: each["state"] for target, each in comparisons_of(job).items()} == {
        target: "not_compared" if paused in ("visma", target) else "same" for target in ("itempath", "intacct")
    }
    assert f"{paused}: paused by ops" in [move.cause for move in relay.timeline(job)]


def test_all_paused(begin: Begin) -> None:
    """With every connection paused the look ends all the same, and says so of each."""
    relay = begin("visma", "itempath")
    for erp in ERPS:
        pause(relay, erp)

    job = look(relay, kit="CHAIR")

    assert {side["state"] for side in sides_of(job).values()} == {"unreachable"}


def test_broken_system(begin: Begin, owner: Owner) -> None:
    """A broken connection is passed by with its reason."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "intacct")
    stand(relay, "intacct", ConnectionState(breaker=Breaker(9, 3, utc_now() + timedelta(hours=1), "does not answer")))

    side = sides_of(look(relay, kit="CHAIR"))["intacct"]

    assert side["trouble"] == ["broken: does not answer"]


def test_slow_to_start(begin: Begin, owner: Owner) -> None:
    """A lane that takes no call for a while is passed by; one that may still take it is waited for."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "intacct")
    stand(relay, "intacct", ConnectionState(blocked_until=utc_now() + timedelta(hours=1)))
    made, passing = relay.make("read_kit", kit="CHAIR"), Passing(relay.settings, relay.db)
    relay.wait(lambda: relay.job(made).erp == "intacct" or passing.sweep(utc_now() - PATIENCE))
    assert passing.sweep(utc_now()) == 0

    assert passing.sweep(utc_now() + PATIENCE) == 1

    side = sides_of(relay.job(made))["intacct"]
    assert side["state"] == "unreachable"
    assert side["trouble"][0].startswith("the ERP ordered a wait until 20")


def test_refused_reading(begin: Begin, owner: Owner) -> None:
    """A system that fails at the reading is a side without a kit, and the look goes on."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "itempath")
    owner.fault("itempath-5xx")

    job = look(relay, kit="CHAIR")

    assert sides_of(job)["itempath"]["state"] == "unreachable"
    assert sides_of(job)["visma"]["state"] == "present"


def test_document(begin: Begin, owner: Owner) -> None:
    """A document is read with its lines as it stands in Visma now; once it is deleted, the look finds none."""
    owner.put("visma", "CHAIR", [("LEG", 4)])
    made = owner.ask("POST", "documents", {"company": "acme", "count": 1, "item": "CHAIR", "quantity": 2})
    number = made["first"].partition("/")[2]
    relay = begin("visma", "itempath", visma={"first_poll": 0.05, "poll_max": 0.1})

    found = succeeded(relay.do("read_kit_assembly", type="P", ref_no=number))
    succeeded(relay.do("delete_kit_assembly", type="P", ref_no=number))
    gone = succeeded(relay.do("read_kit_assembly", type="P", ref_no=number))

    document = found.result["document"]
    assert (document["type"], document["ref_no"], document["status"], document["item_id"]) == ("P", number, "B", "CHAIR")
    assert [line["item_id"] for line in document["stock_component_lines"]] == ["LEG"]
    assert len(relay.calls(found, "GET", "/kitassembly/")) == 1
    assert gone.result == {"document": None}


def test_paused_document(begin: Begin) -> None:
    """With Visma paused the look at a document stands in the queue, and can be cancelled there."""
    relay = begin("visma", "itempath")
    pause(relay, "visma")
    made = relay.make("read_kit_assembly", type="P", ref_no="000001")
    Passing(relay.settings, relay.db).sweep(utc_now() + PATIENCE)

    assert relay.job(made).state is State.QUEUED
    with relay.db.write() as connection:
        queue.cancel(relay.db, connection, relay.job(made), "somebody", utc_now())
    assert relay.job(made).state is State.CANCELLED
