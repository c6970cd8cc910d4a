"""The five calls on kit specifications, and the read form they answer with."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from worker.sandbox.clock import naive_text
from worker.sandbox.visma.forms import read_specification
from worker.sandbox.visma.listing import by_time, number_of
from worker.sandbox.visma.refusals import Refused
from worker.sandbox.visma.routes import SEPARATOR, path_id
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.sandbox.visma.calls import Call
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.specifications import Specification
    from worker.sandbox.world import World


class SpecificationCalls:
    """Runs the calls against a company. A refused write is counted."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, company: Company, call: Call) -> Answer:
        """`BasePaginationDtoOfKitSpecificationDto` with all lines (inferred: no parameter asks for them)."""
        return json_answer(200, specification_page(company, call.query, self._world.settings.max_page))

    def read(self, company: Company, call: Call) -> Answer:
        """One revision; of a kit without one named, the active one that was changed last (inferred)."""
        found = company.specifications.get(*call.about.split(SEPARATOR))
        return json_answer(200, shown(found), f'ETag: "{_version(found)}"\r\n'.encode())

    def create(self, company: Company, call: Call) -> Answer:
        """201 with an empty body and where it stands."""
        made = self._counted(company, lambda now: company.specifications.create(read_specification(call.body), now))
        company.specifications.made["creates"] += 1
        path = f"/v1/KitSpecifications/{path_id(made.kit)}/{path_id(made.revision)}"
        return Answer(201, b"", f"Location: {self._world.base}{path}\r\n".encode())

    def update(self, company: Company, call: Call) -> Answer:
        """204 (seen)."""
        kit, revision = call.about.split(SEPARATOR)
        self._counted(company, lambda now: company.specifications.update(kit, revision, read_specification(call.body), now))
        company.specifications.made["updates"] += 1
        return Answer(204)

    def _counted(self, company: Company, write: Callable[[int], Specification]) -> Specification:
        try:
            return write(company.local(self._world.clock.now()))
        except Refused:
            company.specifications.made["refused"] += 1
            raise


def specification_page(company: Company, query: str, max_page: int) -> dict[str, Any]:
    """A page of the list. Unknown parameters are ignored (seen elsewhere in this API). Raises `Refused`."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    tests = [
        by_time(asked, "createdDateTime", lambda one: one.created),
        by_time(asked, "lastModifiedDateTime", lambda one: one.modified),
        _by_name(asked, "kitInventoryID", lambda one: one.kit),
        _by_name(asked, "revisionID", lambda one: one.revision),
    ]
    found = [one for one in company.specifications.all() if all(test(one) for test in tests if test is not None)]
    number = max(number_of(asked, "pageNumber", 1), 1)
    size = min(number_of(asked, "pageSize", max_page), max_page) or max_page
    records = [shown(one) for one in found[(number - 1) * size : number * size]]
    return {"pageNumber": number, "pageSize": size, "totalCount": len(found), "records": records}


def shown(specification: Specification) -> dict[str, Any]:
    """`KitSpecificationDto`."""
    return {
        "kitInventoryID": specification.kit,
        "revision": specification.revision,
        "description": specification.description,
        "isActive": specification.is_active,
        "allowComponentAddition": specification.allow_addition,
        "isNonStock": specification.is_non_stock,
        "createdDateTime": naive_text(specification.created),
        "lastModifiedDateTime": naive_text(specification.modified),
        "stockComponentLines": specification.stock.lines,
        "nonStockComponentLines": specification.non_stock.lines,
        "timestamp": _version(specification),
        "errorInfo": None,
    }


def _by_name(asked: dict[str, str], name: str, read: Callable[[Any], str]) -> Callable[[Any], bool] | None:
    wanted = asked.get(name, "").strip().upper()
    return (lambda one: read(one).upper() == wanted) if wanted else None


def _version(specification: Specification) -> str:
    return b64encode(specification.version.to_bytes(8, "big")).decode()
