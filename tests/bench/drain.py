"""How fast a batch drains, and what it costs: real processes, a simulated ERP.

    python -m tests.bench.drain --documents 1000 --slots 10 --accept-ms 50 --finish-ms 300 [--lost] [--json]

The ideal is what the ERP's latency alone allows: documents x calls for each x its time to accept / slots, and the last operation's time.
CPU and memory are those of each role with its children, as /proc knows them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker import logs
from worker.cli.cluster import Cluster, Plan
from worker.cli.family import Usage, usage_of
from worker.cli.watching import ended

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES: Final = ("web", "worker", "scheduler", "redis", "sandbox")
EVERY: Final = 0.5
SHORT: Final = {"first_poll": "2s", "poll_max": "5s"}
"""With no notification, the first look at a fast ERP comes after two seconds instead of thirty."""


def main(words: Sequence[str] | None = None) -> int:
    """Run once; 1 if not every document was released exactly once."""
    options = parser().parse_args(words)
    logs.set_up()
    plan = Plan(
        documents=options.documents,
        slots=options.slots,
        accept_ms=options.accept_ms,
        finish_ms=options.finish_ms,
        read_ms=options.read_ms,
        calls_per_hour=1_000_000_000,
        worker_threads=options.worker_threads or max(32, options.slots),
        notified=not options.lost,
        visma=SHORT if options.lost else {},
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Cluster(Path(folder), plan) as cluster:
        found = drained(cluster)
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if options.json else told(found))
    return 0 if found["released_once"] == plan.documents else 1


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m tests.bench.drain", description="How fast a batch drains, and what it costs.")
    found.add_argument("--documents", type=int, default=1_000)
    found.add_argument("--slots", type=int, default=10)
    found.add_argument("--accept-ms", type=float, default=50.0)
    found.add_argument("--finish-ms", type=float, default=300.0)
    found.add_argument("--read-ms", type=float, default=20.0)
    found.add_argument("--worker-threads", type=int)
    found.add_argument("--lost", action="store_true", help="no notification ever comes")
    found.add_argument("--json", action="store_true")
    return found


def drained(cluster: Cluster) -> dict[str, Any]:
    """Release all of the ERP's documents as one batch of items; what came of it."""
    plan = cluster.plan
    items = [{"type": "P", "ref_no": f"{number:06}"} for number in range(1, plan.documents + 1)]
    before = {role: usage_of(cluster.pids(role)) for role in ROLES}
    posted = time.monotonic()
    status, batch = cluster.api(
        "POST", "/api/batches", {"tenant": cluster.tenant, "kind": "release_kit_assembly", "items": items}, timeout=300.0
    )
    if status >= 400:
        raise SystemExit(f"the receiver refuses the batch: {batch}")
    made = time.monotonic() - posted
    while not ended(batch):
        time.sleep(EVERY)
        _, batch = cluster.api("GET", f"/api/batches/{batch['id']}")
    after = {role: usage_of(cluster.pids(role)) for role in ROLES}
    return summed(plan, batch, made, cluster.sandbox_counts(documents=True), {role: (before[role], after[role]) for role in ROLES})


def summed(plan: Plan, batch: dict[str, Any], made: float, counts: dict[str, Any], usage: dict[str, tuple[Usage, Usage]]) -> dict[str, Any]:
    """The numbers. Wall time is from the batch's making to its last settled job."""
    wall = (datetime.fromisoformat(batch["finished_at"]) - datetime.fromisoformat(batch["created_at"])).total_seconds()
    each = counts["calls"] / plan.documents
    ideal = plan.documents * each * plan.accept_ms / 1000 / plan.slots + plan.finish_ms / 1000
    return {
        "documents": plan.documents,
        "slots": plan.slots,
        "released_once": sum(document["releases"] == 1 for document in counts["documents"]),
        "batch_made_s": round(made, 2),
        "wall_s": round(wall, 2),
        "ideal_s": round(ideal, 2),
        "ratio": round(wall / ideal, 2),
        "documents_per_s": round(plan.documents / wall, 1),
        "calls_per_document": round(each, 3),
        "calls_by_route": {route: sum(by_status.values()) for route, by_status in counts["routes"].items()},
        "most_calls_at_once": counts["most_calls_at_once"],
        "cpu_ms_per_document": {role: round((b.cpu - a.cpu) * 1000 / plan.documents, 2) for role, (a, b) in usage.items()},
        "peak_mb": {role: round(b.peak / 1e6, 1) for role, (_, b) in usage.items()},
    }


def told(found: dict[str, Any]) -> str:
    """The numbers, a line each."""
    lines = []
    for name, value in found.items():
        shown = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        lines.append(f"{name.replace('_', ' '):<22}{shown}\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
