"""Several elements in one call: each by itself, or all or none (documented)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.intacct.refusals import Refused, wrong
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST: Final = 500
Result: TypeAlias = "dict[str, Any]"


def run(elements: Sequence[Any], do: Callable[[Any], Result], *, success: int, undo: Callable[[], None] | None = None) -> Answer:
    """Do this to each element, in order. `do` gives the element's result, which is empty after a delete; it raises `Refused`.

    Without a failure the answer has the status of success, with an array. Otherwise every element has its status, and the answer
    their common one, or 207. With `undo`: after a failure nothing has happened, and the other elements are `unprocessed`.
    """
    if not 0 < len(elements) <= MOST:
        raise wrong(f"A request has 1 to {MOST} records")
    found = [_one(element, do) for element in elements]
    if not any(isinstance(each, Refused) for each in found):
        return _all_done(found, success)
    if undo is not None:
        undo()
        found = [each if isinstance(each, Refused) else _unprocessed() for each in found]
    return _mixed(found, success)


def _one(element: object, do: Callable[[Any], Result]) -> Result | Refused:
    try:
        return do(element)
    except Refused as refusal:
        return refusal


def _all_done(found: Sequence[object], success: int) -> Answer:
    if success == HTTPStatus.NO_CONTENT:
        return Answer(success)
    return json_answer(success, {"ia::result": found, "ia::meta": _meta(len(found), 0)})


def _mixed(found: Sequence[Result | Refused], success: int) -> Answer:
    """Each element with its status. A deleted one has nothing else (documented)."""
    results: list[Result] = [
        {"ia::error": each.as_json(), "ia::status": each.status} if isinstance(each, Refused) else {**each, "ia::status": success}
        for each in found
    ]
    statuses = {result["ia::status"] for result in results}
    failed = sum(isinstance(each, Refused) for each in found)
    return json_answer(statuses.pop() if len(statuses) == 1 else 207, {"ia::result": results, "ia::meta": _meta(len(found), failed)})


def _meta(count: int, failed: int) -> dict[str, int]:
    return {"totalCount": count, "totalSuccess": count - failed, "totalError": failed}


def _unprocessed() -> Refused:
    """What a failure of another element does to one."""
    return Refused(422, "unprocessed", "The request was not processed because another one failed in the same transaction")
