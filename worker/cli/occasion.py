"""Settings made for the occasion: a kitrelay.toml for simulated ERPs, and what these are told of us."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker.cli.toml import lines_of, table_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worker.cli.plan import Plan

KEY_NAME: Final = "demo"
HEADER: Final = "Authorization"


def _made() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where things are this time, and the secrets between us and the simulated ERPs."""

    plan: Plan
    folder: Path
    port: int
    sandbox_port: int
    api_key: str = field(default_factory=_made, repr=False)
    webhook_key: str = field(default_factory=_made, repr=False)
    push_secret: str = field(default_factory=_made, repr=False)

    def settings_text(self) -> str:
        """A whole kitrelay.toml."""
        plan = self.plan
        general: dict[str, Any] = {"database_url": database_url(self.folder), "port": self.port, "web_processes": plan.web_processes}
        general |= {"worker_threads": plan.worker_threads, **plan.general}
        key = {"name": KEY_NAME, "key": self.api_key, "role": "admin", "tenants": ["*"]}
        tenants = [line for company in plan.companies for line in self._tenant(company)]
        return "\n".join([*lines_of(general), *table_of("[[api_keys]]", key), *tenants, ""])

    def told(self) -> dict[str, dict[str, str]]:
        """What each company of the simulated ERPs is told: where its notifications go, and how they are proved."""
        return {company: self._addresses(company) for company in self.plan.companies}

    def _tenant(self, company: str) -> list[str]:
        lines = [line for erp in self.plan.erps for line in table_of(f"[tenants.{company}.{erp}]", CONNECTIONS[erp](self, company))]
        lines += table_of(f"[tenants.{company}.sync]", self.plan.sync) if self.plan.sync else []
        lists = {"notices": self.plan.notices, "sources": self.plan.sources, "rules": self.plan.rules}
        return [
            *lines,
            *(line for name, tables in lists.items() for each in tables for line in table_of(f"[[tenants.{company}.{name}]]", each)),
        ]

    def _addresses(self, company: str) -> dict[str, str]:
        urls = {erp: f"http://127.0.0.1:{self.port}/webhooks/{erp}/{company}" for erp in self.plan.erps if self.plan.notified}
        found = {"webhook_url": urls.get("visma", ""), "webhook_key": self.webhook_key}
        if "itempath" in self.plan.erps:
            found |= {
                "itempath_push_url": urls.get("itempath", ""),
                "itempath_push_header": HEADER,
                "itempath_push_secret": self.push_secret,
            }
        if "intacct" in self.plan.erps:
            found |= {"intacct_webhook_url": urls.get("intacct", "")}  # signed with the client's secret, which both sides know
        return found


def database_url(folder: Path) -> str:
    """The ledger of a cluster."""
    return f"sqlite:///{folder}/kitrelay.db"


def _visma(now: Occasion, company: str) -> dict[str, Any]:
    return {
        "base_url": f"http://127.0.0.1:{now.sandbox_port}",
        "token_url": f"http://127.0.0.1:{now.sandbox_port}/connect/token",
        "client_id": f"{company}-client",
        "client_secret": f"{company}-secret",
        "tenant_id": company,
        "webhook_keys": [now.webhook_key],
        "slots": now.plan.slots,
        "calls_per_hour": now.plan.calls_per_hour,
        **now.plan.visma,
    }


def _itempath(now: Occasion, company: str) -> dict[str, Any]:
    return {
        "base_url": f"http://127.0.0.1:{now.sandbox_port}/itempath/{company}",
        "username": f"{company}-user",
        "password": f"{company}-password",
        "webhook_header": HEADER,
        "webhook_secret": now.push_secret,
        **now.plan.itempath,
    }


def _intacct(now: Occasion, company: str) -> dict[str, Any]:
    return {
        "base_url": f"http://127.0.0.1:{now.sandbox_port}/ia/api/v1",
        "client_id": f"{company}-client",
        "client_secret": f"{company}-secret",
        "username": f"relay@{company}",
        **now.plan.intacct,
    }


CONNECTIONS: Final[dict[str, Callable[[Occasion, str], dict[str, Any]]]] = {"visma": _visma, "itempath": _itempath, "intacct": _intacct}
"""The table of a tenant's connection, by ERP; names and secrets are those that the simulated ERPs give their companies."""
