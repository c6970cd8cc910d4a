"""Filter expressions: read as they are meant, written with their parentheses, refused before they are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.intacct.expressions import Expression, Group, checked, parse

FILTERS = 5


def trees() -> st.SearchStrategy[Expression]:
    """Any expression over five filters."""
    index = st.integers(1, FILTERS)
    return st.recursive(
        index,
        lambda inner: st.builds(
            lambda join, parts: Group(join, tuple(parts)), st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)
        ),
        max_leaves=8,
    )


def holds(tree: Expression | str, facts: tuple[bool, ...]) -> bool:
    """What the expression says where these filters hold."""
    if tree == "and":
        return all(facts)
    if tree == "or":
        return any(facts)
    if isinstance(tree, int):
        return facts[tree - 1]
    assert isinstance(tree, Group)
    parts = [holds(part, facts) for part in tree.parts]
    return all(parts) if tree.join == "and" else any(parts)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("and", "and"),
        (" OR ", "or"),
        ("1", "1"),
        ("(1 and 2) or 3", "(1 and 2) or 3"),
        ("1 and 2 or 3", "(1 and 2) or 3"),
        ("1 and (2 or 3)", "1 and (2 or 3)"),
        ("((1))AND(2)", "1 and 2"),
        ("1or 2 or 3", "1 or 2 or 3"),
    ],
)
def test_expression_is_sent(text: str, sent: str) -> None:
    """Indexes, the two words and parentheses; what is sent says the same without doubt."""
    assert checked(text, FILTERS) == sent


@pytest.mark.parametrize(
    "text",
    ["", "0", "6", "1 and", "and 1", "not 1", "1 2", "(1", "1)", "()", "1 xor 2", "1 & 2", "-1", "1.5", "999999999999", "and or", "(" * 80],
)
def test_expression_is_refused(text: str) -> None:
    """No `not`, no index without a filter, nothing left open: never sent."""
    with pytest.raises(ValueError, match="filterExpression"):
        checked(text, FILTERS)


@given(tree=trees(), facts=st.tuples(*[st.booleans()] * FILTERS))
def test_expression_keeps_its_meaning(tree: Expression, facts: tuple[bool, ...]) -> None:
    """What is written is read back to the same truth."""
    text = str(tree)

    assert holds(parse(text, FILTERS), facts) is holds(tree, facts)
    assert checked(text, FILTERS) == checked(checked(text, FILTERS), FILTERS)


@given(text=st.text(alphabet="0123456789 andornt()", max_size=30))
def test_any_expression_is_survived(text: str) -> None:
    """Text of any kind is read like Python reads it, or refused."""
    try:
        tree = parse(text, FILTERS)
    except ValueError:
        return
    for facts in ((True, False, True, False, True), (False, True, False, True, False)):
        if tree in ("and", "or"):
            continue
        names = {f"f{index}": fact for index, fact in enumerate(facts, start=1)}
        python = "".join(f" f{int(part)} " if part.isdigit() else part for part in _split(text))
        assert bool(eval(python, {}, names)) is holds(tree, facts)  # noqa: S307 - digits, and, or, parentheses only


def _split(text: str) -> list[str]:
    parts: list[str] = []
    for sign in text:
        if parts and sign.isdigit() and parts[-1].isdigit():
            parts[-1] += sign
        else:
            parts.append(sign)
    return parts
