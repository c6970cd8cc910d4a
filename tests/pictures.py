"""The pictures of the README: pages as they stand in the middle of a night's work, over real processes and a simulated ERP.

    python -m tests.pictures [--to .github/pictures]

Needs Chromium. A batch is released with a few faults, and taken while it runs; then one of its jobs that had to wait.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.browser import CHROMIUM, Tab, chromium, tab
from worker import logs
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FOLDER: Final = Path(__file__).parent.parent / ".github" / "pictures"
WINDOW: Final = {"width": 1240, "height": 860}
PLAN: Final = Plan(
    documents=600,
    slots=6,
    accept_ms=250,
    finish_ms=800,
    faults=("finished-400=0.05", "429=0.01"),
    visma={"first_poll": "2s", "retry_first": "1s", "repeat_window": "10s"},
    web_processes=1,
)
NAME: Final = "Saturday night"
PATIENCE: Final = 120.0


def main(words: Sequence[str] | None = None) -> int:
    """Take the pictures; 2 where there is no browser."""
    found = argparse.ArgumentParser(prog="python -m tests.pictures", description="Take the pictures of the README.")
    found.add_argument("--to", type=Path, default=FOLDER)
    options = found.parse_args(words)
    if CHROMIUM is None:
        sys.stderr.write("Chromium is needed: install Debian's package chromium\n")
        return 2
    logs.set_up()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Cluster(Path(folder), PLAN) as cluster, chromium() as browser:
        batch = _released(cluster)
        _until(lambda: _ended(cluster, batch) > PLAN.documents * 0.6 and bool(_failed(cluster, batch)), "the batch does not go on")
        with tab(browser, cluster.url, cluster.key) as window:
            window.page.set_viewport_size(WINDOW)  # type: ignore[arg-type] # a plain dict
            _take(window, f"/batches/{batch}", options.to / "batch")
            _take(window, f"/jobs/{_failed(cluster, batch)[0]['id']}", options.to / "job")
    return 0


def _released(cluster: Cluster) -> str:
    wanted = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}, "name": NAME}
    _, made = cluster.api("POST", "/api/batches", wanted)
    return str(made["id"])


def _ended(cluster: Cluster, batch: str) -> int:
    counts = cluster.api("GET", f"/api/batches/{batch}")[1]["counts"]
    return int(sum(counts[state] for state in ("succeeded", "failed", "cancelled")))


def _failed(cluster: Cluster, batch: str) -> list[Any]:
    found: list[Any] = cluster.api("GET", f"/api/jobs?batch={batch}&state=failed&limit=5")[1]["items"]
    return found


def _take(window: Tab, path: str, to: Path) -> None:
    window.go(path)
    for theme in ("light", "dark"):
        window.page.emulate_media(color_scheme=theme)
        window.page.screenshot(path=to.with_name(f"{to.name}-{theme}.png"))


def _until(done: Callable[[], bool], wrong: str) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(wrong)
        time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())
