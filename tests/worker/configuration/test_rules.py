"""Rules are judged when the settings are read: what no event can change must be right, and each fault has its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from worker.configuration.forms import Rules, Sources

if TYPE_CHECKING:
    from tests.worker.configuration.conftest import Judge

SOURCE = '[[tenants.acme.sources]]\nname = "shop"\nscheme = "bearer"\nsecrets = ["0123456789abcdef"]\n'
GOOD = {"item_id": "event.data.sku", "quantity": "event.data.qty"}


def rule(given: dict[str, str] | None = None, do: str = "create_kit_assembly", more: str = "", source: str = "shop") -> str:
    """One rule, with these arguments."""
    pairs = ", ".join(f'{name} = "{text}"' for name, text in (GOOD if given is None else given).items())
    return f'[[tenants.acme.rules]]\nsource = "{source}"\non = "order.*"\ndo = "{do}"\nwith = {{ {pairs} }}\n{more}\n'


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        (GOOD, {}),
        ({**GOOD, "release": "`true`", "type": "'D'", "warehouse": "'MAIN'", "hold": "`null`"}, {}),
        ({**GOOD, "qty": "event.data.qty"}, {"qty": "is no argument of create_kit_assembly"}),
        ({**GOOD, "item": "event.x"}, {"item": "is no argument of create_kit_assembly; did you mean item_id?"}),
        ({"item_id": "event.data.sku"}, {"quantity": "is required by create_kit_assembly"}),
        ({}, {"item_id": "is required by create_kit_assembly", "quantity": "is required by create_kit_assembly"}),
        ({**GOOD, "release": "'true'"}, {"release": "must be true or false"}),
        ({**GOOD, "quantity": "`0`"}, {"quantity": "must be greater than 0"}),
        ({**GOOD, "type": "'X'"}, {"type": "must be one of P, D"}),
        ({**GOOD, "stock_component_lines": "`[{}]`"}, {"stock_component_lines[0]": "needs item_id or line_nbr"}),
        ({**GOOD, "description": "data.note"}, {"description": "begins with data, and there is only event"}),
        ({**GOOD, "description": "item.note"}, {"description": "begins with item, and there is only event, without each"}),
        ({**GOOD, "description": "evnt.data[0].note"}, {"description": "begins with evnt, and there is only event; did you mean event?"}),
        ({**GOOD, "description": "not_null(event.a, 'x')"}, {}),
    ],
)
def test_arguments_are_judged(faults: Judge, visma: str, given: dict[str, str], bad: dict[str, str]) -> None:
    """Names, what is required, constants, and where paths begin."""
    assert faults(visma + SOURCE + rule(given)) == {f"tenants.acme.rules[0].with.{place}": message for place, message in bad.items()}


def test_item_beside_each(faults: Judge, visma: str) -> None:
    """With `each` there is an item, too; a unique key is looked at likewise."""
    good = rule({"item_id": "item.sku", "quantity": "item.qty"}, more='each = "data.lines"\nunique_key = "join(\'/\', [item.sku])"')
    bad = rule(more='each = "data.lines"\nunique_key = "data.order_no"')

    assert faults(visma + SOURCE + good + bad) == {
        "tenants.acme.rules[1].unique_key": "begins with data, and there are only event and item"
    }


def test_needs_what_does_it(faults: Judge, visma: str) -> None:
    """A kind needs the connection of its ERP; a sync two."""
    line = rule({"kit": "event.kit", "material": "event.part", "quantity": "`1`"}, do="create_kit_line")
    text = visma + SOURCE + line + rule({"kit": "event.kit"}, do="sync_kit_lines")

    assert faults(text) == {
        "tenants.acme.rules[0].do": "this tenant has no connection to itempath",
        "tenants.acme.rules[1].do": "this tenant has no two connections to sync between",
    }


def test_source_has_few_rules(faults: Judge, visma: str) -> None:
    """An event goes through at most 64 rules; those of another source do not count."""
    text = visma + SOURCE + rule() * 64 + rule(source="visma") + rule() * 2

    assert faults(text) == {"tenants.acme.rules[65]": "is one more than the 64 rules that a source may have"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("a" * 1001, "must have at most 1000 characters"), ("(" * 900, None), ("!" * 300 + "a", "is nested too deeply")],
)
def test_expressions_are_bounded(faults: Judge, visma: str, text: str, message: str | None) -> None:
    """Neither endless nor bottomless; and whatever stands there is a fault and no crash."""
    found = faults(visma + SOURCE + rule(more=f'when = "{text}"'))

    assert list(found) == ["tenants.acme.rules[0].when"]
    assert message is None or found["tenants.acme.rules[0].when"] == message


def test_secret_is_what_it_says(faults: Judge) -> None:
    """A secret that says to be base64 is; plain text and base64 without the prefix are taken as they are."""
    secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAE", "plain text!", "whsec_plain text!", "whsec_", "whsec_AAAAA"]
    text = f'[[tenants.acme.sources]]\nname = "shop"\nscheme = "standard-webhooks"\nsecrets = {secrets}'

    assert faults(text) == {f"tenants.acme.sources[0].secrets[{place}]": "must be base64 after whsec_" for place in (3, 4, 5)}


def test_readme_tells_keys() -> None:
    """The README has every key of a source and of a rule."""
    text = (Path(__file__).parents[3] / "README.md").read_text().partition("## Triggers and rules")[2].partition("\n## ")[0]
    told = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    keys = {field.data_key or name for form in (Sources, Rules) for name, field in form().fields.items()}

    assert {key for key in keys - {"name"} if f"`{key}`" not in told} == set()


def test_readme_example_is_good(faults: Judge, visma: str) -> None:
    """What the README shows can be copied."""
    text = (Path(__file__).parents[3] / "README.md").read_text().partition("**Set up a shop.**")[2]

    assert faults(visma + text.split("```toml\n")[1].partition("```")[0], {"ACME_WEBSHOP_SECRET": "0123456789abcdef"}) == {}
