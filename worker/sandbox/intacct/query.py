"""The query service: `POST /services/core/query`, one query or an array of them (documented)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.aggregates import Column, check, grouped
from worker.sandbox.intacct.components import COMPONENT_OBJECT
from worker.sandbox.intacct.expression import combine
from worker.sandbox.intacct.fields import CHILDREN, FIELDS, Field, field_of, usable
from worker.sandbox.intacct.filters import Reader
from worker.sandbox.intacct.refusals import META, Refused, wrong
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.sandbox.intacct.company import Company

SIZE: Final = 100
MOST: Final = 4_000
MEMBERS: Final = frozenset({"object", "fields", "filters", "filterExpression", "filterParameters", "orderBy", "start", "size"})
_PARAMETERS: Final[Mapping[str, type]] = {
    "asOfDate": str,
    "includeHierarchyFields": bool,
    "caseSensitiveComparison": bool,
    "includePrivate": bool,
}


def answer(company: Company, content: object, now: float) -> Answer:
    """The answer to one query; to several, all of them, with a status each when one failed. Raises `Refused`."""
    if not isinstance(content, list):
        return json_answer(200, run(company, content, now))
    found = [_element(company, query, now) for query in content]
    mixed = any(status != HTTPStatus.OK for status, _ in found)
    elements = [{**element, "ia::status": status} if mixed else element for status, element in found]
    return json_answer(207 if mixed else 200, {"ia::result": elements, "ia::meta": {"totalCount": len(found)}})


def _element(company: Company, query: object, now: float) -> tuple[int, dict[str, Any]]:
    """One of several."""
    try:
        return HTTPStatus.OK, run(company, query, now)
    except Refused as refusal:
        return refusal.status, {"ia::error": refusal.as_json(), "ia::meta": META}


def run(company: Company, content: object, now: float) -> dict[str, Any]:
    """The rows of one query with their page. Raises `Refused`."""
    query = _Query.read(content, now)
    rows = query.rows(company)
    first = query.start - 1
    after = query.start + query.size
    meta = {
        "totalCount": len(rows),
        "start": query.start,
        "pageSize": query.size,
        "next": after if after <= len(rows) else None,
        "previous": max(1, query.start - query.size) if first else None,
    }
    return {"ia::result": [query.row(row) for row in rows[first : first + query.size]], "ia::meta": meta}


@dataclass(frozen=True, slots=True)
class _Query:
    """A query that has been read. `order`: fields with whether they descend, the first that matters last."""

    subject: str
    columns: tuple[Column, ...]
    test: Any
    order: tuple[tuple[str, Field, bool], ...]
    start: int
    size: int

    @classmethod
    def read(cls, content: object, now: float) -> _Query:
        """A query as it was sent. Raises `Refused`."""
        if not isinstance(content, dict):
            raise wrong("An object is expected")
        for name in content.keys() - MEMBERS:
            raise wrong(f"'{name}' is not a valid field", f"/{name}", "REST-1043")
        subject = content.get("object")
        fields = FIELDS.get(subject) if isinstance(subject, str) else None
        if fields is None or not isinstance(subject, str):
            raise wrong(f"'{subject}' is not a valid object", "/object")
        children = CHILDREN[subject]
        parameters = _parameters(content.get("filterParameters", {}))
        reader = Reader(fields, children, _today(parameters, now), fold=not parameters.get("caseSensitiveComparison", True))
        return cls(
            subject,
            _columns(fields, children, content.get("fields")),
            _test(reader, content),
            _order(fields, children, content.get("orderBy", [])),
            _number(content, "start", 1, None),
            _number(content, "size", SIZE, MOST),
        )

    def rows(self, company: Company) -> list[Any]:
        """All that passes, in order: records, or the rows themselves when they are made of groups."""
        records: Iterable[Any] = company.components.all() if self.subject == COMPONENT_OBJECT else company.items.all()
        found = [record for record in records if self.test is None or self.test(record)]
        found.sort(key=lambda record: int(record.key))
        for _, field, descends in self.order:
            found.sort(key=partial(_place, field), reverse=descends)
        return grouped(self.columns, found) if self._groups else found

    @property
    def _groups(self) -> bool:
        return any(column.function for column in self.columns)

    def row(self, found: Any) -> dict[str, Any]:  # noqa: ANN401 - a record or a row
        """A row: flat, related fields under dotted keys (seen)."""
        return found if self._groups else {column.name: column.field.shown(found) for column in self.columns}


def _place(field: Field, record: object) -> tuple[bool, Any]:
    """Where a record comes in the order of a field: nulls last, or first where it descends (inferred)."""
    value = field.read(record)
    return value is None, 0 if value is None else value


def _columns(fields: Mapping[str, Field], children: tuple[str, ...], names: object) -> tuple[Column, ...]:
    """What is asked for, each once."""
    if not isinstance(names, list) or not names:
        raise wrong("'fields' is required", "/fields")
    columns = {}
    for place, name in enumerate(names):
        target = f"/fields/{place}"
        function, aggregates, path = name.rpartition(":") if isinstance(name, str) else ("", "", name)
        field = field_of(fields, children, path, target)
        if aggregates:
            check(function, field, path, target)
        columns[name] = Column(name, field, function)
    return tuple(columns.values())


def _test(reader: Reader, content: dict[str, Any]) -> Any:  # noqa: ANN401 - a test or None
    """What a record must pass; None when nothing is asked."""
    filters, expression = content.get("filters", []), content.get("filterExpression", "and")
    if not isinstance(filters, list):
        raise wrong("A list is expected", "/filters")
    if not isinstance(expression, str):
        raise wrong("A text is expected", "/filterExpression")
    tests = [reader.test(each, place) for place, each in enumerate(filters)]
    if not tests and expression.strip().lower() in {"and", "or"}:
        return None
    return combine(expression, tests)


def _order(fields: Mapping[str, Field], children: tuple[str, ...], found: object) -> tuple[tuple[str, Field, bool], ...]:
    """What rows are sorted by, the first that matters last."""
    if not isinstance(found, list) or not all(isinstance(each, dict) and len(each) == 1 for each in found):
        raise wrong("A list of objects with one member is expected", "/orderBy")
    order = []
    for place, (name, way) in enumerate(pair for each in found for pair in each.items()):
        target = f"/orderBy/{place}"
        if way not in {"asc", "desc"}:
            raise wrong("'asc' or 'desc' is expected", target)
        order.append((name, usable(field_of(fields, children, name, target), name, target), way == "desc"))
    return tuple(reversed(order))


def _parameters(found: object) -> dict[str, Any]:
    """The filter parameters."""
    if not isinstance(found, dict):
        raise wrong("An object is expected", "/filterParameters")
    for name, value in found.items():
        target = f"/filterParameters/{name}"
        if name not in _PARAMETERS:
            raise wrong(f"'{name}' is not a valid field", target, "REST-1043")
        if not isinstance(value, _PARAMETERS[name]):
            raise wrong(f"{value!r} is not a valid value", target)
    return found


def _today(parameters: dict[str, Any], now: float) -> date:
    """The day that date macros go by."""
    text = parameters.get("asOfDate")
    if text is None:
        return datetime.fromtimestamp(now, UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text!r} is not a date", "/filterParameters/asOfDate") from None


def _number(content: dict[str, Any], name: str, default: int, most: int | None) -> int:
    """A whole number from 1."""
    value = content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most is not None and value > most):
        raise wrong(f"'{name}' is a whole number from 1" + (f" to {most}" if most else ""), f"/{name}")
    return value
