"""The order of lines: places from 1, whatever numbers stand behind them, and the fewest lines that break an order."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.kits.model import Line, RemoteKit, RemoteLine


def ranked(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines in order with ranks 1 to n. Lines of one rank keep the order they came in."""
    return renumbered(sorted(lines, key=lambda line: line.rank))


def renumbered(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines as they come with ranks 1 to n."""
    return tuple(line if line.rank == rank else replace(line, rank=rank) for rank, line in enumerate(lines, start=1))


def in_order(kit: RemoteKit) -> list[RemoteLine]:
    """A system's lines in the order it shows them."""
    return sorted(kit.lines, key=lambda remote: remote.line.rank)


def longest_rising(values: Sequence[int]) -> set[int]:
    """The indices of a longest part that never falls: what may stay where it is, while all else moves."""
    ends: list[int] = []  # the smallest value that a part of each length ends with
    at: list[int] = []  # and its index
    before: list[int | None] = []
    for index, value in enumerate(values):
        length = bisect_right(ends, value)
        before.append(at[length - 1] if length else None)
        ends[length : length + 1] = [value]
        at[length : length + 1] = [index]
    found: set[int] = set()
    last = at[-1] if at else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found
