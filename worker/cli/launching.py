"""What a cluster's processes are started with: free ports, the options of the simulated ERPs, an environment without the user's own."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from worker.cli.plan import Plan

PORTS: Final = range(21_000, 31_000)  # below those that outgoing calls take
OURS: Final = ("DATABASE_URL", "REDIS_URL", "PORT", "WEB_CONCURRENCY", "KITRELAY_API_KEY", "KITRELAY_PLACE")
"""What the user's environment may say of another kitrelay."""


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def environ_of(file: Path) -> dict[str, str]:
    """What stands above the environment of a child. Empty counts as not given."""
    return {**{name: "" for name in OURS if name in os.environ and name != "KITRELAY_PLACE"}, "KITRELAY_CONFIG": str(file)}


def sandbox_words(plan: Plan, port: int) -> tuple[str, ...]:
    """The options of the simulated ERPs."""
    given = {
        "port": port,
        "documents": plan.documents,
        "seed": plan.seed,
        "accept-ms": plan.accept_ms,
        "finish-ms": plan.finish_ms,
        "read-ms": plan.read_ms,
        "calls-per-hour": plan.calls_per_hour,
        "slots": plan.slots,
    }
    many = {"company": plan.companies, "fault": plan.faults}
    repeated = (f"--{name}={each}" for name, values in many.items() for each in values)
    return ("--announce", *(f"--{name}={value}" for name, value in given.items()), *repeated)
