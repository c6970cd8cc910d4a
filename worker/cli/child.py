"""What a supervisor starts: `python -m worker.cli.child ROLE [WORD…]`, one role in a fresh interpreter. It ends when its supervisor does.

Little is imported before the role is known, so that each process carries only what it needs.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUPERVISOR: Final = "KITRELAY_SUPERVISOR"
"""In the environment: the process id of who starts it."""

_SET_SIGNAL_OF_PARENTS_DEATH: Final = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_LOOK_EVERY: Final = 0.5


def end_with(supervisor: int) -> None:
    """SIGTERM to this process when the supervisor is gone, even by SIGKILL: it ends in order, and nobody is left to restart it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_SIGNAL_OF_PARENTS_DEATH, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(supervisor,), name="supervisor", daemon=True).start()
    if os.getppid() != supervisor:  # it died before we asked
        sys.exit(1)


def main(words: Sequence[str]) -> None:
    """Run the role until it is told to stop."""
    role, *rest = words
    if SUPERVISOR in os.environ:
        end_with(int(os.environ[SUPERVISOR]))
    ROLES[role](rest)


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(_LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


def _web(words: Sequence[str]) -> None:
    """The receiver, on every address or on the one that is named. It is found by name: this side knows nothing of that one."""
    settings = import_module("worker.configuration").load()
    import_module("worker.logs").set_up()
    import_module("webhooks.server").run(settings, *words[:1])


def _worker(_words: Sequence[str]) -> None:
    _process("run_worker")


def _scheduler(_words: Sequence[str]) -> None:
    _process("run_scheduler")


def _process(name: str) -> None:
    settings = import_module("worker.configuration").load()
    import_module("worker.logs").set_up()
    getattr(import_module("worker.processes"), name)(settings)


def _sandbox(words: Sequence[str]) -> None:
    sys.argv = ["sandbox", *words]
    runpy.run_module("worker.sandbox", run_name="__main__")


ROLES: Final[dict[str, Callable[[Sequence[str]], None]]] = {"web": _web, "worker": _worker, "scheduler": _scheduler, "sandbox": _sandbox}

if __name__ == "__main__":
    main(sys.argv[1:])
