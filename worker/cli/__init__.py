"""The command line: `kitrelay`. One file for each group of commands; a command is loaded when it is used.

group.py        the commands by name, and errors as exit codes: 0 done, 1 it failed, 2 wrong use
opening.py      settings and ledger, as every command opens them
output.py       tables of 80 columns, JSON, times of the local zone
roles.py        web, worker, scheduler, up: processes under a supervisor
supervisor.py   restarts what dies, ends what shall end; child.py is what it starts
cluster.py      a running set of processes with simulated ERPs, for the demo, benchmarks and tests; occasion.py writes its settings
syncing.py      syncs made, followed and gathered; outcomes.py and differences.py say what became of each kit
reading.py      clients for a person who looks; conditions.py and queries.py read filters as they are written
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.cli.group import kitrelay

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["kitrelay", "main"]


def main(words: Sequence[str] | None = None) -> None:
    """Run one command and leave by `SystemExit`."""
    kitrelay.main(args=None if words is None else list(words), prog_name="kitrelay")
