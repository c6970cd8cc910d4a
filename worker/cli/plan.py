"""What a cluster is to run: how many documents, which faults, which ERPs, and for which companies."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - tools that read the records resolve their annotations
from dataclasses import dataclass, field
from typing import Any, Final

TENANT: Final = "demo"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. Times in `_ms` are milliseconds.

    `erps`: those that each tenant has a connection to. `companies`: each is a company in every simulated ERP, and a tenant of that name.
    `visma`, `itempath`, `intacct` and `sync` are further keys of every tenant's tables, as they stand in kitrelay.toml; `general` keys
    above all tables; `notices`, `sources` and `rules` every tenant's lists of tables. `notified` False: the ERPs
    have no address to tell.
    """

    documents: int = 200
    faults: tuple[str, ...] = ()
    seed: int = 1
    slots: int = 8
    accept_ms: float = 50.0
    finish_ms: float = 300.0
    read_ms: float = 20.0
    calls_per_hour: int = 1_000_000
    worker_threads: int | None = None
    web_processes: int | None = None
    notified: bool = True
    visma: Mapping[str, str | int | bool] = field(default_factory=dict)
    general: Mapping[str, str | int] = field(default_factory=dict)
    erps: tuple[str, ...] = ("visma",)
    companies: tuple[str, ...] = (TENANT,)
    itempath: Mapping[str, str | int | bool] = field(default_factory=dict)
    intacct: Mapping[str, str | int | bool] = field(default_factory=dict)
    sync: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
