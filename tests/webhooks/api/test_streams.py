"""A batch's progress as it happens: on change, at most each second, with one reader for all who follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from webhooks.api import streams
from webhooks.api.streams import HEARTBEAT, LONGEST, Streams
from webhooks.concurrency import Threads
from webhooks.problems import Problem
from worker.errors import LedgerUnavailable
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.webhooks.world import World


class Time(Threads):
    """Time that passes only where a stream waits; `then` is done at each wait."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.now = 100.0
        self.reads = 0
        self.then = then

    def pause(self, seconds: float) -> None:
        """So long, at once."""
        self.now += seconds
        self.then()

    def call(self, work: Callable[[], Any]) -> Any:
        """Count what reads the ledger."""
        self.reads += 1
        return work()


def batch(world: World, *numbers: str) -> str:
    """A batch of releases."""
    items = [{"type": "P", "ref_no": each} for each in numbers or ("1", "2")]
    made = world.ask("POST", "/api/batches", json={"tenant": "acme", "kind": "release_kit_assembly", "items": items})
    assert made.status_code == 202, made.text
    return str(made.json["id"])


def streamed(world: World, time: Time) -> Streams:
    """Streams whose time is ours."""
    return Streams(world.database, time, lambda: world.now, lambda: time.now)


def end(world: World, batch_id: str) -> None:
    """All of it succeeded."""
    with world.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.batch == batch_id).values(state="succeeded", finished_at=world.now))
        connection.execute(batches.update().where(batches.c.id == batch_id).values(state="succeeded", finished_at=world.now))


def progress(part: bytes) -> dict[str, Any]:
    """What an event says."""
    head, _, data = part.partition(b"\ndata: ")
    assert head == b"event: progress"
    found: dict[str, Any] = orjson.loads(data)
    return found


def test_ends_with_its_batch(world: World) -> None:
    """A batch that has ended is told once, as the API shows it, and the stream ends."""
    one = batch(world)
    end(world, one)

    answer = world.ask("GET", f"/api/batches/{one}/stream", "view-key")

    retry, event, nothing = answer.data.split(b"\n\n")
    assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    assert (retry, nothing) == (b"retry: 2000", b"")
    assert progress(event) == world.ask("GET", f"/api/batches/{one}", "view-key").json
    assert answer.headers["Cache-Control"] == "no-store"


def test_foreign_batch_is_not_there(world: World) -> None:
    """A key that may not see a batch is told what it is told of none."""
    one = batch(world)
    assert world.ask("GET", f"/api/batches/{one}/stream", "other-key").status_code == 404
    assert world.ask("GET", f"/api/batches/{one}/stream?every=0").status_code == 422


def test_tells_changes_only(small_world: World) -> None:
    """An event for each change, and silence between them; a cancelled batch goes on until none of its jobs is open."""
    one = batch(small_world)
    turns = iter(["", "pause", "", "end"])

    def then() -> None:
        turn = next(turns)
        if turn == "pause":
            small_world.ask("POST", f"/api/batches/{one}/pause")
        if turn == "end":
            end(small_world, one)

    time = Time(then)

    with_retry = list(streamed(small_world, time).open(one, "ops"))

    assert [progress(part)["state"] for part in with_retry[1:]] == ["running", "paused", "succeeded"]


def test_heart_beats(small_world: World) -> None:
    """Where nothing happens a comment each fifteen seconds keeps the line open; after a while the client has to come again."""
    time = Time()

    parts = list(streamed(small_world, time).open(batch(small_world), "ops"))

    assert [part for part in parts[2:] if part != b": still here\n\n"] == []
    assert len(parts[2:]) == pytest.approx(LONGEST / HEARTBEAT, abs=2)
    assert time.now == pytest.approx(100 + LONGEST, abs=2)


def test_one_reads_for_all(small_world: World) -> None:
    """However many follow a batch, the ledger is read once a second for all of them."""
    one = batch(small_world)
    time = Time()
    shared = streamed(small_world, time)
    followers = [shared.open(one, f"key-{n}") for n in range(10)]
    for stream in followers:
        next(stream)

    assert len({next(stream) for stream in followers}) == 1
    assert time.reads == 1


def test_places_are_bounded(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many of a key or of the process it is 503 with a time to wait; a closed stream gives its place back, begun or not."""
    monkeypatch.setattr(streams, "MOST", 3)
    monkeypatch.setattr(streams, "MOST_OF_KEY", 2)
    one = batch(small_world)
    shared = streamed(small_world, Time())
    first, second = shared.open(one, "a"), shared.open(one, "a")

    def refused(key: str) -> bool:
        try:
            shared.open(one, key).close()
        except Problem as problem:
            return problem.status == 503
        return False

    assert (refused("a"), refused("b")) == (True, False)
    third = shared.open(one, "b")
    assert refused("b")
    next(first)
    for stream in (first, second, second, third):
        stream.close()
    assert not refused("a")
    assert shared._seen == {}


def test_refused_stream_is_a_problem(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP too; and a stream that ends frees its place."""
    monkeypatch.setattr(streams, "MOST", 1)
    one = batch(small_world)
    end(small_world, one)
    for _ in range(3):
        assert small_world.ask("GET", f"/api/batches/{one}/stream").status_code == 200

    monkeypatch.setattr(streams, "MOST", 0)
    answer = small_world.ask("GET", f"/api/batches/{one}/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.content_type == "application/problem+json"


def test_ledger_may_be_away(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that can't be read for a while is silence; a batch that is gone is the end."""
    one = batch(small_world)

    def away() -> Iterator[Any]:
        raise LedgerUnavailable("away")

    time = Time()
    stream = streamed(small_world, time).open(one, "ops")
    opening = [next(stream), next(stream)]
    with monkeypatch.context() as patch:
        patch.setattr(small_world.database, "read", away)
        assert next(stream) == b": still here\n\n"
    with small_world.database.write() as connection:
        connection.execute(jobs.delete())
        connection.execute(batches.delete())
    assert list(stream) == []
    assert progress(opening[1])["id"] == one


def test_process_that_ends(small_world: World) -> None:
    """Nobody waits for streams: they end with the process, and no new one begins."""
    one = batch(small_world)
    time = Time()
    shared = streamed(small_world, time)
    time.then = shared.close

    assert len(list(shared.open(one, "ops"))) == 2
    with pytest.raises(Problem):
        shared.open(one, "ops")
