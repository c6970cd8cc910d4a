"""The Celery app: the bell. Messages say "there is work on this lane" and carry names only; the ledger knows the rest.

Chosen on purpose, for Redis:
- early acknowledgement: a ring lost with a killed worker is rung again by the scheduler, a ring repeated after a dropped connection would
be noise;
- prefetch of one: a ring taken early would wait behind a lane while another worker is free;
- no results, no events, no ETA, no chord: nothing here reads them, and on Redis each of them loses or repeats messages;
- socket timeouts, keepalive and health checks: the defaults hang for good on a half-open connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from celery import Celery
from kombu import Queue
from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from worker.settings import Timing

QUEUE: Final = "lanes"
DRAIN: Final = "kitrelay.drain"
PLAN: Final = "kitrelay.plan"


def make_app(redis_url: str, timing: Timing) -> Celery:
    """A Celery app on this broker.

    `timing.visibility` is longer than any lease, so that nothing is handed out twice while a worker has it.
    """
    app = Celery("kitrelay", broker=redis_url, backend=None, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_queues=(Queue(QUEUE, routing_key=QUEUE),),
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        worker_send_task_events=False,
        task_send_sent_event=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_pool_limit=4,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        broker_transport_options=_transport(timing),
    )
    return app


def publishing() -> dict[str, Any]:
    """Options of a ring: never try again in the caller's time, and let it lapse: the scheduler rings anew."""
    return {"queue": QUEUE, "retry": False, "ignore_result": True, "expires": 60}


def _transport(timing: Timing) -> dict[str, Any]:
    return {
        "visibility_timeout": timing.visibility,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "priority_steps": [0],
        "max_connections": 20,
    }


def guard_kombu() -> None:
    """Keep the worker alive when Redis dies.

    kombu 5.7 closes a broken channel whose connection has lost its client already, and ends in an AttributeError that its consumer does
    not take for a lost connection: the worker exits. Seen in 4 of 18 kills of Redis; as a connection error it recovers. Pinned to kombu
    5.7.0.
    """
    channel: Any = kombu_redis.Channel
    original = channel._connparams  # noqa: SLF001 - there is no public place for it
    if getattr(original, "guarded", False):
        return

    def guarded(self: Any, asynchronous: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - kombu's signature
        if getattr(self.connection, "client", None) is None:
            message = "the channel is closed"
            raise RedisConnectionError(message)
        return original(self, asynchronous)

    guarded.guarded = True  # type: ignore[attr-defined]
    channel._connparams = guarded  # noqa: SLF001 - as above


guard_kombu()
