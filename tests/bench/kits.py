"""All kits of a source compared with those of a target, where a few differ: calls to the ERPs, wall time, memory.

    python -m tests.bench.kits [--kits 1000] [--lines 12] [--differ 0.05] [--source intacct] [--target itempath] [--json]

The batch compares all, and syncs what differs; the same batch again finds nothing. Beside the calls stands the least that could do it: each
side read by page, one write for each line that differs, and one page each to see it. Memory is the most that each role had, from /proc.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from tests.bench.bulk import resident
from worker import logs
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

ERPS: Final = ("visma", "itempath", "intacct")
ROLES: Final = ("web", "worker", "scheduler", "redis", "sandbox")
PAGES: Final = {"visma": ("kits", 1_000), "itempath": ("kits", 1_000), "intacct": ("lines", 4_000)}
"""What a page of each ERP holds, and how many at most."""

PATIENCE: Final = 900.0


def main(words: Sequence[str] | None = None) -> int:
    """Run once; 1 if a kit is not in step at the end, or the second batch wrote anything."""
    found = argparse.ArgumentParser(prog="python -m tests.bench.kits", description="Compare all kits, and sync those that differ.")
    found.add_argument("--kits", type=int, default=1_000)
    found.add_argument("--lines", type=int, default=12)
    found.add_argument("--differ", type=float, default=0.05, help="the share of kits of which one line differs")
    found.add_argument("--source", choices=ERPS, default="intacct")
    found.add_argument("--target", choices=ERPS, default="itempath")
    found.add_argument("--json", action="store_true")
    options = found.parse_args(words)
    logs.set_up()
    plan = Plan(
        documents=0,
        accept_ms=5.0,
        finish_ms=20.0,
        read_ms=5.0,
        erps=ERPS,
        sync={"source": options.source, "targets": [options.target], "compare_every": "never"},
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Cluster(Path(folder), plan) as cluster:
        result = measured(cluster, options)
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else told(result))
    return 1 if result["not_in_step"] or result["second"]["writes"] else 0


def measured(cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    """Fill the ERPs, make some kits differ, compare and sync, and once more."""
    cluster.sandbox("POST", "kits", {"count": options.kits, "lines_each": options.lines, "erps": [options.source, options.target]})
    codes = cluster.sandbox("GET", f"kits/{options.target}/{cluster.tenant}")["codes"]
    differing = codes[: round(options.kits * options.differ)]
    for code in differing:
        edit(cluster, options.target, code)
    first, peak = run(cluster, options)
    second, _ = run(cluster, options)
    return {
        "kits": options.kits,
        "differing": len(differing),
        "first": first,
        "least": least(options, len(differing)),
        "second": second,
        "least_second": least(options, 0),
        "not_in_step": sum(shown(cluster, options.source, code) != shown(cluster, options.target, code) for code in differing),
        "peak_mb": peak,
    }


def run(cluster: Cluster, options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, float]]:
    """One batch of all kits: its figures, and the most memory of each role."""
    before = {erp: counted(cluster, erp) for erp in (options.source, options.target)}
    stop, peak = Event(), dict.fromkeys(ROLES, 0.0)
    watcher = Thread(target=watch, args=(cluster, stop, peak), daemon=True)
    watcher.start()
    began = time.monotonic()
    status, batch = cluster.api("POST", "/api/batches", {"tenant": cluster.tenant, "kind": "sync_kit_lines", "select": {"all": True}})
    if status >= 400:
        raise SystemExit(f"the receiver refuses the batch: {batch}")
    while (found := cluster.api("GET", f"/api/batches/{batch['id']}")[1])["finished_at"] is None:
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"the batch does not end: {found}")
        time.sleep(0.2)
    seconds = time.monotonic() - began
    stop.set()
    watcher.join()
    after = {erp: counted(cluster, erp) for erp in before}
    calls = {erp: after[erp][0] - before[erp][0] for erp in before}
    figures = {"seconds": round(seconds, 1), "synced": found["total"], "state": found["state"], "calls": calls}
    return {**figures, "calls_in_all": sum(calls.values()), "writes": sum(after[erp][1] - before[erp][1] for erp in before)}, peak


def least(options: argparse.Namespace, differing: int) -> dict[str, int]:
    """The least number of calls: pages of both sides, a write for each line that differs, a page each to see it."""
    amounts = {"kits": options.kits, "lines": options.kits * options.lines}
    pages = sum(math.ceil(amounts[what] / most) for what, most in (PAGES[options.source], PAGES[options.target]))
    return {"calls": pages + differing + (2 if differing else 0)}


def counted(cluster: Cluster, erp: str) -> tuple[int, int]:
    """Calls and effects so far, tokens left out."""
    counts = cluster.sandbox_counts(erp=erp)
    effects = counts["specifications"] if erp == "visma" else counts["effects"]
    return counts["calls"], sum(value for name, value in effects.items() if name in {"creates", "updates", "deletes"})


def edit(cluster: Cluster, erp: str, code: str) -> None:
    """A person changes the first line's quantity there."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{cluster.tenant}/{code}")
    kept = [{name: value for name, value in line.items() if value is not None} for line in kit["lines"]]
    kept[0]["quantity"] = str(Decimal(kept[0]["quantity"]) + 7)
    cluster.sandbox("PUT", f"kits/{erp}/{cluster.tenant}/{code}", {"lines": kept})


def shown(cluster: Cluster, erp: str, code: str) -> list[tuple[str, Decimal]]:
    """What a kit has there."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{cluster.tenant}/{code}")
    return sorted((line["component"], Decimal(line["quantity"])) for line in kit["lines"])


def watch(cluster: Cluster, stop: Event, peak: dict[str, float]) -> None:
    """Note the most memory of each role, in MB."""
    while not stop.wait(0.25):
        for role in ROLES:
            peak[role] = max(peak[role], round(resident(cluster.pids(role)) / 1e6, 1))


def told(found: dict[str, Any]) -> str:
    """The numbers, a line each."""
    lines = []
    for name, value in found.items():
        shown_as = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        lines.append(f"{name.replace('_', ' '):<16}{shown_as}\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
