"""What the operations on kit components and items do, alone and in batches; every effect is counted and told."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from worker.sandbox.intacct import batches, query, rules
from worker.sandbox.intacct.components import component_record, component_reference
from worker.sandbox.intacct.forms import WRITABLE, content, read_form
from worker.sandbox.intacct.items import item_record, item_reference
from worker.sandbox.intacct.model import model
from worker.sandbox.intacct.refusals import missing
from worker.sandbox.intacct.routes import CREATE, DELETE, LIST, LIST_ITEMS, MODEL, QUERY, READ, READ_ITEM, UPDATE, UPDATE_MANY
from worker.sandbox.intacct.triggers import Trigger
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from worker.sandbox.intacct.calls import Call
    from worker.sandbox.intacct.company import Company
    from worker.sandbox.intacct.forms import Form
    from worker.sandbox.intacct.routes import Route
    from worker.sandbox.intacct.rules import Change
    from worker.sandbox.intacct.triggers import Triggers
    from worker.sandbox.world import World

_EFFECTS = {rules.CREATED: "creates", rules.UPDATED: "updates", rules.DELETED: "deletes"}


class Operations:
    """Runs calls that have passed the gate. Raises `Refused` for a call of one element."""

    def __init__(self, world: World, triggers: Triggers) -> None:
        self._world = world
        self._triggers = triggers
        self._runs: Mapping[Route, Callable[[Company, Call, int], Answer]] = {
            LIST: self._list,
            LIST_ITEMS: self._list_items,
            CREATE: self._create,
            UPDATE: self._update,
            UPDATE_MANY: self._update_many,
            DELETE: self._delete,
            READ: lambda company, call, _nth: _read(call.keys, lambda key: component_record(rules.find(company, key))),
            READ_ITEM: lambda company, call, _nth: _read(call.keys, lambda key: _item(company, key)),
            QUERY: lambda company, call, _nth: query.answer(company, content(call.body), self._world.clock.now()),
            MODEL: lambda _company, call, _nth: json_answer(200, model(parse_qs(call.query).get("name", [""])[0])),
        }

    def run(self, company: Company, call: Call, nth: int) -> Answer:
        """The answer to a call; `nth`: how often the same was asked before."""
        return self._runs[call.route](company, call, nth)

    def _list(self, company: Company, _call: Call, _nth: int) -> Answer:
        """References of the first page; there is neither filter nor order (documented as a help for tests)."""
        return _page([component_reference(each) for each in company.components.all()], self._world.settings.intacct_page)

    def _list_items(self, company: Company, _call: Call, _nth: int) -> Answer:
        return _page([item_reference(item) for item in company.items.all()], self._world.settings.intacct_page)

    def _create(self, company: Company, call: Call, nth: int) -> Answer:
        """One new component, or several."""
        now = self._world.clock.now()

        def change(element: object) -> Change:
            form = self._as_written(read_form(element, create=True), call, nth)
            return rules.create(company, form, call.user, now)

        found = content(call.body)
        return self._write(company, call, found if isinstance(found, list) else [found], change, one=not isinstance(found, list))

    def _update(self, company: Company, call: Call, nth: int) -> Answer:
        """One component changed; the path's keys name it, and only one may."""
        form = self._as_written(read_form(content(call.body), create=False), call, nth)
        now = self._world.clock.now()
        return self._write(company, call, [",".join(call.keys)], lambda key: rules.update(company, key, form, call.user, now), one=True)

    def _update_many(self, company: Company, call: Call, nth: int) -> Answer:
        """Several components changed; each element has its key."""
        now = self._world.clock.now()

        def change(element: object) -> Change:
            form = self._as_written(read_form(element, create=False, with_key=True), call, nth)
            return rules.update(company, form.pop("key"), form, call.user, now)

        found = content(call.body)
        return self._write(company, call, found if isinstance(found, list) else [found], change, one=False)

    def _delete(self, company: Company, call: Call, _nth: int) -> Answer:
        """One component or several gone."""
        return self._write(company, call, call.keys, lambda key: rules.delete(company, key), one=len(call.keys) == 1)

    def _write(self, company: Company, call: Call, elements: Sequence[Any], change: Callable[[Any], Change], *, one: bool) -> Answer:
        """Write each element; what took effect in the end is counted and told."""
        changes: list[Change] = []
        gone = call.route is DELETE
        success = HTTPStatus.NO_CONTENT if gone else HTTPStatus.CREATED if call.route is CREATE else HTTPStatus.OK

        def do(element: object) -> dict[str, Any]:
            changes.append(change(element))
            return {} if gone else dict(component_reference(changes[-1].component))

        if one:
            result = do(elements[0])
            answer = Answer(success) if gone else json_answer(success, {"ia::result": result, "ia::meta": {"totalCount": 1}})
        else:
            answer = batches.run(elements, do, success=success, undo=_undo(company, changes) if call.atomic else None)
        for each in changes:
            self._effect(company, call, each)
        return answer

    def _effect(self, company: Company, call: Call, change: Change) -> None:
        """Count it, and tell about it."""
        tally = company.counts.tally(change.component.kit.id)
        name = _EFFECTS[change.event]
        setattr(tally, name, getattr(tally, name) + 1)
        tally.created_twice += change.twice
        if self._world.settings.intacct_tell_api:
            component = change.component
            self._triggers.tell(company, Trigger(component.kit, change.event, call.user, component.key, entity=call.entity))

    def _as_written(self, form: Form, call: Call, nth: int) -> Form:
        """The form, by fault `intacct-ignored` without one of its fields."""
        faults = self._world.faults
        names = [name for name in WRITABLE if name in form]
        if not names or not faults.active or not faults.hits("intacct-ignored", call.subject(), nth):
            return form
        lost = names[int(faults.part("intacct-ignored field", call.subject(), nth) * len(names))]
        return {name: value for name, value in form.items() if name != lost}


def _undo(company: Company, changes: list[Change]) -> Callable[[], None]:
    """Takes back what happens from now on."""
    saved = company.components.saved()

    def undo() -> None:
        company.components.restore(saved)
        changes.clear()

    return undo


def _page(references: Collection[dict[str, str]], size: int) -> Answer:
    """The first references and how many there are."""
    total = len(references)
    meta = {"totalCount": total, "start": 1, "pageSize": size, "next": size + 1 if total > size else None, "previous": None}
    return json_answer(200, {"ia::result": list(references)[:size], "ia::meta": meta})


def _read(keys: Sequence[str], record: Callable[[str], dict[str, Any]]) -> Answer:
    """One record, or several."""
    if len(keys) == 1:
        return json_answer(200, {"ia::result": record(keys[0]), "ia::meta": {"totalCount": 1}})
    return batches.run(keys, record, success=HTTPStatus.OK)


def _item(company: Company, key: str) -> dict[str, Any]:
    """An item with the components it consists of."""
    item = company.items.get(key)
    if item is None:
        raise missing(key)
    return {**item_record(item), "kitComponents": [component_record(each) for each in company.components.of_kit(key)]}
