"""What a cluster's processes are told: settings made for the occasion, and an environment without the user's own."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from worker.cli.cluster import Plan

TENANT: Final = "demo"
KEY_NAME: Final = "demo"
PORTS: Final = range(21_000, 31_000)  # below those that outgoing calls take
OURS: Final = ("DATABASE_URL", "REDIS_URL", "PORT", "WEB_CONCURRENCY", "KITRELAY_API_KEY", "KITRELAY_PLACE")
"""What the user's environment may say of another kitrelay."""


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def environ_of(file: Path) -> dict[str, str]:
    """What stands above the environment of a child. Empty counts as not given."""
    return {**{name: "" for name in OURS if name in os.environ and name != "KITRELAY_PLACE"}, "KITRELAY_CONFIG": str(file)}


def sandbox_words(plan: Plan, port: int) -> tuple[str, ...]:
    """The options of the simulated ERP."""
    given = {
        "port": port,
        "documents": plan.documents,
        "seed": plan.seed,
        "accept-ms": plan.accept_ms,
        "finish-ms": plan.finish_ms,
        "read-ms": plan.read_ms,
        "calls-per-hour": plan.calls_per_hour,
        "slots": plan.slots,
    }
    return ("--announce", *(f"--{name}={value}" for name, value in given.items()), *(f"--fault={each}" for each in plan.faults))


def database_url(folder: Path) -> str:
    """The ledger of a cluster."""
    return f"sqlite:///{folder}/kitrelay.db"


def settings_text(plan: Plan, folder: Path, port: int, sandbox_port: int, api_key: str, webhook_key: str) -> str:
    """A whole kitrelay.toml."""
    general: dict[str, Any] = {"database_url": database_url(folder), "port": port, "web_processes": plan.web_processes}
    general |= {"worker_threads": plan.worker_threads, **plan.general}
    visma = {
        "base_url": f"http://127.0.0.1:{sandbox_port}",
        "token_url": f"http://127.0.0.1:{sandbox_port}/connect/token",
        "client_id": "demo-client",
        "client_secret": "demo-secret",
        "tenant_id": "demo",
        "webhook_keys": [webhook_key],
        "slots": plan.slots,
        "calls_per_hour": plan.calls_per_hour,
        **plan.visma,
    }
    key = {"name": KEY_NAME, "key": api_key, "role": "admin", "tenants": ["*"]}
    return "\n".join([*_lines(general), "[[api_keys]]", *_lines(key), f"[tenants.{TENANT}.visma]", *_lines(visma), ""])


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name} = {_toml(value)}" for name, value in values.items() if value is not None)


def _toml(value: Any) -> str:  # noqa: ANN401 - what TOML may hold
    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
