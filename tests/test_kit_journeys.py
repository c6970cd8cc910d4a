"""Journeys of kits over real processes and three simulated ERPs: a change in one is carried to the others, and nothing is written twice."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("journeys")]

COMPANIES: Final = ("north", "south", "west")
KITS: Final = 5
PATIENCE: Final = 120.0
BOTH: Final = ("itempath", "visma")


def plan_of(**sync: Any) -> Plan:
    """Intacct is the source; ItemPath and Visma follow."""
    return Plan(
        documents=0,
        accept_ms=10,
        finish_ms=30,
        read_ms=5,
        erps=("visma", "itempath", "intacct"),
        companies=COMPANIES,
        sync={"source": "intacct", "targets": list(BOTH), "compare_every": "never", **sync},
    )


def test_kits_in_step(tmp_path: Path) -> None:
    """A change in Intacct arrives as a trigger and is carried over, in three tenants at once; a second sync writes nothing."""
    with Cluster(tmp_path / "cluster", plan_of()) as cluster:
        stock(cluster)
        codes = cluster.sandbox("GET", "kits/intacct/north")["codes"][:KITS]
        changed = {company: edit(cluster, "intacct", company, codes[number]) for number, company in enumerate(COMPANIES)}
        for company, (code, wanted) in changed.items():
            for erp in BOTH:
                until(lambda: lines(cluster, erp, company, code) == wanted, f"{company}: {erp} does not follow")  # noqa: B023 - read at once
        until(lambda: not open_jobs(cluster), "the syncs do not end")
        before = effects(cluster)
        again = [sync(cluster, company, code) for company, (code, _) in changed.items()]
        ended = [settled(cluster, job) for job in again]
        after = effects(cluster)
    assert [job["state"] for job in ended] == ["succeeded"] * len(COMPANIES)
    assert not any(job["result"]["wrote"] for job in ended)
    assert after == before
    assert all(count["created_twice"] == 0 for count in after.values())


def test_comparison_finds_edits(tmp_path: Path) -> None:
    """A change in the warehouse, which nobody announces, is found by the scheduled comparison and put right."""
    with Cluster(tmp_path / "cluster", plan_of(targets=["itempath"], compare_every="3s")) as cluster:
        stock(cluster)
        codes = cluster.sandbox("GET", "kits/intacct/north")["codes"][:KITS]
        wanted = {company: lines(cluster, "intacct", company, codes[0]) for company in COMPANIES}
        for company in COMPANIES:
            edit(cluster, "itempath", company, codes[0])
        for company in COMPANIES:
            until(
                lambda: lines(cluster, "itempath", company, codes[0]) == wanted[company],  # noqa: B023 - read at once
                f"{company}: the edit is not found",
            )
        until(lambda: not open_jobs(cluster), "the syncs do not end")
        counts = effects(cluster)
        _, batches = cluster.api("GET", "/api/batches?limit=100")
    assert {count["effects"]["updates"] for count in counts.values()} == {1}
    ended = [(batch["tenant"], batch["total"]) for batch in batches["items"] if batch["state"] != "planning"]
    assert sorted(ended) == [(company, 1) for company in COMPANIES], "a comparison that finds nothing leaves no batch"


def stock(cluster: Cluster) -> None:
    """The same kits everywhere."""
    for company in COMPANIES:
        cluster.sandbox("POST", "kits", {"count": KITS, "lines_each": 4, "company": company})


def edit(cluster: Cluster, erp: str, company: str, code: str) -> tuple[str, list[tuple[str, Decimal]]]:
    """A person changes the first line's quantity there; the code, and what the kit has now."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{company}/{code}")
    kit["lines"] = [{name: value for name, value in line.items() if value is not None} for line in kit["lines"]]
    kit["lines"][0]["quantity"] = str(Decimal(kit["lines"][0]["quantity"]) + 7)
    cluster.sandbox("PUT", f"kits/{erp}/{company}/{code}", {"lines": kit["lines"], "announce": True})
    return code, lines(cluster, erp, company, code)


def lines(cluster: Cluster, erp: str, company: str, code: str) -> list[tuple[str, Decimal]]:
    """What a kit has there now."""
    kit = cluster.sandbox("GET", f"kits/{erp}/{company}/{code}")
    return sorted((line["component"], Decimal(line["quantity"])) for line in kit["lines"])


def effects(cluster: Cluster) -> dict[str, Any]:
    """What took effect in ItemPath, by company."""
    return {
        company: {name: counts[name] for name in ("effects", "created_twice")}
        for company in COMPANIES
        for counts in (cluster.sandbox_counts(erp="itempath", company=company),)
    }


def sync(cluster: Cluster, company: str, code: str) -> str:
    """Ask for a sync; its job."""
    status, job = cluster.api("POST", "/api/jobs", {"tenant": company, "kind": "sync_kit_lines", "arguments": {"kit": code}})
    assert status == 202, job
    return str(job["id"])


def settled(cluster: Cluster, job: str) -> dict[str, Any]:
    """The job when it has ended."""
    found: dict[str, Any] = {}

    def ended() -> bool:
        found.update(cluster.api("GET", f"/api/jobs/{job}")[1])
        return found["state"] in {"succeeded", "failed", "cancelled"}

    until(ended, "the job does not end")
    return found


def open_jobs(cluster: Cluster) -> int:
    """How many have not ended."""
    return sum(len(cluster.api("GET", f"/api/jobs?state={state}")[1]["items"]) for state in ("queued", "running", "waiting", "retrying"))


def until(ready: Callable[[], object], otherwise: str) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)
