"""Writes that show late, never, or whose answer is lost: each takes effect exactly once, or a person is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.relay import RETRIES, failed_as, succeeded

if TYPE_CHECKING:
    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner, Relay

NEVER = 3_600_000.0
"""Milliseconds until an import that a test does not want to come by itself."""


def chairs(owner: Owner) -> None:
    """A source with three lines, and a target with one of them that has another quantity."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1), ("FELT", 4)])
    for erp in ("itempath", "intacct"):
        owner.put(erp, "CHAIR", [("LEG", 3)])
        owner.put(erp, "STORE", [("SEAT", 1), ("FELT", 1)])


def polls(relay: Relay, job: str) -> int:
    """How often a sync has looked in vain for what is known to have been accepted."""
    found: int = relay.job(job).progress.get("sync", {}).get("polls", 0)
    return found


def test_import_at_third_look(begin: Begin, owner: Owner) -> None:
    """A line that two looks do not show is waited for, not written again."""
    chairs(owner)
    owner.change(import_ms=NEVER)
    relay = begin("visma", "itempath")
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: polls(relay, made) >= 2)
    owner.change(advance=NEVER / 1000)

    relay.settle()

    job = succeeded(relay.job(made))
    assert owner.effects("itempath") == (2, 1, 0)
    assert len(relay.calls(job, "POST", "/kit_lines")) == 2


def test_never_imported(begin: Begin, owner: Owner) -> None:
    """Writes that Power Pick drops are told after the import's time, by name; they are not repeated."""
    chairs(owner)
    owner.fault("import-refused")
    relay = begin("visma", "itempath", itempath={"import_timeout": 0.5})

    job = relay.sync("CHAIR")

    message = failed_as(job, "timeout")
    assert all(word in message for word in ("update LEG to 4", "create SEAT to 1", "create FELT to 4"))
    assert owner.counts("itempath")["refused"] == 3
    assert len(relay.calls(job, "POST", "/kit_lines")) == 2


def test_never_imported_then_replayed(begin: Begin, owner: Owner) -> None:
    """After a replay, what never came is written once more."""
    chairs(owner)
    owner.fault("import-refused")
    relay = begin("visma", "itempath", itempath={"import_timeout": 0.3})
    job = relay.sync("CHAIR")
    failed_as(job, "timeout")
    owner.fault()

    succeeded(relay.replay(job.id))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1"), ("FELT", "4")]
    assert owner.counts("itempath")["created_twice"] == 0


