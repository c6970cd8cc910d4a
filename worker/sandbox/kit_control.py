"""What the sandbox's owner may do with kits: load the same everywhere, look at one, edit one, take one away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from worker.sandbox.kits import checked_lines, definitions
from worker.sandbox.wire import Answer, json_answer, message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sandbox.kits import KitStore

MOST: Final = 100_000
_KIT_PARTS: Final = 3  # ERP, company, code


def load_kits(stores: Mapping[str, KitStore], seed: int, content: dict[str, Any]) -> Answer:
    """The same kits in every ERP, or in those named: `{"count", "lines_each"?, "company"?, "erps"?, "seed"?}`. Raises `ValueError`."""
    count, lines_each = content.get("count", 1), content.get("lines_each", 12)
    seed = content.get("seed", seed)
    for name, value in (("count", count), ("lines_each", lines_each), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST:
            raise ValueError(f"{name}: a number from 1 to {MOST} is expected")
    erps, company = content.get("erps", list(stores)), content.get("company", "demo")
    if not isinstance(erps, list):
        raise ValueError("erps: a list of names is expected")  # noqa: TRY004 - answered with 422
    chosen = [_store(stores, erp) for erp in erps]
    made = list(definitions(count, lines_each, seed))
    for store in chosen:
        for kit in made:
            store.put(company, kit.code, [dict(line) for line in kit.lines])
    return json_answer(201, {"count": count, "first": made[0].code, "last": made[-1].code, "erps": erps})


def kit_answer(stores: Mapping[str, KitStore], method: str, parts: list[str], content: dict[str, Any]) -> Answer:
    """`GET <erp>/<company>`; `GET`, `PUT` and `DELETE <erp>/<company>/<code>`. Raises `ValueError`."""
    store, company = _store(stores, parts[0]), unquote(parts[1])
    if len(parts) < _KIT_PARTS:
        return json_answer(200, {"codes": store.codes(company)}) if method == "GET" else message(405, "Only GET.")
    code = unquote(parts[2])
    if method == "PUT":
        return _put(store, company, code, content)
    kit = store.kit(company, code)
    if kit is None:
        return message(404, "There is no such kit.")
    if method == "GET":
        return json_answer(200, kit)
    if method == "DELETE":
        store.remove(company, code)
        return Answer(204)
    return message(405, "GET, PUT or DELETE.")


def _put(store: KitStore, company: str, code: str, content: dict[str, Any]) -> Answer:
    """`{"lines": […], "announce"?, …}`: the kit as a person saves it in the ERP's own screens."""
    more = {name: value for name, value in content.items() if name not in {"lines", "announce"}}
    announce = content.get("announce", False)
    if not isinstance(announce, bool):
        raise ValueError("announce: true or false is expected")  # noqa: TRY004 - answered with 422
    store.put(company, code, checked_lines(content.get("lines")), announce=announce, **more)
    return json_answer(200, store.kit(company, more.get("rename") or code))


def _store(stores: Mapping[str, KitStore], erp: object) -> KitStore:
    """The kits of one ERP."""
    found = stores.get(erp) if isinstance(erp, str) else None
    if found is None:
        raise ValueError(f"unknown ERP: {erp}; there are: {', '.join(stores)}")
    return found
