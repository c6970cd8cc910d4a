"""What a sandbox is started with: one frozen object. Times in `_ms` are milliseconds, all others seconds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CompanySettings:
    """One company (tenant) of the simulated ERP, with its own client, limits and webhook subscription.

    Empty ids are filled from the name: tenant `<name>`, client `<name>-client`, secret `<name>-secret`, webhook key `<name>-key`.
    `slots`: how many calls the client was told to have under way at once; more are counted as violations, never refused. 0: not counted.
    `utc_offset` is the company's fixed offset from UTC. `calls_per_hour` holds for each window of `window` seconds.
    """

    name: str = "demo"
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    webhook_url: str = ""
    webhook_key: str = field(default="", repr=False)
    calls_per_hour: int = 15_000
    window: float = 3_600.0
    slots: int = 0
    utc_offset: float = 3_600.0

    def __post_init__(self) -> None:
        """Fill what was left empty."""
        for name, value in (
            ("tenant_id", self.name),
            ("client_id", f"{self.name}-client"),
            ("client_secret", f"{self.name}-secret"),
            ("webhook_key", f"{self.name}-key"),
        ):
            if not getattr(self, name):
                object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Everything a sandbox can be told.

    `documents`: how many balanced production documents each company starts with. `items`: how many kits exist.
    `accept_ms`: how long a background call takes to be answered with 202. `finish_ms`: how long the operation runs after that, and
    how long a write without the background header takes. `jitter`: `finish_ms` varies by this share, up and down, by seed.
    `read_ms`: the time of a GET. `workers`: how many background operations run at once in each company.
    `public_url`: what stands before the paths that answers name; empty: the sandbox's own address.
    `release_status`: 202 makes every release go on after its answer. `retention`: how long the state of an operation is kept.
    `notify_empty`, `notify_failed`: whether operations that ended with 204, or Failed, are notified.
    `tries`, `first_retry`: how often a notification is sent in all, and the first wait between, which doubles.
    `repeat_window`, `refuse_repeats`: the rule about repeated failing requests. The others are the lengths of faults.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    companies: tuple[CompanySettings, ...] = (CompanySettings(),)
    documents: int = 0
    items: int = 50
    faults: Mapping[str, float] = field(default_factory=dict)
    public_url: str = ""
    accept_ms: float = 5.0
    finish_ms: float = 50.0
    read_ms: float = 0.0
    jitter: float = 0.2
    workers: int = 10_000
    max_page: int = 1_000
    release_status: int = 200
    token_seconds: float = 3_600.0
    retention: float = 86_400.0
    notify_empty: bool = False
    notify_failed: bool = True
    tries: int = 5
    first_retry: float = 0.5
    repeat_window: float = 300.0
    refuse_repeats: bool = False
    late_seconds: float = 2.0
    slow_seconds: float = 1.5
    storm_seconds: float = 1.5
    down_seconds: float = 2.0
    batch_seconds: float = 0.3
    forget_seconds: float = 1.0
    late_release_seconds: float = 1.5


_FIXED = frozenset({"host", "port", "companies", "documents", "items", "faults", "public_url"})
LIVE = frozenset(item.name for item in fields(SandboxSettings)) - _FIXED
"""Which settings a running sandbox takes by name."""

COMPANY_LIVE = frozenset({"webhook_url", "webhook_key", "calls_per_hour", "window", "slots"})
"""Which settings of a company may change while it runs."""


def checked(kind: type[SandboxSettings | CompanySettings], changes: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """The changes, each of the kind its default has. Raises `ValueError` that names what is wrong."""
    known = {item.name: item.default for item in fields(kind)}
    for name, value in changes.items():
        if name not in allowed:
            raise ValueError(f"unknown setting: {name}")
        if not _fits(known[name], value):
            raise ValueError(f"{name}: {value!r} is not like {known[name]!r}")
    return dict(changes)


def _fits(default: object, value: object) -> bool:
    """Whether a value is of the default's kind: numbers not negative, true and false only for switches."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and value >= 0
    if isinstance(default, int):
        return isinstance(value, int) and value >= 0
    return isinstance(value, str)
