"""ItemPath's API, call by call. One call of a method is one call of the API (and rarely a token's), but for the iterators over pages.

An accepted write is imported by Power Pick later: what reads show is what counts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.clients.answers import ignore
from worker.clients.base import Caller, ClientPool, Observe, Reply
from worker.clients.codec import write_json
from worker.clients.itempath import schemas
from worker.clients.itempath.answers import counted, deleted, listed, load, ready, single
from worker.clients.itempath.filters import MOST, CallFilter, Filter, KitFilter, KitLineFilter, MaterialFilter, pairs, query_of
from worker.clients.itempath.records import Call, Kit, KitLine, Material, Record, key_of
from worker.clients.itempath.routes import NEXT_FORM, OPERATIONS
from worker.errors import BadAnswer, Missing, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    import httpx

    from worker.clients.itempath.fields import ReadSchema, WriteSchema
    from worker.settings import ItemPath

R = TypeVar("R", bound=Record)
OrderBy = str | tuple[str, ...] | None
MOST_PAGES: Final = 1000
EVERY_LINE: Final = KitLineFilter()
EVERY_KIT: Final = KitFilter()
EVERY_MATERIAL: Final = MaterialFilter()
EVERY_CALL: Final = CallFilter()


class ItemPathClient:
    """One installation. Threads share it. Every method raises `CallError` as its class says."""

    def __init__(
        self, settings: ItemPath, pool: ClientPool, auth: httpx.Auth, observe: Observe = ignore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._caller = Caller(settings.base_url, pool, auth, observe, clock=clock)
        self._works: dict[str, int] = {}

    def list_kit_lines(
        self, wanted: KitLineFilter = EVERY_LINE, *, limit: int = MOST, page: int = 0, order_by: OrderBy = None
    ) -> tuple[KitLine, ...]:
        """One page of kit lines."""
        return self._page("list_kit_lines", schemas.KitLineSchema, KitLine, wanted, limit, page, order_by)

    def kit_lines(self, wanted: KitLineFilter = EVERY_LINE, *, limit: int = MOST) -> Iterator[KitLine]:
        """All kit lines, page by page."""
        return _pages(lambda page: self.list_kit_lines(wanted, limit=limit, page=page), limit)

    def count_kit_lines(self, wanted: KitLineFilter = EVERY_LINE) -> int:
        """How many there are."""
        return self._count("list_kit_lines", wanted)

    def get_kit_line(self, line_id: str) -> KitLine:
        """The line. Raises `Missing`."""
        return self._one("get_kit_line", schemas.KitLineSchema, KitLine, line_id)

    def create_kit_line(
        self, kit_id: str, material_id: str, quantity: Decimal, number: int | None = None, target: str | None = None
    ) -> KitLine:
        """Hand over a new line. Whether the id in the answer survives the import is not documented.

        The quantity is always sent, since no default is documented; without a number ItemPath chooses one.
        """
        fields: dict[str, Any] = {"kit_id": kit_id, "material_id": material_id, "quantity": quantity}
        fields |= {name: value for name, value in (("number", number), ("target", target)) if value is not None}
        return self._one("create_kit_line", schemas.KitLineSchema, KitLine, body=_body(schemas.KitLineForm, fields))

    def update_kit_line(self, line_id: str, fields: Mapping[str, Any]) -> KitLine:
        """Change these of `quantity`, `number`, `target`, `kit_id`, `material_id`; others are a `ValueError`. What is not named stays."""
        return self._one("update_kit_line", schemas.KitLineSchema, KitLine, line_id, body=_body(schemas.KitLineForm, fields))

    def delete_kit_line(self, line_id: str) -> None:
        """Delete the line. Raises `Rejected` where ItemPath answers 200 and does not say that it did, `Missing` where there is none."""
        deleted(self._ask("delete_kit_line", line_id).json())

    def list_kits(self, wanted: KitFilter = EVERY_KIT, *, limit: int = MOST, page: int = 0, order_by: OrderBy = None) -> tuple[Kit, ...]:
        """One page of kits of all levels, with their lines."""
        return self._page("list_kits", schemas.KitSchema, Kit, wanted, limit, page, order_by)

    def kits(self, wanted: KitFilter = EVERY_KIT, *, limit: int = MOST) -> Iterator[Kit]:
        """All kits, page by page."""
        return _pages(lambda page: self.list_kits(wanted, limit=limit, page=page), limit)

    def count_kits(self, wanted: KitFilter = EVERY_KIT) -> int:
        """How many there are."""
        return self._count("list_kits", wanted)

    def get_kit(self, kit_id: str) -> Kit:
        """The kit with its lines. Raises `Missing`."""
        return self._one("get_kit", schemas.KitSchema, Kit, kit_id)

    def create_kit(self, name: str) -> Kit:
        """Hand over a new kit without lines (inferred: see the routes)."""
        return self._one("create_kit", schemas.KitSchema, Kit, body=_body(schemas.KitForm, {"name": name}))

    def list_materials(
        self, wanted: MaterialFilter = EVERY_MATERIAL, *, limit: int = MOST, page: int = 0, order_by: OrderBy = None
    ) -> tuple[Material, ...]:
        """One page of materials."""
        return self._page("list_materials", schemas.MaterialSchema, Material, wanted, limit, page, order_by)

    def materials(self, wanted: MaterialFilter = EVERY_MATERIAL, *, limit: int = MOST) -> Iterator[Material]:
        """All materials, page by page."""
        return _pages(lambda page: self.list_materials(wanted, limit=limit, page=page), limit)

    def count_materials(self, wanted: MaterialFilter = EVERY_MATERIAL) -> int:
        """How many there are."""
        return self._count("list_materials", wanted)

    def get_material(self, material_id: str) -> Material:
        """The material. Raises `Missing`."""
        return self._one("get_material", schemas.MaterialSchema, Material, material_id)

    def create_material(self, fields: Mapping[str, Any]) -> Material:
        """Hand over a new material of `name` and, where known, `unit_of_measure` and `info1` to `info5`; others are a `ValueError`."""
        return self._one("create_material", schemas.MaterialSchema, Material, body=_body(schemas.MaterialForm, fields))

    def list_calls(
        self, wanted: CallFilter = EVERY_CALL, *, limit: int = MOST, page: int = 0, order_by: OrderBy = None
    ) -> tuple[Call, ...]:
        """One page of ItemPath's own log of calls."""
        return self._page("list_calls", schemas.CallSchema, Call, wanted, limit, page, order_by)

    def calls(self, wanted: CallFilter = EVERY_CALL, *, limit: int = MOST) -> Iterator[Call]:
        """All entries, page by page."""
        return _pages(lambda page: self.list_calls(wanted, limit=limit, page=page), limit)

    def _page(
        self, name: str, schema: type[ReadSchema], record: type[R], wanted: Filter, limit: int, page: int, order_by: OrderBy
    ) -> tuple[R, ...]:
        asked = pairs(wanted, limit=limit, page=page, order_by=order_by or OPERATIONS[name].order)
        value = self._ask(name, query=query_of(asked)).json()
        return tuple(load(schema, each, record) for each in listed(value, OPERATIONS[name].envelope))

    def _count(self, name: str, wanted: Filter) -> int:
        return counted(self._ask(name, query=query_of(pairs(wanted, count_only=True))).json())

    def _one(self, name: str, schema: type[ReadSchema], record: type[R], record_id: str = "", body: bytes | None = None) -> R:
        reply = self._ask(name, record_id, body=body)
        return load(schema, single(reply.json(), OPERATIONS[name].envelope), record)

    def _ask(self, name: str, record_id: str = "", *, query: str = "", body: bytes | None = None) -> Reply:
        """Call in the form that works; while none is known, in one after another until the path or verb is not the trouble."""
        forms = OPERATIONS[name].forms
        known = self._works.get(name)
        refusal: Missing | Rejected | None = None
        for index in sorted(range(len(forms)), key=lambda index: index != known):
            path = f"{forms[index].at(record_id)}?{query}" if query else forms[index].at(record_id)
            try:
                reply = self._caller.call(forms[index].method, path, body=body)
            except (Missing, Rejected) as error:
                if error.status not in NEXT_FORM or (isinstance(error, Missing) and index == known):
                    raise
                refusal = error if refusal is None or isinstance(error, Missing) else refusal
                continue
            self._works[name] = index
            return reply
        raise refusal or Missing(f"there is no way known to {name}")


def _pages(read: Callable[[int], tuple[R, ...]], limit: int) -> Iterator[R]:
    """Each record once, until a page is not full. Raises `BadAnswer` where pages do not end."""
    seen: set[str] = set()
    for page in range(MOST_PAGES):
        records = read(page)
        fresh = {key_of(record.id): record for record in records if key_of(record.id) not in seen}
        yield from fresh.values()
        seen |= fresh.keys()
        if len(records) < limit:
            return
        if not fresh:
            raise BadAnswer("ItemPath answers the same full page again: it does not know our paging")
    raise BadAnswer(f"more than {MOST_PAGES} pages")


def _body(form: type[WriteSchema], fields: Mapping[str, Any]) -> bytes:
    return write_json(ready(form).dump(fields))
