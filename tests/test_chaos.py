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
PATIENT = {"retry_first": "500ms", "retry_max": "5s", "repeat_window": "10s", "second_look": "3s"}
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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", ["intacct", "itempath"])
@pytest.mark.parametrize("seed", [1, 2])
def test_kits_under_faults_and_kills(tmp_path: Path, source: str, seed: int) -> None:
    """Under every fault of the warehouse and the books, with roles killed at random: no line is made twice, every sync ends.

    A kit whose sync succeeded is in step; one that failed has a true reason.
    """
    chance = random.Random(seed)
    target = "itempath" if source == "intacct" else "intacct"
    plan = Plan(
        documents=0,
        faults=("all-itempath", "all-intacct"),
        seed=seed,
        erps=("itempath", "intacct"),
        itempath=PATIENT | {"import_timeout": "15s"},
        intacct=PATIENT,
        sync={"source": source, "targets": [target], "compare_every": "never"},
    )
    with Cluster(tmp_path / "cluster", plan) as cluster:
        cluster.sandbox("POST", "kits", {"count": 60, "lines_each": 5, "erps": ["itempath", "intacct"]})
        codes = cluster.sandbox("GET", f"kits/{target}/{cluster.tenant}")["codes"][:60]
        for code in codes:
            _disturb(cluster, target, code)
        body = {"tenant": cluster.tenant, "kind": "sync_kit_lines", "select": {"all": True}}
        batch = cluster.api("POST", "/api/batches", body)[1]["id"]
        for _ in range(8):
            time.sleep(chance.uniform(1.0, 4.0))
            _strike(cluster, chance)
        ended = _ended(cluster, batch)
        jobs = cluster.api("GET", f"/api/jobs?batch={batch}&limit=500")[1]["items"]
        counts = cluster.sandbox_counts(erp=target)
        differing = [code for code in codes if _lines(cluster, source, code) != _lines(cluster, target, code)]
    failed = {job["arguments"]["kit"]: job["error"] for job in jobs if job["state"] == "failed"}
    assert counts["created_twice"] == 0
    assert ended["total"] == len(codes)
    assert set(differing) <= set(failed), "a sync that succeeded left a difference"
    assert {error["class"] for error in failed.values()} <= {"timeout", "in_doubt", "conflict"}, failed


def _disturb(cluster: Cluster, erp: str, code: str) -> None:
    """Somebody there changed a quantity, dropped a line and added one."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{cluster.tenant}/{code}")
    kept = [{name: value for name, value in line.items() if value is not None} for line in kit["lines"]]
    kept[0]["quantity"] = "77"
    kept[1] = {"component": "C-EXTRA", "quantity": "3"}
    cluster.sandbox("PUT", f"kits/{erp}/{cluster.tenant}/{code}", {"lines": kept})


def _lines(cluster: Cluster, erp: str, code: str) -> list[tuple[str, str]]:
    """What a kit has there now."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{cluster.tenant}/{code}")
    return sorted((line["component"], line["quantity"]) for line in kit["lines"])


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
