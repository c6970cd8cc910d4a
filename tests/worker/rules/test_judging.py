"""What rules make of events: each element made, refused with every fault's place, or skipped with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.rules.test_exact import JSON
from worker.errors import Fault
from worker.rules import Rulebook, exact
from worker.settings import ItemPath, Rule, Secret, Settings, Tenant, Visma

if TYPE_CHECKING:
    from worker.jobs.outcomes import Outcome

ORDER = {
    "type": "order.paid",
    "data": {"channel": "b2b", "no": "A1", "lines": [{"sku": "KIT-1", "qty": 2}, {"sku": "SCREW", "qty": 9}, {"sku": "KIT-2", "qty": 1}]},
}
CREATE = "create_kit_assembly"


def rule(**changes: Any) -> Rule:
    """The contract's example."""
    plain: dict[str, Any] = {
        "source": "shop",
        "on": "order.paid",
        "do": CREATE,
        "arguments": {"item_id": "item.sku", "quantity": "item.qty", "warehouse": "'MAIN'", "release": "`true`"},
        "when": "data.channel == 'b2b'",
        "each": "data.lines[?starts_with(sku, 'KIT-')]",
        "unique_key": "join('/', [event.data.no, item.sku])",
    }
    return Rule(**{**plain, **changes})


def run(*rules: Rule, event: Any = ORDER, source: str = "shop") -> list[Outcome]:
    """What these rules of a tenant with Visma and ItemPath do with an event."""
    visma = Visma("https://visma.test", "https://visma.test/token", "client", Secret("secret"), "company")
    tenant = Tenant("acme", visma=visma, itempath=ItemPath("https://itempath.test", token=Secret("token")), rules=rules)
    return list(Rulebook(Settings(tenants={"acme": tenant})).judged("acme", source, exact.loads(orjson.dumps(event))))


def ordered(*lines: Any, **more: Any) -> dict[str, Any]:
    """An order of these lines."""
    return {"type": "order.paid", "data": {**ORDER["data"], "lines": list(lines), **more}}  # type: ignore[dict-item] # it is one


def only(*rules: Rule, event: Any = ORDER) -> Outcome:
    """The only outcome."""
    (outcome,) = run(*rules, event=event)
    return outcome


def test_each_makes_a_job() -> None:
    """One checked job for each element, with its arguments, its key and its place."""
    first, second = run(rule())

    assert (first.state, first.rule, first.item, second.item) == ("made", "rules[0]", 0, 1)
    assert first.job is not None
    assert first.job.arguments == {"type": "P", "item_id": "KIT-1", "quantity": 2, "warehouse": "MAIN", "release": True}
    assert (first.job.tenant, first.job.erp, first.job.kind, first.job.unique_key) == ("acme", "visma", CREATE, "A1/KIT-1")
    assert second.job is not None
    assert second.job.reference == "KIT-2"


def test_without_each() -> None:
    """Without `each` there is one job of the event."""
    outcome = only(rule(each="", arguments={"item_id": "event.data.no", "quantity": "length(event.data.lines)"}, unique_key=""))

    assert (outcome.state, outcome.item) == ("made", None)
    assert outcome.job is not None
    assert (outcome.job.arguments["quantity"], outcome.job.unique_key) == (3, None)


@pytest.mark.parametrize(
    ("on", "kind", "matches"),
    [
        ("order.paid", "order.paid", True),
        ("order.paid", "order.paid.b2b", False),
        ("order.paid", "Order.paid", False),
        ("order.*", "order.paid", True),
        ("order.*", "order", False),
        ("*", "anything", True),
    ],
)
def test_type_by_prefix(on: str, kind: str, matches: bool) -> None:  # noqa: FBT001 - a column of the table
    """The type as it is, or its beginning."""
    outcome = run(rule(on=on), event={**ORDER, "type": kind})[0]

    assert (outcome.state == "made") is matches
    assert matches or outcome.why == f"it is for {on}"


@pytest.mark.parametrize(
    ("changes", "event", "why"),
    [
        ({}, {"type": "order.paid", "data": {"channel": "b2c"}}, "when gives false, not true"),
        ({"when": "data.lines"}, ORDER, "when gives a list, not true"),
        ({"when": "data.channel"}, ORDER, "when gives text, not true"),
        ({"when": "`1`"}, ORDER, "when gives a number, not true"),
        ({"when": "data.missing"}, ORDER, "when gives null, not true"),
        ({}, ordered({"sku": "SCREW"}), "each gives no elements"),
        ({"each": "data.missing"}, ORDER, "each gives no elements"),
    ],
)
def test_skipped_says_why(changes: dict[str, Any], event: Any, why: str) -> None:
    """Only true counts; and where there is nothing to do that is said."""
    outcome = only(rule(**changes), event=event)

    assert (outcome.state, outcome.why, outcome.faults, outcome.job) == ("skipped", why, (), None)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"when": "starts_with(data.no.x, 'A')"}, ["when"]),
        ({"each": "data.channel"}, ["each"]),
        ({"each": "sum(data.lines)"}, ["each"]),
        ({"each": "data.lines[:1]", "unique_key": "item.none"}, ["unique_key"]),
        ({"each": "data.lines[:1]", "unique_key": "join('/', [item.none])"}, ["unique_key"]),
        ({"each": "data.lines[:1]", "unique_key": "''"}, ["unique_key"]),
        ({"each": "data.lines[:1]", "arguments": {"item_id": "item.sku", "quantity": "item.none"}}, ["with.quantity"]),
        ({"each": "data.lines[:1]", "arguments": {"item_id": "sum(item.sku)", "quantity": "item.sku"}}, ["with.item_id", "with.quantity"]),
        ({"do": "release_kit_assembly", "each": "", "arguments": {"type": "'P'", "ref_no": "event.data.lines"}, "unique_key": ""},
         ["with.ref_no"]),
        (
            {
                "do": "update_kit_assembly",
                "each": "",
                "unique_key": "",
                "arguments": {"type": "'P'", "ref_no": "'1'", "stock_component_lines": "[{x: `1`, quantity: 'two', item_id: 'A'}]"},
            },
            ["with.stock_component_lines[0].quantity", "with.stock_component_lines[0].x"],
        ),
        ({"do": "create_kit_component", "each": "", "unique_key": "", "arguments": {}}, ["do"]),
        ({"do": "delete_kit_line", "each": "", "unique_key": "", "arguments": {}}, ["with"]),
    ],
)  # fmt: skip
def test_refused_names_places(changes: dict[str, Any], places: list[str]) -> None:
    """Every fault has its place in the settings."""
    outcome = only(rule(**changes))

    assert (outcome.state, outcome.job) == ("refused", None)
    assert sorted(fault.path for fault in outcome.faults) == sorted(f"rules[0].{place}" for place in places)


