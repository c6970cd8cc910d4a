"""Filters as people write them: Intacct's, with their expression; ItemPath's, with their operators."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.cli import conditions, queries
from worker.cli.group import Failed
from worker.cli.kit_names import Names
from worker.clients.intacct.query import OPERATORS
from worker.clients.itempath.filters import Condition
from worker.clients.itempath.records import Kit, Material

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

UUID = "37E70F65-C2C5-4B34-A7B6-3F051E96F9D1"


@given(st.sampled_from(sorted(OPERATORS)), st.sampled_from(["{}", "{lower}", "{bare}"]))
def test_operator_in_any_spelling(operator: str, form: str) -> None:
    """Every operator of Intacct's is known with and without its sign, in any case."""
    written = form.format(operator, lower=operator.lower(), bare=operator[1:])
    value = "a,b" if operator in {"$in", "$notIn", "$between", "$notBetween"} else "a"
    assert queries.filter_of("component.id", written, value).operator == operator


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (("numberOfUnits", ">=", "2"), {"$gte": {"numberOfUnits": "2"}}),
        (("kit.id", "in", "A, B"), {"$in": {"kit.id": ["A", "B"]}}),
        (("numberOfUnits", "between", "1,5"), {"$between": {"numberOfUnits": ["1", "5"]}}),
        (("revenuePercentage", "eq", "null"), {"$eq": {"revenuePercentage": None}}),
        (("component.id", "eq", "10"), {"$eq": {"component.id": "10"}}),
        (("component.id", "startsWith", "true"), {"$startsWith": {"component.id": "true"}}),
    ],
)
def test_filter_is_sent(written: tuple[str, str, str], sent: dict[str, Any]) -> None:
    """A code of digits stays text; null is no text; lists and pairs are parted by commas."""
    assert queries.filter_of(*written).body() == sent


@pytest.mark.parametrize(
    ("expression", "kits", "sent"),
    [
        (None, (), "and"),
        ("1 or 2", (), "1 or 2"),
        (None, ("A",), "and"),
        ("or", ("A",), "(1 or 2) and 3"),
        ("1 or 2", ("A", "B"), "(1 or 2) and 3"),
        ("2", ("A",), "2 and 3"),
    ],
)
def test_kit_always_holds(expression: str | None, kits: tuple[str, ...], sent: str) -> None:
    """The kit's filter stands behind the others and holds, whatever joins these."""
    filters = [("numberOfUnits", "gt", "1"), ("lineNumber", "lt", "5")]
    body = queries.query_of(filters, kits=kits, expression=expression).body()
    assert body["filterExpression"] == sent
    assert len(body["filters"]) == 2 + bool(kits)


def test_query_has_parameters() -> None:
    """Order, parameters and the page's size go into the query; aggregates have no order of ours."""
    body = queries.query_of([], order_by=("lineNumber:desc", "key"), any_case=True, as_of=date(2026, 3, 1), size=7).body()
    summed = queries.query_of([], fields=("kit.id", "sum:numberOfUnits")).body()
    assert body["orderBy"] == [{"lineNumber": "desc"}, {"key": "asc"}]
    assert body["filterParameters"] == {"asOfDate": "2026-03-01", "caseSensitiveComparison": False}
    assert body["size"] == 7
    assert "orderBy" not in summed
    assert summed["fields"] == ["kit.id", "sum:numberOfUnits"]


@pytest.mark.parametrize(
    "given_",
    [
        {"filters": [("key", "is", "1")]},
        {"filters": [("a b", "eq", "1")]},
        {"filters": [("numberOfUnits", "between", "1")]},
        {"filters": [("key", "eq", "1")], "expression": "1 and 2"},
        {"filters": [("key", "eq", "1")], "expression": "1 or 2", "kits": ("A",)},
        {"filters": [], "expression": "1"},
        {"filters": [], "order_by": ("key:down",)},
        {"filters": [], "fields": ("most:key",)},
    ],
)
def test_wrong_query_is_wrong_use(given_: dict[str, Any]) -> None:
    """What Intacct would refuse is refused before it is sent."""
    with pytest.raises(click.UsageError):
        queries.query_of(**given_)


@pytest.mark.parametrize(
    ("check", "text", "found"),
    [
        (conditions.number, "2", Condition("", "2")),
        (conditions.number, "[gt]0.5", Condition("[gt]", "0.5")),
        (conditions.number, "[OR]2; 4", Condition("[or]", "2;4")),
        (conditions.flag, "yes", Condition("", "1")),
        (conditions.flag, "[not]0", Condition("[not]", "0")),
        (conditions.text, "[like]KIT", Condition("[like]", "KIT")),
        (conditions.text, "A;B", Condition("", "A;B")),
    ],
)
def test_condition_is_read(check: Callable[[str], str], text: str, found: Condition) -> None:
    """An operator before the value, in any case; lists by semicolons, which are nothing special elsewhere."""
    assert conditions.Written(check).convert(text, None, None) == found


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (conditions.number, "many"),
        (conditions.number, "[or]1;x"),
        (conditions.number, "[gte]1"),
        (conditions.text, ""),
        (conditions.text, "[not] "),
        (conditions.flag, "2"),
    ],
)
def test_bad_condition_is_wrong_use(check: Callable[[str], str], text: str) -> None:
    """Unknown operators, numbers that are none, and blanks, which would ask for everything, are refused."""
    with pytest.raises(click.BadParameter):
        conditions.Written(check).convert(text, None, None)


class Known:
    """Finds two kits and a material by name; `BOTH` is a kit and a material."""

    kits = (Kit(id="K1", name="KIT-1"), Kit(id="K2", name="BOTH"))
    materials = (Material(id="M1", name="BOLT"), Material(id="M2", name="BOTH"))

    def kits_named(self, names: Collection[str]) -> dict[str, list[Kit]]:
        """By name."""
        return {kit.name: [kit] for kit in self.kits if kit.name in names}

    def materials_named(self, names: Collection[str]) -> dict[str, list[Material]]:
        """By name."""
        return {material.name: [material] for material in self.materials if material.name in names}


@pytest.fixture
def names() -> Names:
    """Those names."""
    return Names(Known())  # type: ignore[arg-type] # as much of a finder as is asked


def test_names_become_ids(names: Names) -> None:
    """Names in equal, not and lists become ids; ids stay; other operators look at ids as they are written."""
    asked = (Condition("[or]", f"KIT-1;{UUID}"), Condition("[not]", "BOTH"), Condition("[like]", "KIT"))
    assert names.with_ids(asked, "kit") == (Condition("[or]", f"K1;{UUID}"), Condition("[not]", "K2"), Condition("[like]", "KIT"))
    assert names.with_ids((Condition("", "BOLT"), Condition("", "KIT-1")), "material") == (Condition("", "M1"), Condition("", "K1"))


@pytest.mark.parametrize(("name", "told"), [("NONE", "there is no material 'NONE'"), ("BOTH", "'BOTH' names several")])
def test_unclear_name_fails(name: str, told: str, names: Names) -> None:
    """A name that nothing has, or two things have, is told; nothing is guessed."""
    with pytest.raises(Failed, match=told):
        names.with_ids((Condition("", name),), "material")
