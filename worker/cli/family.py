"""Processes and their children, from /proc: who belongs to a leader, what CPU time and memory they took. Without /proc: nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes took: seconds of CPU, also of their dead children; the most bytes of memory that each had at once, summed."""

    cpu: float = 0.0
    peak: int = 0


def family_of(leader: int) -> list[int]:
    """The leader and all its descendants, leader first."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [leader]
    for pid in found:  # grows while it is walked
        found.extend(sorted(children.get(pid, ())))
    return found


def usage_of(pids: list[int]) -> Usage:
    """The sum over these processes; one that is gone counts nothing."""
    return Usage(sum(_cpu(pid) for pid in pids), sum(_peak(pid) for pid in pids))


def _parents() -> list[tuple[int, int]]:
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()] if _PROC.is_dir() else []
    return [(pid, int(fields[1])) for pid in pids if (fields := _stat(pid))]


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything: state, parent, … (proc(5))."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(int(each) for each in fields[11:15]) / _TICKS if fields else 0.0


def _peak(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
