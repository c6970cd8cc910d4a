"""A large batch: how long it takes to make, what the processes weigh while it drains, how soon a pause and a cancel act.

    python -m tests.bench.bulk [--documents 100000] [--seconds 300] [--slots 50] [--json]

The sandbox is fast (1 ms to accept, 20 ms to finish). Memory is the sum over each role's processes now, from /proc, every five seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker import logs
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES: Final = ("web", "worker", "scheduler", "redis", "sandbox")
STARTS: Final = "POST /v1/kitassembly/{type}/{refNo}/action/release"
SAMPLE: Final = 5.0
PATIENCE: Final = 60.0


def main(words: Sequence[str] | None = None) -> int:
    """Run once; 1 if a document was released twice, or a pause or cancel took longer than a second. A batch that ended takes neither."""
    found = argparse.ArgumentParser(prog="python -m tests.bench.bulk", description="A large batch: making, draining, pausing, cancelling.")
    found.add_argument("--documents", type=int, default=100_000)
    found.add_argument("--seconds", type=float, default=300.0, help="how long it drains")
    found.add_argument("--slots", type=int, default=50)
    found.add_argument("--json", action="store_true")
    options = found.parse_args(words)
    logs.set_up()
    plan = Plan(
        documents=options.documents,
        slots=options.slots,
        accept_ms=1.0,
        finish_ms=20.0,
        read_ms=1.0,
        calls_per_hour=1_000_000_000,
        worker_threads=max(32, options.slots),
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Cluster(Path(folder), plan) as cluster:
        result = measured(cluster, options.seconds)
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else told(result))
    late = [act for act in ("pause_s", "cancel_s") if (result[act] or 0.0) > 1.0]
    return 1 if result["released_twice"] or late else 0


def measured(cluster: Cluster, seconds: float) -> dict[str, Any]:
    """Make it, let it drain, pause it, go on, cancel it."""
    began = time.monotonic()
    items = [{"type": "P", "ref_no": f"{number:06}"} for number in range(1, cluster.plan.documents + 1)]
    body = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "items": items}
    status, batch = cluster.api("POST", "/api/batches", body, timeout=600.0)
    if status >= 400:
        raise SystemExit(f"the receiver refuses the batch: {batch}")
    made = time.monotonic() - began
    started = time.monotonic()
    samples = drained(cluster, batch["id"], seconds)
    drained_for = time.monotonic() - started
    pause = acted(cluster, batch["id"], "pause")
    cluster.api("POST", f"/api/batches/{batch['id']}/resume")
    time.sleep(2.0)
    cancel = acted(cluster, batch["id"], "cancel")
    counts = cluster.sandbox_counts()
    return {
        "documents": cluster.plan.documents,
        "made_s": round(made, 1),
        "drained_s": round(drained_for, 1),
        "released": counts["effects"]["releases"],
        "released_twice": counts["released_twice"],
        "documents_per_s": round(samples[-1]["released"] / drained_for, 1),
        "calls_per_document": round(counts["calls"] / max(1, counts["effects"]["releases"]), 3),
        "first_mb": samples[0]["mb"],
        "middle_mb": samples[len(samples) // 2]["mb"],
        "last_mb": samples[-1]["mb"],
        "peak_mb": {role: max(sample["mb"][role] for sample in samples) for role in ROLES},
        "pause_s": pause,
        "cancel_s": cancel,
    }


def drained(cluster: Cluster, batch: str, seconds: float) -> list[dict[str, Any]]:
    """Samples of memory and progress while it drains, for so long or until it has ended."""
    until = time.monotonic() + seconds
    samples = []
    while time.monotonic() < until:
        time.sleep(min(SAMPLE, max(0.0, until - time.monotonic())))
        released = cluster.sandbox_counts()["effects"]["releases"]
        samples.append({"released": released, "mb": {role: round(resident(cluster.pids(role)) / 1e6, 1) for role in ROLES}})
        if cluster.api("GET", f"/api/batches/{batch}")[1]["finished_at"] is not None:
            break
    return samples


def resident(pids: list[int]) -> int:
    """Bytes of memory that the processes have now."""
    total = 0
    for pid in pids:
        try:
            total += int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * 4096
        except OSError:
            continue
    return total


def acted(cluster: Cluster, batch: str, action: str) -> float | None:
    """Seconds from the call to the last start that the ERP saw; None for a batch that has ended by itself."""
    began = last = time.monotonic()
    if cluster.api("POST", f"/api/batches/{batch}/{action}")[0] >= 400:
        return None
    seen = starts(cluster)
    while time.monotonic() - last < 2.0 and time.monotonic() - began < PATIENCE:
        time.sleep(0.02)
        now = starts(cluster)
        if now != seen:
            seen, last = now, time.monotonic()
    return round(last - began, 2)


def starts(cluster: Cluster) -> int:
    """Releases that were asked for."""
    found: dict[str, int] = cluster.sandbox_counts()["routes"].get(STARTS, {})
    return sum(found.values())


def told(found: dict[str, Any]) -> str:
    """The numbers, a line each."""
    lines = []
    for name, value in found.items():
        shown = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        lines.append(f"{name.replace('_', ' '):<20}{shown}\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
