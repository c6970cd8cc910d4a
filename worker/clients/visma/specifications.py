"""Kit specifications: what each kit consists of, by revision. One call of a method is one call of the API.

Paths, parameters and names were seen in an SDK that was generated from Visma's API description; none was tried on a live company. So they
stand in tables: `PATHS` and `FILTERS` here, the fields in `specification_schemas`. There is no delete: retire one with `is_active` False.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from worker.clients.visma.client import accepted_of, body_of, load
from worker.clients.visma.lists import ByTime, page_of, query_of, same_id
from worker.clients.visma.names import path_value
from worker.clients.visma.specification_records import KitSpecification
from worker.clients.visma.specification_schemas import KitSpecificationForm, KitSpecificationSchema
from worker.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.clients.base import Reply
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import Accepted, Page

PATHS: Final = {
    "all": "/v1/KitSpecifications",
    "kit": "/v1/KitSpecifications/{kit}",
    "revision": "/v1/KitSpecifications/{kit}/{revision}",
}
FILTERS: Final = {
    "kit": "kitInventoryID",
    "revision": "revisionID",
}
"""Beside those by time, which all lists share."""

MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSpecificationFilter(ByTime):
    """Every filter of the list."""

    kit: str | None = None
    revision: str | None = None

    def query(self, page_number: int, page_size: int) -> str:
        """The query, encoded."""
        return query_of({FILTERS["kit"]: self.kit, FILTERS["revision"]: self.revision, **self.times()}, page_number, page_size)

    def keeps(self, record: KitSpecification | Head, /) -> bool:
        """Whether the record is one that was asked for, by kit and revision: Visma ignores parameters that it does not know (seen live)."""
        pairs = ((self.kit, record.kit_inventory_id), (self.revision, record.revision))
        return all(asked is None or same_id(asked, shown) for asked, shown in pairs)


EVERYTHING: Final = KitSpecificationFilter()


@dataclass(frozen=True, slots=True)
class Head:
    """The few fields that tell which kits there are; `raw` is the record as it came, `specification()` reads it whole."""

    kit_inventory_id: str
    revision: str
    is_active: bool
    last_modified: str
    raw: Mapping[str, Any]

    def specification(self) -> KitSpecification:
        """All of it. Raises `BadAnswer`."""
        return read_specification(self.raw)


class KitSpecifications:
    """One company's kit specifications. Every method raises `CallError` as its class says."""

    def __init__(self, client: VismaClient) -> None:
        self._client = client

    def list_specifications(
        self, wanted: KitSpecificationFilter = EVERYTHING, page_number: int = 1, page_size: int = MOST
    ) -> Page[KitSpecification]:
        """One page of specifications, whole: every revision of every kit."""
        return page_of(self._page(wanted, page_number, page_size), read_specification, wanted, page_number, page_size)

    def list_heads(self, wanted: KitSpecificationFilter = EVERYTHING, page_number: int = 1, page_size: int = MOST) -> Page[Head]:
        """One page of specifications, only what tells which there are: a schema takes many times as long."""
        return page_of(self._page(wanted, page_number, page_size), read_head, wanted, page_number, page_size)

    def get(self, kit: str) -> KitSpecification:
        """The specification of a kit; which of several revisions, nobody documents. Raises `Missing` when there is none."""
        return self._read(PATHS["kit"].format(kit=path_value(kit)), kit)

    def get_revision(self, kit: str, revision: str) -> KitSpecification:
        """This revision. Raises `Missing` when there is none."""
        return self._read(_path(kit, revision), kit)

    def insert(self, fields: Mapping[str, Any], background: str | None = None) -> Accepted | None:
        """Make a specification of these snake-case fields of the write form. None when it was done at once. Unknown ones: `ValueError`."""
        return _changed(self._client.call("POST", PATHS["all"], background, body=body_of(KitSpecificationForm, fields)))

    def update(self, kit: str, revision: str, fields: Mapping[str, Any], background: str | None = None) -> Accepted | None:
        """Change these fields and lines, all or none; what is not named stays. None when it was done at once."""
        return _changed(self._client.call("PUT", _path(kit, revision), background, body=body_of(KitSpecificationForm, fields)))

    def _page(self, wanted: KitSpecificationFilter, page_number: int, page_size: int) -> Any:  # noqa: ANN401 (JSON is whatever it is)
        return self._client.call("GET", f"{PATHS['all']}?{wanted.query(page_number, page_size)}", None).json()

    def _read(self, path: str, kit: str) -> KitSpecification:
        found = read_specification(self._client.call("GET", path, None).json())
        if not same_id(kit, found.kit_inventory_id):
            raise BadAnswer(f"asked for kit {kit}, Visma answered with {found.kit_inventory_id}")
        return found


def read_specification(value: object) -> KitSpecification:
    """The record in a JSON value. Raises `BadAnswer`."""
    return load(KitSpecificationSchema, value, KitSpecification)


def read_head(record: Mapping[str, Any]) -> Head:
    """Kit, revision, state and time, by hand. Raises `BadAnswer` without a kit."""
    kit, revision = record.get("kitInventoryID"), record.get("revision")
    if not isinstance(kit, str):
        raise BadAnswer("a kit specification without kitInventoryID")
    modified = record.get("lastModifiedDateTime")
    return Head(kit, str(revision or ""), record.get("isActive") is True, modified if isinstance(modified, str) else "", record)


def _path(kit: str, revision: str) -> str:
    return PATHS["revision"].format(kit=path_value(kit), revision=path_value(revision))


def _changed(reply: Reply) -> Accepted | None:
    return accepted_of(reply) if reply.status == HTTPStatus.ACCEPTED else None
