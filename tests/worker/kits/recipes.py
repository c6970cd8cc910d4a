"""Recipes and kits in a few characters, and strategies that make any."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from worker.kits.codes import upper
from worker.kits.model import ItemType, Line, Recipe, RemoteKit, RemoteLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

same = upper


def line(component: str, quantity: str | Decimal = "1", unit: str | None = "EA", **more: object) -> Line:
    """A line; `more` are its other fields."""
    return Line(component, Decimal(quantity), unit, **more)  # type: ignore[arg-type]


def recipe(code: str, *lines: Line, type: ItemType = "kit", active: bool = True) -> Recipe:  # noqa: A002 - the record's own word
    """A recipe whose lines have no ranks yet."""
    return Recipe(code, lines, type=type, active=active)


def book(*recipes: Recipe) -> dict[str, Recipe]:
    """Recipes by code."""
    return {each.code: each for each in recipes}


def standing(lines: Iterable[Line], numbers: Sequence[int | None] | None = None) -> RemoteKit:
    """These lines as they stand in a target, in order, numbered 1, 2, 3 unless said otherwise."""
    remotes = []
    for index, each in enumerate(lines):
        ranked = Line(each.component, each.quantity, each.unit, each.type, each.stocked, index + 1, each.extras)
        remotes.append(RemoteLine(f"line-{index}", ranked, f"item-{each.component}", numbers[index] if numbers else index + 1))
    return RemoteKit("kit-1", "KIT", tuple(remotes))


quantities = st.decimals("0.001", "9", places=3) | st.integers(1, 3).map(Decimal)
components = st.sampled_from("ABCDE") | st.sampled_from("abcde")
lines = st.builds(line, components, quantities)
recipes = st.lists(lines, max_size=8).map(lambda drawn: recipe("KIT", *drawn))


@st.composite
def kits(draw: st.DrawFn) -> RemoteKit:
    """A kit as it stands somewhere: its numbers rise, with or without gaps."""
    drawn = draw(st.lists(lines, max_size=8))
    gaps = draw(st.lists(st.integers(1, 4), min_size=len(drawn), max_size=len(drawn)))
    return standing(drawn, [sum(gaps[: index + 1]) for index in range(len(gaps))])
