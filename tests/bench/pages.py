"""A ledger with a million jobs, and how long each page takes on it: a real web process, asked over loopback by a browser's means.

    python -m tests.bench.pages [--database sqlite] [--database postgresql] [--jobs 1000000] [--folder PLACE]

Every page of `webhooks.dashboard.PAGES` is asked for, those about one thing with a thing of the ledger. Median and 95th percentile are of
twenty requests after two; slower medians than 300 ms are marked, and so is a first page of more than 150 kB with all that it loads. It
prints and never fails on time; 1 if a page can't be had. With a folder, the SQLite ledger is made there and stays.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import re
import secrets
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from tests.bench.ledger_stock import TENANTS
from tests.bench.million import opened
from tests.bench.page_addresses import addresses
from tests.bench.page_stock import settle
from worker.cli.broker import Broker
from worker.cli.launching import environ_of, free_port
from worker.cli.supervisor import Role, end, launch
from worker.cli.toml import lines_of, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.jobs.engine import Database

BOUND_MS: Final = 300.0
BOUND_BYTES: Final = 150_000
SAMPLES: Final = 20
WARM: Final = 2
READY_WITHIN: Final = 60.0
ERPS: Final = ("visma", "itempath", "intacct")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, as it was sent: `seconds` until its last byte."""

    status: int
    body: bytes
    zipped: bool
    seconds: float

    def text(self) -> str:
        """As a browser reads it."""
        return (gzip.decompress(self.body) if self.zipped else self.body).decode()


class Visitor:
    """A browser as far as this needs one: it is logged in, takes compressed answers, and keeps its connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""
        form = urlencode({"key": key})
        self._connection.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def get(self, path: str) -> Answer:
        """One page or asset."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self._cookie, "Accept-Encoding": "gzip", "Accept": "text/html,*/*"})
        answer = self._connection.getresponse()
        body = answer.read()
        return Answer(answer.status, body, answer.getheader("Content-Encoding") == "gzip", time.perf_counter() - begun)

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def main(words: Sequence[str] | None = None) -> int:
    """Make the ledgers and ask; 1 if a page can't be had."""
    found = argparse.ArgumentParser(prog="python -m tests.bench.pages", description="How fast the pages are on many jobs.")
    found.add_argument("--jobs", type=int, default=1_000_000)
    found.add_argument("--database", action="append", choices=("sqlite", "postgresql"))
    found.add_argument("--folder", type=Path)
    found.add_argument("--seed", type=int, default=1)
    options = found.parse_args(words)
    wrong = 0
    for name in options.database or ("sqlite",):
        with ExitStack() as stack:
            db = opened(stack, name, options)
            settle(db)
            visitor = stack.enter_context(closing(_served(stack, db)))
            wrong += _told(name, options.jobs, visitor, addresses(db))
    return 1 if wrong else 0


def _told(name: str, jobs: int, visitor: Visitor, paths: Iterable[str]) -> int:
    """Print the table; how many pages could not be had."""
    _print(f"{name}, {jobs:,} jobs{'':<28}{'median':>9}{'p95':>9}{'sent':>10}   (ms, bytes)\n")
    wrong = 0
    for path in paths:
        answers = [visitor.get(path) for _ in range(WARM + SAMPLES)][WARM:]
        wrong += answers[0].status not in (http.client.OK, http.client.SEE_OTHER)
        _print(line(path, [answer.seconds * 1000 for answer in answers], answers[0]))
    sizes = dict(loaded(visitor, "/"))
    mark = "  LARGE" if sum(sizes.values()) > BOUND_BYTES else ""
    _print(f"the first page with all that it loads: {sum(sizes.values()):,} bytes of {BOUND_BYTES:,}{mark}\n")
    for path, size in sizes.items():
        _print(f"  {path.partition('?')[0]:<44}{size:>9,}\n")
    return wrong


def line(path: str, times: Sequence[float], answer: Answer) -> str:
    """A line of the table; what is slow, or no page, is marked."""
    middle, most = median(times), quantiles(times, n=20)[-1]
    mark = (
        f"  STATUS {answer.status}"
        if answer.status not in (http.client.OK, http.client.SEE_OTHER)
        else "  SLOW"
        if middle >= BOUND_MS
        else ""
    )
    shown = path if len(path) < 50 else f"{path[:46]}…"
    return f"{shown:<50}{middle:>9.1f}{most:>9.1f}{len(answer.body):>10,}{mark}\n"


def loaded(visitor: Visitor, path: str) -> Iterator[tuple[str, int]]:
    """The page and each asset that it names, with its bytes as sent."""
    page = visitor.get(path)
    yield path, len(page.body)
    for asset in dict.fromkeys(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text())):
        yield asset, len(visitor.get(asset.replace("&amp;", "&")).body)


def _served(stack: ExitStack, db: Database) -> Visitor:
    """A web process over the ledger, and somebody who is logged in to it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port, key = free_port(), secrets.token_urlsafe(24)
    file = folder / "kitrelay.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(_settings(db, port, key)))
    broker = stack.enter_context(closing(Broker(folder / "redis")))
    process = launch(Role("web", ("127.0.0.1",), {**environ_of(file), "REDIS_URL": broker.url}, folder / "web.log"))
    stack.callback(process.wait)
    stack.callback(end, process, signal.SIGTERM)
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        try:
            return Visitor(port, key)
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the web process does not answer: {(folder / 'web.log').read_text()[-2000:]}")


def _settings(db: Database, port: int, key: str) -> list[str]:
    nowhere = "http://127.0.0.1:9"
    own: dict[str, dict[str, Any]] = {
        "visma": {"token_url": nowhere, "client_id": "c", "client_secret": "s", "tenant_id": "t", "webhook_keys": ["k"]},
        "itempath": {"username": "u", "password": "p"},
        "intacct": {"client_id": "c", "client_secret": "s", "username": "u@c"},
    }
    sync = {"source": "intacct", "targets": ["itempath", "visma"], "compare_every": "never"}
    tenants = [
        line
        for tenant in TENANTS
        for line in (
            *(line for erp in ERPS for line in table_of(f"[tenants.{tenant}.{erp}]", {"base_url": nowhere, **own[erp]})),
            *table_of(f"[tenants.{tenant}.sync]", sync),
        )
    ]
    general = lines_of({"database_url": db.url, "port": port, "web_processes": 1})
    return [*general, *table_of("[[api_keys]]", {"name": "bench", "key": key, "role": "admin", "tenants": ["*"]}), *tenants, ""]


def _print(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
