"""How long until the next attempt. Pure: the random number and the clock are passed in. Seconds throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.settings import Retries

LONGEST_ORDER: Final = 3600.0
"""An ERP may ask for a wait of up to an hour (its budget's window); more is not believed."""

REPEATS: Final = 2
"""How often the same request may fail within `Retries.repeat_window`: Visma counted such repeats."""


def backoff(failures: int, first: float, most: float, chance: float) -> float:
    """The jittered exponential wait after the given number of failures (at least one); `chance` lies in [0, 1).

    The ceiling doubles from `first` up to `most`; the wait lies in its upper half, so that it grows and yet does not bunch.
    """
    ceiling: float = min(most, first * 2.0 ** min(max(failures, 1) - 1, 32))
    return ceiling * (0.5 + chance / 2.0)


def usual_wait(failures: int, rules: Retries, chance: float) -> float:
    """The jittered wait after so many failures (at least one): from the rules' own list, a tenth more or less, or as `backoff` says."""
    if not rules.waits:
        return backoff(failures, rules.first, rules.most, chance)
    return rules.waits[min(max(failures, 1), len(rules.waits)) - 1] * (0.9 + chance / 5.0)


def not_before(failed_at: Sequence[float], window: float) -> float:
    """The earliest time at which a request that failed at the given times may be sent again, in the clock of `failed_at`."""
    if len(failed_at) < REPEATS:
        return 0.0
    return sorted(failed_at)[-REPEATS] + window


def next_attempt(now: float, failed_at: Sequence[float], rules: Retries, chance: float, ordered: float | None = None) -> float:
    """When to try again, in the clock of `now`, after failures at `failed_at` (the newest included).

    `ordered` is what the ERP asked for (`Retry-After`): honoured up to `LONGEST_ORDER`, and never shortened by the backoff.
    """
    wait = usual_wait(len(failed_at), rules, chance)
    if ordered is not None:
        wait = max(wait, min(max(ordered, 0.0), LONGEST_ORDER))
    return max(now + wait, not_before(failed_at, rules.repeat_window))


def next_poll(polls: int, first: float, most: float, chance: float) -> float:
    """The wait before the next look at an operation after `polls` looks.

    Doubling from `first` to `most`, up to a fifth longer by chance.
    """
    wait: float = min(most, first * 2.0 ** min(max(polls, 0), 32))
    return min(most, wait * (1.0 + 0.2 * chance))
