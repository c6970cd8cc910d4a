"""What faults are decided by: never an id, which is chance, but the names of what a call is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.sandbox.wire import parsed

if TYPE_CHECKING:
    from worker.sandbox.itempath.powerpick import PowerPick
    from worker.sandbox.itempath.routes import Route


def key_of(route: Route, about: str, body: bytes, power_pick: PowerPick) -> str:
    """The operation with the names of its kit and material, or of what it makes."""
    if not route.writes:
        return route.label
    line = power_pick.lines.get(about)
    if line is not None:
        return f"{route.name} {power_pick.name_of(line.kit_id)} {power_pick.name_of(line.material_id)}"
    content = _content(body)
    named = (power_pick.name_of(str(content.get(name, "")).strip().upper()) for name in ("kitId", "materialId"))
    return " ".join((route.name, str(content.get("name", "")), *named))


def _content(body: bytes) -> dict[str, Any]:
    """What was sent, if it is an object."""
    try:
        content = parsed(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