def test_bad_element_stands_alone() -> None:
    """A bad line of an order does not hold up the good ones, and says what is wrong with it."""
    outcomes = run(rule(), event=ordered({"sku": "KIT-1", "qty": 1}, {"sku": "KIT-2"}, {"sku": "KIT-3", "qty": 0.5}))

    assert [(each.state, each.item) for each in outcomes] == [("made", 0), ("refused", 1), ("made", 2)]
    assert outcomes[1].faults == (Fault("rules[0].with.quantity", "is required; its expression gives null"),)


def test_places_count_all_rules() -> None:
    """A place counts the tenant's rules, also those of other sources."""
    (outcome,) = run(rule(source="other"), rule(each="data.channel"))

    assert outcome.faults == (Fault("rules[1].each", "gives text, not a list"),)


@pytest.mark.parametrize(("value", "key"), [("7", "7"), ("7.50", "7.50"), ('" a "', "a"), ("123456789012345678", "123456789012345678")])
def test_number_as_key(value: str, key: str) -> None:
    """A number serves as a key with all its digits."""
    event = exact.loads(f'{{"type": "order.paid", "data": {{"no": {value}}}}}')
    visma = Visma("https://visma.test", "https://visma.test/token", "client", Secret("secret"), "company")
    plain = rule(each="", when="", unique_key="event.data.no", arguments={"item_id": "'A'", "quantity": "`1`"})
    (outcome,) = Rulebook(Settings(tenants={"acme": Tenant("acme", visma=visma, rules=(plain,))})).judged("acme", "shop", event)

    assert outcome.job is not None
    assert outcome.job.unique_key == key


def test_elements_are_bounded() -> None:
    """A thousand elements over all rules; a rule that would have more makes nothing."""
    event = ordered(*({"sku": f"KIT-{number}", "qty": 1} for number in range(600)))
    outcomes = run(rule(), rule(), rule(each="data.lines[:400]"), event=event)

    assert [each.state for each in outcomes[:600]] == ["made"] * 600
    assert outcomes[600].faults[0].message == "gives 600 elements; an event may have 1000 over all rules"
    assert len(outcomes) == 602
    assert outcomes[601].state == "refused"


def test_rules_are_bounded() -> None:
    """Sixty-four rules for an event; those that are not for it do not count."""
    outcomes = run(*[rule(on="x")] * 10, *[rule(each="", arguments={"item_id": "'A'", "quantity": "`1`"}, unique_key="")] * 65)

    assert [each.state for each in outcomes] == ["skipped"] * 10 + ["made"] * 64 + ["refused"]


def test_work_is_bounded() -> None:
    """A rule that takes too much work makes nothing at all, and the next ones are refused, too: an event ends always in the same way."""
    lines = [{"sku": f"KIT-{number}", "qty": 1} for number in range(900)]
    costly = {"item_id": "item.sku", "quantity": "length(event.data.lines[?sku == 'X' || qty > `0`])"}
    outcomes = run(rule(arguments=costly), rule(), event=ordered(*lines))

    assert [each.state for each in outcomes] == ["refused"] * 2
    assert "too much work" in outcomes[0].faults[0].message


@given(
    JSON, JSON, st.sampled_from(["data", "data[]", "data.*", "@"]), st.sampled_from(["item", "event.data", "to_string(item)", "sum(item)"])
)
def test_never_raises(data: Any, more: Any, each: str, given_: str) -> None:
    """Whatever an event holds, it ends in outcomes whose jobs are JSON."""
    plain = rule(when="", each=each, arguments={"item_id": given_, "quantity": "`1`", "description": "event.more"}, unique_key=given_)
    outcomes = run(plain, event={"type": "order.paid", "data": data, "more": more})

    assert outcomes
    for outcome in outcomes:
        assert orjson.dumps(outcome.view())
        assert (outcome.job is not None) == (outcome.state == "made")


def test_other_source_has_none() -> None:
    """An event of another source goes through none of these rules."""
    assert run(rule(), source="elsewhere") == []


def test_view_is_whole() -> None:
    """What is kept has every member, so that programs may rely on them."""
    assert only(rule(each="data.channel")).view() == {
        "rule": "rules[0]",
        "kind": CREATE,
        "state": "refused",
        "item": None,
        "why": None,
        "faults": [{"path": "rules[0].each", "message": "gives text, not a list"}],
        "job": None,
        "duplicate": False,
    }
