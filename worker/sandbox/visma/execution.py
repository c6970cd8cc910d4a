"""A call takes effect: at once for a synchronous one, at its end for a background operation."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from worker.sandbox.visma.forms import read_form
from worker.sandbox.visma.listing import EXPANSIONS, expanded, list_page
from worker.sandbox.visma.records import version_text
from worker.sandbox.visma.refusals import Refused, refused
from worker.sandbox.visma.routes import (
    CREATE,
    DELETE,
    KIT,
    LIST,
    READ,
    RELEASE,
    RESPECIFY,
    SPECIFICATION,
    SPECIFICATIONS,
    SPECIFY,
    UPDATE,
    path_id,
)
from worker.sandbox.visma.specification_calls import SpecificationCalls
from worker.sandbox.wire import JSON, Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.sandbox.visma.calls import Call
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.documents import Document
    from worker.sandbox.visma.routes import Route
    from worker.sandbox.world import World

_DONE: Final = Answer(200, b'{"actionId":null,"actionResult":"Done","errorInfo":""}', JSON)
_QUEUED: Final = Answer(200, b'{"actionId":null,"actionResult":"InProcess","errorInfo":""}', JSON)


class Execution:
    """Runs calls against a company."""

    def __init__(self, world: World) -> None:
        self._world = world
        specifications = SpecificationCalls(world)
        self._by_route: dict[Route, Callable[[Company, Call], Answer]] = {
            LIST: self._list,
            READ: self._read,
            CREATE: self._create,
            UPDATE: self._update,
            DELETE: self._delete,
            RELEASE: self._release,
            SPECIFICATIONS: specifications.list,
            KIT: specifications.read,
            SPECIFICATION: specifications.read,
            SPECIFY: specifications.create,
            RESPECIFY: specifications.update,
        }

    def run(self, company: Company, call: Call) -> Answer:
        """The answer of the call, after its effect. A refused write is counted as one."""
        try:
            return self._by_route[call.route](company, call)
        except Refused as refusal:
            if call.document:
                company.counters.tally(call.document).refused += 1
            return refusal.answer

    def _list(self, company: Company, call: Call) -> Answer:
        return json_answer(200, list_page(company.documents, company.items, call.query, self._world.settings.max_page))

    def _read(self, company: Company, call: Call) -> Answer:
        document = company.rules.find(call.about)
        etag = f'ETag: "{version_text(document)}"\r\n'.encode()
        return json_answer(200, expanded(document, company.items, EXPANSIONS.values(), 1, self._world.settings.max_page), etag)

    def _create(self, company: Company, call: Call) -> Answer:
        """201 with an empty body; the number is in Location only (documented and seen)."""
        document = company.rules.create(read_form(call.body, insert=True), self._now(company))
        company.counters.tally(document.key).creates += 1
        return Answer(201, b"", f"Location: {self._world.base}/v1/kitassembly/{document.kind}/{path_id(document.ref_no)}\r\n".encode())

    def _update(self, company: Company, call: Call) -> Answer:
        company.rules.update(call.about, read_form(call.body, insert=False), self._now(company))
        company.counters.tally(call.about).updates += 1
        return Answer(204)

    def _delete(self, company: Company, call: Call) -> Answer:
        company.rules.delete(call.about)
        company.counters.tally(call.about).deletes += 1
        return Answer(204)

    def _release(self, company: Company, call: Call) -> Answer:
        """200 with the shape that sibling documents have (seen); 202 when so set: the action then goes on after its answer (documented)."""
        document = company.rules.releasable(call.about)
        settings, faults = self._world.settings, self._world.faults
        if faults.active and faults.hits("finished-400", call.about, 0):
            raise refused(f"Inventory quantity for {document.item_id} in warehouse 1 will go negative.")
        if settings.release_status == HTTPStatus.OK and not (faults.active and faults.hits("late-release", call.about, 0)):
            self._released(company, document)
            return _DONE
        document.changing = True
        company.counters.tally(call.about).open += 1
        wait = settings.late_release_seconds * (0.5 + faults.part("wait", call.about, 0) / 2)
        self._world.later(wait, lambda: self._turned(company, document))
        return Answer(settings.release_status, _QUEUED.body, JSON)

    def _turned(self, company: Company, document: Document) -> None:
        """A late release takes effect."""
        company.counters.tally(document.key).open -= 1
        self._released(company, document)

    def _released(self, company: Company, document: Document) -> None:
        company.rules.release(document, self._now(company))
        company.counters.tally(document.key).releases += 1

    def _now(self, company: Company) -> int:
        return company.local(self._world.clock.now())
