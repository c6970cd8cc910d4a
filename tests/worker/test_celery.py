"""The Celery app: set up for rings over Redis, and guarded where kombu is weak."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError

from worker.celery import QUEUE, guard_kombu, make_app, publishing
from worker.settings import Timing

CHANNEL: Any = kombu_redis.Channel
URL = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("task_ignore_result", True),
        ("result_backend", None),
        ("task_acks_late", False),
        ("worker_prefetch_multiplier", 1),
        ("task_create_missing_queues", False),
        ("task_default_queue", QUEUE),
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("worker_send_task_events", False),
        ("task_send_sent_event", False),
        ("worker_enable_remote_control", False),
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("worker_hijack_root_logger", False),
    ],
)
def test_settings(setting: str, value: object) -> None:
    """No results, early acknowledgement, one ring at a time, one queue, JSON only, no events; a broker that is away is waited for."""
    assert make_app(URL, Timing()).conf[setting] == value


def test_timeouts_are_set() -> None:
    """No wait for the broker is without end, and a half-open connection is found out."""
    options = make_app(URL, Timing()).conf.broker_transport_options
    assert 0 < options["socket_connect_timeout"] < 5
    assert 0 < options["socket_timeout"] <= 30
    assert options["socket_keepalive"] is True
    assert 0 < options["health_check_interval"] <= 30


def test_visibility_outlasts_leases() -> None:
    """Nothing is handed out twice while a worker may have it."""
    timing = Timing()
    assert make_app(URL, timing).conf.broker_transport_options["visibility_timeout"] == timing.visibility > timing.lease


def test_one_queue() -> None:
    """There is one queue, and a ring goes there."""
    app = make_app(URL, Timing())
    assert [queue.name for queue in app.conf.task_queues] == [QUEUE]
    assert publishing()["queue"] == QUEUE


def test_apps_are_their_own() -> None:
    """Making one app does not change another, nor becomes anybody's default."""
    one, two = make_app(URL, Timing()), make_app("redis://127.0.0.1:2/0", Timing(visibility=999))
    assert one.conf.broker_url == URL
    assert one.conf.broker_transport_options["visibility_timeout"] != two.conf.broker_transport_options["visibility_timeout"]


def test_ring_is_not_retried() -> None:
    """A ring is never tried again in the caller's time, lapses, and leaves no result."""
    options = publishing()
    assert (options["retry"], options["ignore_result"]) == (False, True)
    assert 0 < options["expires"] <= 300


class Connection:
    """A kombu connection that lost its client."""

    client = None


def test_lost_client_is_lost_connection() -> None:
    """A channel whose connection has no client any more ends in a connection error, from which the worker recovers."""
    channel: Any = object.__new__(kombu_redis.Channel)
    channel.connection = Connection()
    with pytest.raises(RedisConnectionError, match="closed"):
        channel._connparams()
    assert RedisConnectionError in kombu_redis.Transport.connection_errors or issubclass(
        RedisConnectionError, tuple(kombu_redis.get_redis_error_classes().connection_errors)
    )


def test_without_guard_it_would_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kombu itself ends in an AttributeError there; when it no longer does, the guard can go."""
    guarded: Any = CHANNEL._connparams
    original = next(cell.cell_contents for cell in guarded.__closure__ if callable(cell.cell_contents))
    monkeypatch.setattr(CHANNEL, "_connparams", original)
    channel: Any = object.__new__(kombu_redis.Channel)
    channel.connection = Connection()
    with pytest.raises(AttributeError):
        channel._connparams()


def test_guard_is_set_once() -> None:
    """Guarding again changes nothing, and a channel that is well is let through."""
    guarded = CHANNEL._connparams
    guard_kombu()
    assert CHANNEL._connparams is guarded
    app = make_app("redis://127.0.0.1:7/3", Timing())
    with app.connection_for_write() as connection:
        channel: Any = object.__new__(kombu_redis.Channel)
        channel.connection = type("Well", (), {"client": connection, "default_port": 6379})()
        parameters = channel._connparams()
    assert (parameters["host"], parameters["port"], parameters["db"]) == ("127.0.0.1", 7, 3)
