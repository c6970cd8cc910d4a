"""Values as kitrelay.toml holds them: one key a line, tables in tables on one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def table_of(name: str, values: Mapping[str, Any]) -> list[str]:
    """The lines of a table; `name` with its brackets."""
    return [name, *lines_of(values)]


def lines_of(values: Mapping[str, Any]) -> Iterator[str]:
    """Keys with their values; None is left out."""
    yield from (f"{name} = {toml(value)}" for name, value in values.items() if value is not None)


def toml(value: Any) -> str:  # noqa: ANN401 - what TOML may hold
    """One value."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(lines_of(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
