"""Make a batch in the ledger, as the API does: checked before, filled in chunks, started when it is whole, or ended when it can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.cli.opening import actor
from worker.errors import QueueFull
from worker.jobs import batches, requests
from worker.jobs.filling import filled
from worker.jobs.ledger import utc_now
from worker.jobs.overview import in_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from worker.jobs.batches import NewBatch
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch
    from worker.jobs.verdicts import NewJob
    from worker.settings import Settings

MOST_OPEN: Final = 2_000_000
"""So many open jobs a tenant may have; the API holds the same."""


def make_batch(
    settings: Settings,
    database: Database,
    new: NewBatch,
    items: Iterable[Mapping[str, Any]] = (),
    count: int = 0,
    done: Callable[[int], None] = lambda _count: None,
) -> Batch:
    """A batch of checked items, or of a selection that a worker looks for. `done` is told of every item that is stored.

    Raises `InvalidArguments` for items that are wrong after all, `QueueFull`, `LedgerUnavailable`; then none of it is started.
    """
    if new.select is None:
        items = items if count else list(items)
        if not count:
            count = requests.check_items(settings, new.tenant, new.kind, items)
    by = actor()
    with database.write() as connection:
        present = in_line(connection, new.tenant)
        if present + count > MOST_OPEN:
            raise QueueFull(f"{new.tenant} has {present} open jobs, and may have {MOST_OPEN}: wait until some are done", 60)
        now = utc_now()
        batch = batches.open_batch(connection, new, by, now)
        batches.tell_made(connection, batch, now, None if new.select is not None else count)
    if new.select is not None:
        return batch
    return filled(database, batch, _told(requests.new_items(settings, batch.tenant, batch.kind, items, batch.id), done))


def _told(news: Iterator[NewJob], done: Callable[[int], None]) -> Iterator[NewJob]:
    for number, new in enumerate(news, start=1):
        yield new
        done(number)
