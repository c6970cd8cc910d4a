"""A ledger with a million jobs, and how long each list, filter, search, group and count of the API takes on it.

    python -m tests.bench.million [--jobs 1000000] [--database sqlite] [--database postgresql] [--folder PLACE]

Each question is asked for a key of all tenants and for a key of one, with several values; the median and the 95th percentile are shown. 1
if a median is 100 ms or more. With a folder, the SQLite ledger is made there and stays: it is used again the next time.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from tests import postgres
from tests.bench.ledger_filling import fill
from tests.bench.ledger_questions import questions
from tests.bench.ledger_stock import TENANTS
from worker.jobs.engine import Database
from worker.jobs.ledger import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

MOST_MS: Final = 100.0
SAMPLES: Final = 12
KEYS: Final[tuple[tuple[str, ...] | None, ...]] = (None, (TENANTS[2],))


def main(words: Sequence[str] | None = None) -> int:
    """Make the ledgers and ask; 1 if something is slow."""
    found = argparse.ArgumentParser(prog="python -m tests.bench.million", description="How fast the API's questions are on many jobs.")
    found.add_argument("--jobs", type=int, default=1_000_000)
    found.add_argument("--database", action="append", choices=("sqlite", "postgresql"))
    found.add_argument("--folder", type=Path)
    found.add_argument("--seed", type=int, default=1)
    options = found.parse_args(words)
    slow = 0
    for name in options.database or ("sqlite", "postgresql"):
        with ExitStack() as stack:
            db = opened(stack, name, options)
            sys.stdout.write(f"{name:<36}{'all tenants':>18}{'one tenant':>18}   (median, 95th percentile in ms)\n")
            for question, times in timed(db):
                sys.stdout.write(shown(question, times))
                sys.stdout.flush()
                slow += sum(median >= MOST_MS for median, _ in times)
    sys.stdout.write(f"{slow} medians of {MOST_MS:.0f} ms or more\n")
    return 1 if slow else 0


def timed(db: Database) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Each question, with median and 95th percentile in milliseconds for each key."""
    with db.read() as connection:
        asked = [questions(connection, tenants) for tenants in KEYS]
    for question in asked[0]:
        yield question, [_timed(db, each[question]) for each in asked]


def _timed(db: Database, variants: Sequence[Callable[[Connection], object]]) -> tuple[float, float]:
    chosen = random.Random(1).sample(variants, min(SAMPLES, len(variants)))
    took = []
    for ask in [*chosen] * -(-SAMPLES // len(chosen)):
        with db.read() as connection:
            begun = time.perf_counter()
            ask(connection)
            took.append((time.perf_counter() - begun) * 1000)
    return median(took), quantiles(took, n=20)[-1]


def shown(question: str, times: Sequence[tuple[float, float]]) -> str:
    """A line; what is slow is marked."""
    mark = "  SLOW" if any(middle >= MOST_MS for middle, _ in times) else ""
    return f"{question:<36}" + "".join(f"{middle:>9.1f}{most:>9.1f}" for middle, most in times) + mark + "\n"


def opened(stack: ExitStack, name: str, options: argparse.Namespace) -> Database:
    """The ledger on a database of this name, filled as `options` say; it is closed, and gone unless it is to stay, with the stack."""
    if name == "postgresql":
        cluster = stack.enter_context(postgres.cluster())
        url = cluster.url(cluster.create())
        return _filled(stack, url, options)
    folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
    path = folder / f"{options.jobs}.db"
    if path.exists():
        db = Database(f"sqlite:///{path}")
        stack.callback(db.close)
        return db
    return _filled(stack, f"sqlite:///{path}", options)


def _filled(stack: ExitStack, url: str, options: argparse.Namespace) -> Database:
    migrate(url)
    db = Database(url)
    stack.callback(db.close)
    begun = time.monotonic()
    fill(db, options.jobs, options.seed, lambda done: _tell(f"\r{done} jobs, {time.monotonic() - begun:.0f} s"))
    _tell(f"\n{options.jobs} jobs made in {time.monotonic() - begun:.0f} s\n")
    return db


def _tell(words: str) -> None:
    sys.stderr.write(words)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
