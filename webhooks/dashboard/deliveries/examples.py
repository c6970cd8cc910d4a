"""Examples of events, made from what the rules of the settings look at: a place to begin a test delivery. Pure.

An example is made to be taken by its rule as far as its expressions say in plain words what they want (`channel == 'b2b'`,
`starts_with(sku, 'KIT-')`); people change it as they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jmespath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.settings import Rule

    Path = tuple[str, ...]

_SAMPLES: Final[Mapping[str, object]] = {
    "quantity": 1,
    "number_of_units": 1,
    "release": False,
    "type": "P",
    "ref_no": "000123",
    "item_id": "KIT-1",
    "kit": "KIT-1",
}
"""What an argument of a job may look like, by its name."""

_LISTS: Final = ("filter_projection", "projection", "flatten", "value_projection", "slice")


def example_of(rule: Rule) -> dict[str, Any]:
    """An event that the rule looks at."""
    event: dict[str, Any] = {"type": rule.on.removesuffix("*") + ("example" if rule.on.endswith("*") else "")}
    item: dict[str, Any] = {}
    for path, value in _wanted(rule.when):
        _put(event, path, value)
    if rule.each:
        tree = _parsed(rule.each)
        base, conditions = _list(tree)
        for path, value in conditions:
            _put(item, path, value)
        _put(event, base, [item])
    for name, text in rule.arguments.items():
        for path, _ in _wanted(text):
            _place(event, item, path, _SAMPLES.get(name))
    for path, _ in _wanted(rule.unique_key):
        _place(event, item, path, None)
    event.setdefault("data", {})
    return event


def example_for(expression: str) -> dict[str, Any]:
    """A body in which an expression finds a kit's code."""
    found: dict[str, Any] = {}
    for path, _ in _wanted(expression):
        _put(found, path, "KIT-1")
    return found


def _place(event: dict[str, Any], item: dict[str, Any], path: Path, value: object) -> None:
    """A path over `{"event": …, "item": …}`."""
    home = {"event": event, "item": item}.get(path[0])
    if home is not None and len(path) > 1:
        _put(home, path[1:], value)


def _put(tree: dict[str, Any], path: Path, value: object) -> None:
    """Put a value at a path, where nothing is yet; without a value, one that says what it is."""
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    if path:
        tree.setdefault(path[-1], f"{path[-1]}-1" if value is None else value)


def _parsed(text: str) -> Mapping[str, Any]:
    tree: Mapping[str, Any] = jmespath.compile(text).parsed
    return tree


def _wanted(text: str) -> Iterator[tuple[Path, object]]:
    """The paths of an expression, with the value that it wants there; None: any."""
    return _paths(_parsed(text)) if text else iter(())


def _paths(node: object) -> Iterator[tuple[Path, object]]:
    if not isinstance(node, dict):
        return
    chain = _chain(node)
    if chain is not None:
        yield chain, None
        return
    told = _told(node)
    if told is not None:
        yield told
        return
    if node["type"] in _LISTS or (node["type"] == "subexpression" and node["children"][-1]["type"] in _LISTS):
        yield _list(node)[0], [{}]
        return
    for child in node.get("children", ()):
        yield from _paths(child)


def _told(node: Mapping[str, Any]) -> tuple[Path, object] | None:
    """What a comparison with a plain value wants."""
    kind, of = node["type"], node.get("value")
    if (kind, of) not in (("comparator", "eq"), ("function_expression", "starts_with")):
        return None
    chains = [chain for each in node["children"] if (chain := _chain(each)) is not None]
    literals = [each["value"] for each in node["children"] if each["type"] == "literal"]
    if len(chains) != 1 or len(literals) != 1:
        return None
    return chains[0], f"{literals[0]}1" if kind == "function_expression" else literals[0]


def _list(node: Mapping[str, Any]) -> tuple[Path, Iterable[tuple[Path, object]]]:
    """The path of the list that an expression goes through, and what it wants of the elements."""
    chain = _chain(node)
    if chain is not None:
        return chain, ()
    children = node.get("children", ())
    if not children:
        return (), ()
    if node["type"] == "subexpression":  # a.b[*]: the list stands at its end
        before = tuple(name for child in children[:-1] for name in _chain(child) or ())
        base, conditions = _list(children[-1])
        return (*before, *base), conditions
    base, _ = _list(children[0])
    return base, _paths(children[2]) if node["type"] == "filter_projection" else ()


def _chain(node: Mapping[str, Any]) -> Path | None:
    """A plain path: `data.order.no`."""
    if node["type"] == "field":
        return (str(node["value"]),)
    if node["type"] not in ("subexpression", "index_expression"):
        return None
    parts = [_chain(child) for child in node["children"]]
    return None if None in parts else tuple(name for part in parts for name in part or ())
