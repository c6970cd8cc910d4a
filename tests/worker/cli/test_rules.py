"""`rules test`: what an event would do, without doing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.cli.conftest import Run

RULES = """
[[tenants.acme.sources]]
name = "webshop"
scheme = "bearer"
secrets = ["0123456789abcdef"]

[[tenants.acme.rules]]
source = "webshop"
on = "order.paid"
each = "data.lines"
do = "create_kit_assembly"
with = { item_id = "item.sku", quantity = "item.qty" }
unique_key = "join('/', [event.data.no, item.sku])"

[[tenants.acme.rules]]
source = "visma"
on = "*"
when = "data.done"
do = "release_kit_assembly"
with = { type = "'P'", ref_no = "event.data.no" }
"""
ORDER = {"type": "order.paid", "data": {"no": "A1", "lines": [{"sku": "KIT-1", "qty": 2.5}]}}


@pytest.fixture
def order(file: Path) -> Path:
    """An event in a file, and settings with rules."""
    file.write_text(file.read_text() + RULES)
    path = file.parent / "order.json"
    path.write_text(json.dumps(ORDER))
    return path


def test_shows_what_it_would_do(run: Run, order: Path) -> None:
    """Rule by rule, with the arguments and the unique key; neither a ledger is needed nor anything stored."""
    result = run("rules", "test", str(order))

    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "would make" in text
    assert "A1/KIT-1" in text
    assert "when gives null, not true" in text
    assert "order.paid would make 1 job for acme; nothing was done" in text
    assert not (order.parent / "kitrelay.db").exists()


def test_json(run: Run, order: Path) -> None:
    """For programs: each rule's outcome, and what would be made."""
    found: dict[str, Any] = json.loads(run("rules", "test", str(order), "--source", "webshop", "--json").stdout)

    assert (found["tenant"], found["type"]) == ("acme", "order.paid")
    assert found["outcomes"] == [
        {
            "source": "webshop",
            "rule": "rules[0]",
            "kind": "create_kit_assembly",
            "state": "would make",
            "item": 0,
            "why": None,
            "faults": [],
            "would_make": {
                "kind": "create_kit_assembly",
                "reference": "KIT-1",
                "arguments": {"type": "P", "item_id": "KIT-1", "quantity": 2.5},
                "unique_key": "A1/KIT-1",
            },
        }
    ]


def test_refusal_fails(run: Run, order: Path) -> None:
    """What a rule refuses is shown with its place, and the exit code tells."""
    result = run("rules", "test", "-", given=json.dumps({**ORDER, "data": {"no": "A1", "lines": [{"sku": "KIT-1"}]}}))

    assert order.exists()
    assert result.exit_code == 1
    assert "rules[0].with.quantity: is required; its expression gives null" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("--source", "nobody"), json.dumps(ORDER), "has no rule for 'nobody': there are rules for webshop, visma"),
        (("--tenant", "globex"), json.dumps(ORDER), "there is no tenant 'globex' with rules: there are acme"),
        ((), "{", "is no JSON"),
        ((), "[" * 1000, "is no JSON"),
        ((), '{"data": 1}', "an event needs a type"),
        ((), '{"type": "a", "specversion": "1.0"}', "a CloudEvent needs id"),
        ((), " " * 1024 * 1025, "larger than"),
    ],
)
def test_wrong_use(run: Run, order: Path, words: tuple[str, ...], given: str, said: str) -> None:
    """What can't be tried is wrong use, and says what would be right."""
    result = run("rules", "test", "-", *words, given=given)

    assert order.exists()
    assert (result.exit_code, said in " ".join(result.output.split())) == (2, True), result.output


def test_without_rules(run: Run) -> None:
    """Settings without rules are told."""
    assert "the settings have no rules" in run("rules", "test", "-", given=json.dumps(ORDER)).output
