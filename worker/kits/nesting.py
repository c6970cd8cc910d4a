"""Kits inside kits: which are there, which come first, and whether one holds itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from worker.kits.model import ItemType, Line, Recipe

ARROW: Final = " → "


class Nest:
    """Recipes by code. What has a recipe here is a kit, even where a line calls it an item: some systems' lines don't say."""

    def __init__(self, kits: Mapping[str, Recipe], same: Callable[[str], str]) -> None:
        self.same = same
        self._recipes = {same(recipe.code): recipe for recipe in kits.values()}

    def find(self, code: str) -> Recipe | None:
        """The recipe of this kit."""
        return self._recipes.get(self.same(code))

    def get(self, code: str) -> Recipe:
        """The recipe of this kit, or a missing reference."""
        recipe = self.find(code)
        if recipe is None:
            raise KitFault("missing_reference", (Fault(code, "there is no recipe of this kit"),))
        return recipe

    def type_of(self, line: Line) -> ItemType:
        """What a component is: its recipe says it for all lines alike; without one the line does."""
        recipe = self.find(line.component)
        return line.type if recipe is None else recipe.type

    def post_order(self, roots: Iterable[str], opens: Callable[[Line], bool]) -> list[Recipe]:
        """The kits at and below `roots`, each once, after all kits inside it; only lines that `opens` accepts are followed.

        Raises `KitFault`: a cycle with its path; all missing recipes together.
        """
        walk = _Walk(self, opens)
        for root in roots:
            walk.go(root)
        if walk.missing:
            raise KitFault("missing_reference", tuple(walk.missing.values()))
        return list(walk.done.values())


class _Walk:
    """A walk over a nest, depth first, on a stack of its own: no nest is too deep for it."""

    def __init__(self, nest: Nest, opens: Callable[[Line], bool]) -> None:
        self.done: dict[str, Recipe] = {}
        self.missing: dict[str, Fault] = {}
        self._nest = nest
        self._opens = opens
        self._path: dict[str, str] = {}
        self._stack: list[tuple[Recipe, Iterator[Line]]] = []

    def go(self, root: str) -> None:
        """Walk from one kit."""
        self._enter(root)
        while self._stack:
            recipe, lines = self._stack[-1]
            line = next(lines, None)
            if line is None:
                self._leave(recipe)
                continue
            self._look(line)

    def _look(self, line: Line) -> None:
        key = self._nest.same(line.component)
        if key in self._path:
            raise _cycle(list(self._path), list(self._path.values()), key, line.component)
        if self._opens(line):
            self._enter(line.component)

    def _enter(self, code: str) -> None:
        key = self._nest.same(code)
        if key in self.done or key in self.missing:
            return
        recipe = self._nest.find(code)
        if recipe is None:
            self.missing[key] = Fault(ARROW.join([*self._path.values(), code]), "there is no recipe of this kit")
            return
        self._path[key] = code
        self._stack.append((recipe, iter(sorted(recipe.lines, key=lambda line: line.rank))))

    def _leave(self, recipe: Recipe) -> None:
        self._stack.pop()
        key, _ = self._path.popitem()
        self.done[key] = recipe


def _cycle(keys: Sequence[str], codes: Sequence[str], key: str, code: str) -> KitFault:
    path = [*codes[keys.index(key) :], code]
    return KitFault("validation", (Fault(ARROW.join(path), "the kit holds itself"),))


def inner(recipe: Recipe) -> tuple[str, ...]:
    """The codes of its lines that are kits, each once, in order."""
    return tuple(dict.fromkeys(line.component for line in recipe.lines if line.type != "item"))


def inner_first(codes: Iterable[str], kits: Mapping[str, Recipe], same: Callable[[str], str]) -> list[str]:
    """The kits and all kits inside them, each once and after those inside it: the order to make them in. Raises `KitFault`."""
    nest = Nest(kits, same)
    return [recipe.code for recipe in nest.post_order(codes, lambda line: nest.type_of(line) != "item")]
