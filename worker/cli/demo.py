"""`demo`: the main job on one machine with nothing set up, and whether it was done right."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from worker import logs
from worker.cli import options
from worker.cli.cluster import Cluster, NotReady, Plan
from worker.cli.group import FAILED, Failed
from worker.cli.judging import Seen, judge
from worker.cli.output import notes, show_json
from worker.cli.settled import settled_by
from worker.cli.summary import show_summary
from worker.cli.watching import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from worker.cli.watching import View

QUICK: Final = {
    "first_poll": "2s",
    "poll_max": "5s",
    "second_look": "3s",
    "retry_first": "500ms",
    "retry_max": "5s",
    "repeat_window": "10s",
}
"""Waits for an ERP that finishes in a second: with the usual ones a demo full of faults would take half an hour."""

EVERY: Final = 0.25
STUCK_AFTER: Final = 180.0
PATIENCE: Final = 30.0
PAGE: Final = 500


@click.command(epilog=options.example("kitrelay demo", "kitrelay demo --documents 500 --fault all", "kitrelay demo --fault lost=1 --keep"))
@click.option("--documents", type=click.IntRange(1, 100_000), default=200, show_default=True, help="So many are released.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[=RATE]", help="What goes wrong; `all` for all. A wrong name shows them.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed has the same faults.")
@click.option("--slots", type=click.IntRange(1, 1_000), default=8, show_default=True, help="Calls under way at once.")
@click.option("--accept-ms", type=click.FloatRange(0), default=50.0, show_default=True, help="The ERP's time to accept a call.")
@click.option("--finish-ms", type=click.FloatRange(0), default=300.0, show_default=True, help="Its time to end the operation.")
@click.option("--worker-threads", type=click.IntRange(1, 1_024), help="Calls that the worker can have under way at once.")
@click.option("--keep", is_flag=True, help="Leave it running until Ctrl-C, and print its address and key.")
@options.as_json
def demo(keep: bool, as_json: bool, **given: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """Show the main job on one machine, with nothing set up.

    In a temporary folder: the ERP simulated, an embedded Redis, a SQLite ledger, receiver, worker and scheduler as real processes, and a
    bulk release through the API. Exits 0 only if every document that can be released was released exactly once, every other job failed with
    its true reason, and limits and order were kept. Everything is gone at the end.
    """
    logs.set_up()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # either way all is tidied up
    plan = Plan(**given, visma=QUICK if given["faults"] else {})
    told = notes()
    with tempfile.TemporaryDirectory(prefix="kitrelay-demo-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder), plan, lambda line: told.print(f"starting {line}"))
        with cluster:
            summary = run(cluster)
            if as_json:
                show_json(summary)
            else:
                show_summary(summary)
            if keep:
                _kept(cluster, told)
            told.print("stopping")
    if not summary["ok"]:
        raise click.exceptions.Exit(FAILED)


def run(cluster: Cluster) -> dict[str, Any]:
    """One bulk release, followed to its end: the summary."""
    batch = _released(cluster, follow)
    identity = batch["id"]
    seen = Seen(
        plan=cluster.plan,
        batch=batch,
        counts=cluster.sandbox_counts(documents=True),
        failed=_failed_jobs(cluster, identity),
        settled=settled_by(cluster.settings, identity),
    )
    return judge(seen)


def _released(cluster: Cluster, through: Callable[..., View]) -> View:
    wanted = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}, "name": "demo"}
    status, batch = cluster.api("POST", "/api/batches", wanted)
    if status >= 400:  # noqa: PLR2004 - refusals
        raise Failed(f"the receiver refuses the batch: {batch}")
    return through(_Looking(cluster, batch["id"]), EVERY)


class _Looking:
    """Asks the API how the batch stands, and notices when nothing will come of it."""

    def __init__(self, cluster: Cluster, batch: str) -> None:
        self._cluster = cluster
        self._path = f"/api/batches/{batch}"
        self._answered = self._changed = time.monotonic()
        self._before: object = None

    def __call__(self) -> View:
        """The batch now. Raises `NotReady` when a process is gone or nothing moves."""
        view = self._answer()
        if view["counts"] != self._before:
            self._before, self._changed = view["counts"], time.monotonic()
        if time.monotonic() - self._changed > STUCK_AFTER:
            words = self._cluster.last_words("worker")
            raise NotReady(f"nothing has moved for {STUCK_AFTER:g} s: {view['counts']}; the worker's last words:\n{words}")
        return view

    def _answer(self) -> View:
        while True:
            if not self._cluster.running("sandbox"):
                raise NotReady(f"the simulated ERP has ended:\n{self._cluster.last_words('sandbox')}")
            try:
                status, view = self._cluster.api("GET", self._path)
            except OSError:
                status, view = 0, {}
            if status == 200:  # noqa: PLR2004 - there it is
                self._answered = time.monotonic()
                found: View = view
                return found
            if time.monotonic() - self._answered > PATIENCE:
                raise NotReady(f"the web does not answer:\n{self._cluster.last_words('web')}")
            time.sleep(EVERY)


def _failed_jobs(cluster: Cluster, batch: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        _, page = cluster.api("GET", f"/api/jobs?batch={batch}&state=failed&limit={PAGE}{cursor}")
        found.extend(page["items"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def _kept(cluster: Cluster, told: Console) -> None:
    told.print(
        f"\nIt goes on running: {cluster.url}\nits key: {cluster.key}\nits settings: KITRELAY_CONFIG={cluster.file}\nCtrl-C ends it.",
        soft_wrap=True,
    )
    try:
        while cluster.running("sandbox"):
            time.sleep(EVERY)
    except KeyboardInterrupt:
        return
