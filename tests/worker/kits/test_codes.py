"""Business codes and their aliases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.kits.codes import Codes, normal
from worker.settings import Alias

LONG = "A-VERY-LONG-BUSINESS-CODE-OF-A-KIT"
ALIASES = (Alias("intacct", "KIT-LONG", LONG), Alias("itempath", "Schraube", "SCREW"))


@pytest.mark.parametrize(("there", "name"), [("KIT-LONG", LONG), (" kit-long ", LONG), ("OTHER", "OTHER")])
def test_alias_both_ways(there: str, name: str) -> None:
    """A code that is too long for one system has another there, and its own name everywhere else."""
    codes = Codes(ALIASES, ignore_case=True)
    assert codes.ours("intacct", there) == name
    assert codes.same(codes.theirs("intacct", name)) == codes.same(there)


def test_alias_of_one_system() -> None:
    """An alias says nothing of another system's codes."""
    codes = Codes(ALIASES, ignore_case=True)
    assert codes.ours("visma", "KIT-LONG") == "KIT-LONG"
    assert codes.theirs("visma", LONG) == LONG


def test_case_rule_holds_for_aliases() -> None:
    """Where case counts, a code that differs in case alone is another one."""
    codes = Codes(ALIASES, ignore_case=False)
    assert codes.ours("itempath", "schraube") == "schraube"
    assert codes.ours("itempath", "Schraube") == "SCREW"
    assert codes.theirs("itempath", "screw") == "screw"


def test_case_rule() -> None:
    """One code or two, by the customer's rule."""
    assert Codes((), ignore_case=True).same("kit-1") == Codes((), ignore_case=True).same(" KIT-1")
    assert Codes((), ignore_case=False).same("kit-1") != Codes((), ignore_case=False).same("KIT-1")


def test_composed_letters() -> None:
    """The same letter written in two ways of Unicode is one."""
    codes = Codes((Alias("visma", "Scho\u0308n", "NICE"),), ignore_case=True)
    assert codes.same("o\u0308") == codes.same("\u00d6")
    assert codes.ours("visma", "SCH\u00d6N") == "NICE"


def test_first_alias_holds() -> None:
    """Of two aliases for one name, the first is written."""
    codes = Codes((Alias("visma", "A", "X"), Alias("visma", "B", "X")), ignore_case=True)
    assert codes.theirs("visma", "X") == "A"
    assert codes.ours("visma", "B") == "X"


@given(st.text(max_size=12), st.booleans())
def test_name_is_stable(code: str, ignore_case: bool) -> None:  # noqa: FBT001 - drawn
    """What was made normal once stays as it is, and compares like what it was made of."""
    codes = Codes((), ignore_case=ignore_case)
    assert normal(normal(code)) == normal(code)
    assert codes.same(codes.ours("visma", code)) == codes.same(code)