def test_two_quick_creates(begin: Begin, owner: Owner) -> None:
    """Two jobs for the same new line at one moment: one makes it, the other finds it there."""
    owner.put("itempath", "STORE", [("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    relay = begin()

    first = relay.make("create_kit_line", kit="CHAIR", material="SEAT", quantity=1)
    second = relay.make("create_kit_line", kit="CHAIR", material="SEAT", quantity=1)
    relay.settle()

    succeeded(relay.job(first))
    failed_as(relay.job(second), "duplicate")
    assert owner.effects("itempath") == (1, 0, 0)
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1")]


def test_two_quick_syncs(begin: Begin, owner: Owner) -> None:
    """Two syncs of one kit run one after the other, and the second has nothing to do."""
    chairs(owner)
    relay = begin("visma", "itempath")

    made = [relay.make("sync_kit_lines", kit="CHAIR") for _ in range(2)]
    relay.settle()

    assert [succeeded(relay.job(each)).result["wrote"] for each in made] == [True, False]
    assert owner.effects("itempath") == (2, 1, 0)
    assert owner.counts("itempath")["created_twice"] == 0


@pytest.mark.parametrize("fault", ["itempath-timeout", "itempath-5xx-after"])
def test_lost_answer_in_itempath(begin: Begin, owner: Owner, fault: str) -> None:
    """Every write runs and no answer comes: each is found by reading the kit back, and none is sent twice."""
    chairs(owner)
    owner.fault(fault)
    relay = begin("visma", "itempath")

    job = succeeded(relay.sync("CHAIR"))

    assert owner.hits(fault) == 3
    assert owner.effects("itempath") == (2, 1, 0)
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1"), ("FELT", "4")]
    assert any(move.cause.startswith("unclear") for move in relay.timeline(job))


def test_found_in_the_log(begin: Begin, owner: Owner) -> None:
    """A create whose answer was lost and whose import is late: ItemPath's log of calls says that it ran, so it is awaited."""
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "STORE", [("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    owner.change(import_ms=NEVER)
    owner.fault("itempath-timeout")
    relay = begin("visma", "itempath", itempath={"second_look": 0.1})
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: polls(relay, made) >= 1)
    assert "doubt" not in relay.job(made).progress
    owner.change(advance=NEVER / 1000)

    relay.settle()

    succeeded(relay.job(made))
    assert owner.effects("itempath") == (1, 0, 0)
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "1")]


def test_no_log_to_ask(begin: Begin, owner: Owner) -> None:
    """Where neither the kit nor a log tells, a person decides; a replay after the import finds it and makes no second line."""
    owner.change(itempath_log=0)
    owner.ask("POST", "reset", {"keep_settings": True})
    owner.put("visma", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    owner.put("itempath", "STORE", [("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    owner.change(import_ms=NEVER)
    owner.fault("itempath-timeout")
    relay = begin("visma", "itempath", itempath={"second_look": 0.1})

    job = relay.sync("CHAIR")

    assert "create SEAT to 1" in failed_as(job, "in_doubt")
    assert len(relay.calls(job, "POST", "/kit_lines")) == 1
    owner.change(advance=NEVER / 1000)
    succeeded(relay.replay(job.id))
    assert owner.effects("itempath") == (1, 0, 0)


@pytest.mark.parametrize("fault", ["intacct-timeout", "intacct-5xx-after"])
def test_lost_answer_in_intacct(begin: Begin, owner: Owner, fault: str) -> None:
    """Intacct runs every write and no answer comes: what is there is seen, and nothing is made twice."""
    chairs(owner)
    owner.fault(fault)
    relay = begin("visma", "intacct")

    succeeded(relay.sync("CHAIR"))

    assert owner.effects("intacct") == (2, 1, 0)
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT", "1"), ("FELT", "4")]
    assert owner.counts("intacct")["created_twice"] == 0


@pytest.mark.parametrize("fault", ["lost-202", "5xx-after", "forgotten"])
def test_lost_answer_in_visma(begin: Begin, owner: Owner, fault: str) -> None:
    """Likewise in Visma, whose write is one call in the background."""
    owner.put("intacct", "CHAIR", [("LEG", 4), ("SEAT", 1), ("FELT", 4)])
    owner.put("visma", "STORE", [("SEAT", 1), ("FELT", 1)])
    owner.put("visma", "CHAIR", [("LEG", 3)])
    owner.change(forget_seconds=0.0)
    owner.fault(fault)
    relay = begin("intacct", "visma")

    succeeded(relay.sync("CHAIR"))

    assert owner.effects("visma") == (2, 1, 0)
    assert owner.lines("visma", "CHAIR") == [("LEG", "4"), ("SEAT", "1"), ("FELT", "4")]


def test_visma_fails_at_it(begin: Begin, owner: Owner) -> None:
    """An operation that Visma broke off, for no fault of the kit's, is sent again after a second look."""
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.put("visma", "CHAIR", [("LEG", 3)])
    owner.fault("failed")
    relay = begin("intacct", "visma")
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: owner.hits("failed"))
    owner.fault()

    relay.settle()

    job = succeeded(relay.job(made))
    assert job.attempt == 1
    assert owner.effects("visma") == (0, 1, 0)
    assert owner.lines("visma", "CHAIR") == [("LEG", "4")]


def test_visma_refuses_it(begin: Begin, owner: Owner) -> None:
    """An operation that Visma refuses ends the job with Visma's own words, after one try."""
    owner.put("intacct", "CHAIR", [("LEG", 4), ("NOTHING", 1)])
    owner.put("visma", "CHAIR", [("LEG", 3)])
    relay = begin("intacct", "visma")

    job = relay.sync("CHAIR")

    assert job.error is not None
    assert "NOTHING" in failed_as(job, job.error.error_class)
    assert len(relay.calls(job, "PUT", "/KitSpecifications")) == 1
    assert owner.effects("visma") == (0, 0, 0)


@pytest.mark.parametrize(
    ("target", "faults"),
    [
        ("itempath", {"itempath-5xx": 0.15, "itempath-timeout": 0.3, "itempath-5xx-after": 0.3, "import-slow": 0.3}),
        ("intacct", {"intacct-5xx": 0.2, "intacct-timeout": 0.3, "intacct-5xx-after": 0.3, "intacct-token-killed": 0.1}),
        ("visma", {"5xx": 0.2, "5xx-after": 0.3, "lost-202": 0.3, "failed": 0.2, "forgotten": 0.3, "token-revoked": 0.1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_all_goes_wrong_at_times(begin: Begin, owner: Owner, target: str, faults: dict[str, float]) -> None:
    """Whatever goes wrong on the way to a target, with or without effect, every line is made, changed and deleted once."""
    source = "intacct" if target == "visma" else "visma"
    before = [("A", 1), ("B", 1), ("C", 1), ("D", 1), ("E", 1), ("F", 1)]
    after = [("A", 2), ("B", 2), ("C", 1), ("D", 1), ("G", 1), ("H", 1)]
    owner.put(target, "STORE", [("G", 1), ("H", 1)])
    owner.put(source, "KIT", after)
    owner.put(target, "KIT", before)
    owner.change(slow_import_seconds=0.2, faults=faults)
    relay = begin(source, target, **{source: {"retries": replace(RETRIES, attempts=40)}})

    succeeded(relay.sync("KIT"))

    assert sorted(owner.lines(target, "KIT")) == sorted((code, str(quantity)) for code, quantity in after)
    assert owner.effects(target) == (2, 2, 2)


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
def test_single_lines(begin: Begin, owner: Owner, lost: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A kit line is made, changed and deleted in ItemPath, each once, also when no answer comes."""
    owner.put("itempath", "STORE", [("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 4)])
    owner.fault(*(["itempath-timeout"] if lost else []))
    relay = begin()

    made = succeeded(relay.do("create_kit_line", kit="CHAIR", material="SEAT", quantity="2", number=7))
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "2")]
    succeeded(relay.do("update_kit_line", id=made.result["id"], quantity=3))
    assert owner.lines("itempath", "CHAIR") == [("LEG", "4"), ("SEAT", "3")]
    succeeded(relay.do("delete_kit_line", kit="CHAIR", material="SEAT"))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "4")]
    assert owner.effects("itempath") == (1, 1, 1)
    assert made.result["number"] == 7
    assert owner.hits("itempath-timeout") == 3 * lost


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
def test_single_components(begin: Begin, owner: Owner, lost: bool) -> None:  # noqa: FBT001 - likewise
    """A kit component is made, changed and deleted in Intacct, likewise."""
    owner.put("intacct", "STORE", [("SEAT", 1)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.fault(*(["intacct-timeout"] if lost else []))
    relay = begin()

    made = succeeded(relay.do("create_kit_component", kit="CHAIR", component="SEAT", number_of_units=2, revenue_percentage="12.5"))
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT", "2")]
    assert owner.kit("intacct", "CHAIR")["lines"][1]["percentage"] == "12.5"
    succeeded(relay.do("update_kit_component", key=made.result["key"], number_of_units=3))
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT", "3")]
    succeeded(relay.do("delete_kit_component", kit="CHAIR", component="SEAT"))

    assert owner.lines("intacct", "CHAIR") == [("LEG", "4")]
    assert owner.effects("intacct") == (1, 1, 1)
    assert owner.hits("intacct-timeout") == 3 * lost


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("create_kit_line", {"kit": "CHAIR", "material": "NOTHING", "quantity": 1}),
        ("update_kit_line", {"kit": "CHAIR", "material": "SEAT", "quantity": 1}),
        ("delete_kit_line", {"kit": "NOTHING", "material": "LEG"}),
        ("create_kit_component", {"kit": "CHAIR", "component": "NOTHING", "number_of_units": 1}),
        ("update_kit_component", {"kit": "CHAIR", "component": "SEAT", "number_of_units": 1}),
        ("delete_kit_component", {"kit": "NOTHING", "component": "LEG"}),
    ],
)
def test_single_ones_that_miss(begin: Begin, owner: Owner, kind: str, arguments: dict[str, Any]) -> None:
    """A line, kit or item that is not there is told at once."""
    for erp in ("itempath", "intacct"):
        owner.put(erp, "STORE", [("SEAT", 1)])
        owner.put(erp, "CHAIR", [("LEG", 4)])
    relay = begin()

    failed_as(relay.do(kind, **arguments), "missing_reference")

    assert owner.effects("itempath") == owner.effects("intacct") == (0, 0, 0)
