"""The bell: rings are merged, a broker that is dead holds nobody up."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from worker.celery import DRAIN, PLAN, QUEUE, make_app
from worker.jobs.bell import SPACING, Bell, Silence, bell_for
from worker.jobs.model import Lane
from worker.settings import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LANE = Lane("acme", "visma")
OTHER = Lane("acme", "intacct")


class Recorder:
    """A Celery app that remembers what it was to send, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[tuple[str, tuple[str, ...]]] = []
        self.error = error

    def send_task(self, task: str, args: tuple[str, ...], **_: Any) -> None:
        """Remember."""
        if self.error is not None:
            raise self.error
        self.sent.append((task, args))


@pytest.fixture
def app() -> Recorder:
    """What the bell rings."""
    return Recorder()


@pytest.fixture
def bell(app: Recorder) -> Iterator[Bell]:
    """A bell that is taken down at the end."""
    made = Bell(app)  # type: ignore[arg-type]
    yield made
    made.close()


def until(fact: Callable[[], object], seconds: float = 20.0) -> bool:
    """Wait until it is so."""
    ends = time.monotonic() + seconds
    while not fact() and time.monotonic() < ends:
        time.sleep(0.01)
    return bool(fact())


def test_first_ring_goes_at_once(bell: Bell, app: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that was quiet is rung without the delay that its next ring will have."""
    monkeypatch.setattr("worker.jobs.bell.SPACING", 3600.0)
    bell.ring(LANE)
    assert until(lambda: app.sent)
    assert app.sent == [(DRAIN, ("acme", "visma"))]


def test_rings_merge(bell: Bell, app: Recorder) -> None:
    """A thousand rings of one lane at once are one or two; another lane is rung by itself."""
    for _ in range(1000):
        bell.ring(LANE)
    bell.ring(OTHER)
    assert until(lambda: (DRAIN, ("acme", "intacct")) in app.sent)
    time.sleep(SPACING * 2)
    assert 1 <= app.sent.count((DRAIN, ("acme", "visma"))) <= 2
    assert len(app.sent) <= 3


def test_later_ring_is_not_lost(bell: Bell, app: Recorder) -> None:
    """A ring right after the last is only put off."""
    bell.ring(LANE)
    assert until(lambda: len(app.sent) == 1)
    bell.ring(LANE)
    assert until(lambda: len(app.sent) == 2)


def test_plans_are_rung(bell: Bell, app: Recorder) -> None:
    """A batch to be planned is rung by its id."""
    bell.plan("batch-1")
    assert until(lambda: app.sent)
    assert app.sent == [(PLAN, ("batch-1",))]


def test_close_publishes_the_rest(bell: Bell, app: Recorder) -> None:
    """What is wanted when the process ends is rung before it does."""
    bell.ring(LANE)
    until(lambda: app.sent)
    bell.ring(LANE)
    bell.close()
    assert len(app.sent) == 2


@pytest.mark.parametrize("error", [ConnectionError("gone"), RuntimeError("odd"), AttributeError("kombu")])
def test_broken_broker_is_survived(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the broker does, ringing goes on when it is well again."""
    monkeypatch.setattr("worker.jobs.bell._REST", 0.05)
    app = Recorder(error)
    bell = Bell(app)  # type: ignore[arg-type]
    bell.ring(LANE)
    assert until(lambda: bell.last_error)
    app.error = None
    bell.ring(OTHER)
    assert until(lambda: app.sent)
    assert until(lambda: bell.last_error is None)
    bell.close()


def test_dead_broker_holds_nobody_up() -> None:
    """With nobody listening a ring returns in no time and raises nothing."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        bell = bell_for(f"redis://127.0.0.1:{taken.getsockname()[1]}/0", Timing())
        took = []
        for number in range(50):
            began = time.perf_counter()
            bell.ring(Lane("acme", str(number)))
            took.append(time.perf_counter() - began)
        assert isinstance(bell, Bell)
        assert until(lambda: bell.last_error)
        began = time.monotonic()
        bell.close(0.5)
        assert time.monotonic() - began < 10
    assert sorted(took)[len(took) // 2] < 0.05


def test_no_broker_is_silence() -> None:
    """Where no broker is named the bell is silent."""
    bell = bell_for("", Timing())
    assert isinstance(bell, Silence)
    bell.ring(LANE)
    bell.plan("batch-1")
    bell.close()


def test_ring_reaches_redis(clean_redis_url: str) -> None:
    """A ring is one small message on one queue, names only, and lapses."""
    bell = Bell(make_app(clean_redis_url, Timing()))
    bell.ring(LANE)
    with closing(redis.Redis.from_url(clean_redis_url, decode_responses=True)) as client:
        assert until(lambda: client.llen(QUEUE) == 1)
        message = json.loads(str(client.lindex(QUEUE, 0)))
        keys = {str(key) for key in client.scan_iter()}
    bell.close()
    assert (message["headers"]["task"], message["headers"]["argsrepr"]) == (DRAIN, "('acme', 'visma')")
    assert message["headers"]["expires"] is not None
    assert message["headers"]["eta"] is None
    assert not any("celery-task-meta" in key for key in keys)
