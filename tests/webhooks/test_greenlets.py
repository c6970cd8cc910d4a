"""Requests as greenlets: what blocks is done in threads, what is slow is ended, and errors come back where they belong."""

from __future__ import annotations

import threading

import gevent
import pytest

from webhooks.greenlets import CALLERS, Greenlets


def test_blocking_work_holds_up_nobody() -> None:
    """While threads block, greenlets go on; commands that fill their threads hold up neither the writer nor the watchers."""
    mine, release = Greenlets(), threading.Event()
    blocked = [gevent.spawn(mine.call, release.wait) for _ in range(CALLERS + 1)]
    gevent.sleep(0.05)

    assert mine.store(threading.get_ident) != threading.get_ident()
    assert mine.watch(lambda: "well") == "well"
    assert not any(each.ready() for each in blocked)

    release.set()
    assert len(gevent.joinall(blocked, timeout=60)) == len(blocked)


def test_errors_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    """An exception in a thread is raised where the work was asked for, and printed nowhere."""

    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Greenlets().call(fails)
    assert capfd.readouterr().err == ""


def test_slow_client_is_ended() -> None:
    """Work of the network that takes too long ends in time."""
    with pytest.raises(TimeoutError):
        Greenlets().within(0.05, lambda: gevent.sleep(3600))

    assert Greenlets().within(5, lambda: "in time") == "in time"


def test_signals_wake_greenlets() -> None:
    """A signal is for greenlets: waiting for it lets others run."""
    signal = Greenlets().signal()
    waiting = gevent.spawn(signal.wait)
    gevent.sleep(0)
    assert not waiting.ready()

    signal.set()
    waiting.join(timeout=5)
    assert waiting.ready()
