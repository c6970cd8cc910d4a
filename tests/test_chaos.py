"""Minutes of faults and kills together: `pytest -m chaos`."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.chaos
QUICK = {"first_poll": "2s", "second_look": "3s", "poll_max": "5s", "retry_first": "500ms", "retry_max": "5s", "repeat_window": "10s"}
FAULTS = {"all": ("all",), "all-lost": ("all", "lost=1.0")}
REASON = "will go negative"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("faults", list(FAULTS))
def test_faults_and_kills(tmp_path: Path, faults: str, seed: int) -> None:
    """Under every fault, with roles killed at random all the while.

    One release for each document that can be released, a true reason for the others.
    """
    chance = random.Random(seed)
    plan = Plan(documents=400, slots=8, accept_ms=60, faults=FAULTS[faults], seed=seed, visma=QUICK)
    with Cluster(tmp_path / "cluster", plan) as cluster:
        body = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}}
        batch = cluster.api("POST", "/api/batches", body)[1]["id"]
        for _ in range(8):
            time.sleep(chance.uniform(1.0, 4.0))
            _strike(cluster, chance)
        ended = _ended(cluster, batch)
        failed = cluster.api("GET", f"/api/jobs?batch={batch}&state=failed&limit=500")[1]["items"]
        counts = cluster.sandbox_counts(documents=True)
    released = {document["key"]: document["releases"] for document in counts["documents"]}
    reasons = {job["reference"]: job["error"]["message"] for job in failed}
    assert max(released.values()) == 1
    assert sum(released.values()) + len(reasons) == plan.documents == ended["total"], ended
    assert all(REASON in reason for reason in reasons.values()), reasons
    assert counts["overlapped_documents"] == 0


def _strike(cluster: Cluster, chance: random.Random) -> None:
    role = chance.choice(["worker", "worker", "web", "scheduler"])
    if cluster.running(role):
        cluster.kill(role, chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))


def _ended(cluster: Cluster, batch: str) -> dict[str, Any]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        time.sleep(1.0)
        try:
            status, found = cluster.api("GET", f"/api/batches/{batch}")
        except OSError:  # the receiver is dead just now
            continue
        if status == 200 and found["state"] in {"succeeded", "finished"}:
            return dict(found)
    pytest.fail("the batch does not end")
