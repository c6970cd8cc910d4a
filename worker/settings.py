"""Settings: one frozen object, read once at start from `kitrelay.toml` and the environment.

The shape is the contract's; `worker.configuration` reads it. Durations are seconds.
Secrets are `Secret`: they show as `***` wherever they are printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

ERPS: Final = ("visma", "itempath", "intacct")
ROLES: Final = ("view", "operate", "admin")
Role = Literal["view", "operate", "admin"]
JOB_KINDS: Final = (
    "create_kit_assembly",
    "update_kit_assembly",
    "delete_kit_assembly",
    "release_kit_assembly",
    "sync_kit_lines",
    "create_kit_line",
    "update_kit_line",
    "delete_kit_line",
    "create_kit_component",
    "update_kit_component",
    "delete_kit_component",
)
"""The names of the kinds of job that change something, for rules; what each takes is said by `worker.kinds`."""
READ_KINDS: Final = ("read_kit_assembly", "read_kit")
"""The kinds that only look: somebody waits for what they see, so no rule asks for them, and nobody is told of their ends."""
NOTICES: Final = "notices"
"""Stands where a lane names its ERP: a tenant's outbound notices have a lane of their own."""
SEND_NOTICE: Final = "send_notice"
"""The kind of job that delivers a notice. It is made by what it tells of, never asked for: it is no name for rules or the API."""
NOTICE_EVENTS: Final = ("job.succeeded", "job.failed", "batch.finished", "connection.broken", "connection.recovered")
WHOLE_UNITS: Final = ("EA", "EACH", "PC", "PCS", "PIECE", "PIECES", "STK", "STYKK")
VISMA_SCOPES: Final = " ".join(f"vismanet_erp_service_api:{verb}" for verb in ("read", "create", "update", "delete"))


class Secret:
    """A value that must not be seen. `reveal()` gives it; str and repr never do."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends or checks it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who may use the API: `tenants` are names, or `("*",)` for all."""

    name: str
    key: Secret
    role: Role
    tenants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when a failed start is tried again; the same for every ERP. Seconds.

    `repeat_window`: the same request is sent at most twice within it while it fails (Visma counted such repeats over five minutes).
    `waits`: the wait after the first, second … failure, in place of waits that double from `first` to `most`; the last one stays.
    """

    attempts: int = 8
    first: float = 5.0
    most: float = 900.0
    repeat_window: float = 300.0
    waits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Visma:
    """One company in Visma Net ERP."""

    base_url: str
    token_url: str
    client_id: str
    client_secret: Secret
    tenant_id: str
    scopes: str = VISMA_SCOPES
    webhook_keys: tuple[Secret, ...] = ()
    background: Literal["subscription", "none", "url"] = "subscription"
    callback_url: str = ""
    callback_tokens: tuple[Secret, ...] = ()
    slots: int = 8
    calls_per_hour: int = 15_000
    retries: Retries = field(default_factory=Retries)
    first_poll: float | None = None  # None: 30 s for create and release, 5 s for update and delete
    poll_max: float = 900.0
    second_look: float = 120.0
    give_up: float = 79_200.0
    mark_description: bool = True


@dataclass(frozen=True, slots=True)
class ItemPath:
    """One ItemPath server before Power Pick. `token` (an application token) or `username` with `password`.

    `webhook_kits`: JMESPath over a Data Push record, whose keys each customer chooses, that gives the code of the kit, or several.
    """

    base_url: str
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    webhook_secret: Secret | None = None
    webhook_header: str = "Authorization"
    webhook_kits: str = "not_null(kits, kit, previousName, kitName, kit_name, name)"
    slots: int = 1
    calls_per_hour: int | None = None
    import_timeout: float = 600.0
    second_look: float = 120.0
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True, slots=True)
class Intacct:
    """One company in Sage Intacct. `webhook_keys`: what triggers are signed with, where it is not `client_secret` (while rotating).

    `webhook_kits`: JMESPath over a trigger's body, whose template each customer writes, that gives the code of the kit, or several.
    """

    base_url: str
    client_id: str
    client_secret: Secret
    username: str
    entity: str = ""
    slots: int = 2
    calls_per_hour: int | None = None
    second_look: float = 120.0
    webhook_keys: tuple[Secret, ...] = ()
    webhook_kits: str = "not_null(kit.id, kits, kit, id, ID)"
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True, slots=True)
class UnitRule:
    """What a unit's text means in one system: `factor` of `base`. `item`: for one component only; None: for all."""

    erp: str
    unit: str
    base: str
    factor: Decimal = Decimal(1)
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """An item or kit that has another code in one system: `code` there is `name` everywhere else."""

    erp: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    """Defaults of kit-line syncs. `compare_every` seconds, None for never; `most_deletes` a share from 0 to 1.

    `order`: line numbers follow the source's order, too. `merge`: lines of one component are summed. `places`: decimal places that
    quantities are compared to. `whole_units`: units that can't be split. `revenue`: how shares are set on lines that a sync makes or
    drops in Intacct; `revenue_table` by component, in percent, for `from_table`. `ignore_case`: codes that differ in case alone are one.
    """

    source: str | None = None
    targets: tuple[str, ...] = ()
    nested: dict[str, Literal["preserve", "explode"]] = field(default_factory=dict)  # by target
    keep_whole: tuple[str, ...] = ()
    visma_recipe: Literal["specification", "assembly"] = "specification"
    create_missing: bool = False
    most_deletes: float = 0.3
    compare_every: float | None = 900.0
    units: tuple[UnitRule, ...] = ()
    aliases: tuple[Alias, ...] = ()
    ignore_case: bool = True
    order: bool = False
    merge: bool = False
    places: int = 6
    whole_units: tuple[str, ...] = WHOLE_UNITS
    revenue: Literal["omit", "equal", "by_cost", "from_table"] = "omit"
    revenue_table: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Who may send inbound triggers, and how a body proves where it came from."""

    name: str
    scheme: Literal["standard-webhooks", "hmac-sha256", "bearer"]
    secrets: tuple[Secret, ...]
    header: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    id_header: str = ""
    id: str = ""
    per_minute: int = 600


@dataclass(frozen=True, slots=True)
class Rule:
    """Event-triggered work; expressions are JMESPath text. `do` is a kind of job; `arguments` is the file's `with`."""

    source: str
    on: str
    do: str
    arguments: dict[str, str]
    when: str = ""
    each: str = ""
    unique_key: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Who is told of what happens: `url` gets each of `events`, signed with every one of `secrets`.

    `kinds`: only of jobs and batches of these kinds; empty for all. `allow_private`: the host may have an address that is not public.
    """

    name: str
    url: str = field(repr=False)  # its path may be as good as a password
    secrets: tuple[Secret, ...]
    events: tuple[str, ...] = NOTICE_EVENTS
    kinds: tuple[str, ...] = ()
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer: its connections, sources and rules, and who is told of what happens."""

    name: str
    visma: Visma | None = None
    itempath: ItemPath | None = None
    intacct: Intacct | None = None
    sync: Sync = field(default_factory=Sync)
    sources: dict[str, Source] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    notices: dict[str, Notice] = field(default_factory=dict)

    def erps(self) -> tuple[str, ...]:
        """The ERPs this tenant has a connection to."""
        return tuple(erp for erp in ERPS if getattr(self, erp) is not None)

    def lanes(self) -> tuple[str, ...]:
        """Where this tenant has work: its ERPs, and its notices if it has any."""
        return (*self.erps(), NOTICES) if self.notices else self.erps()


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing chain, in seconds, each longer than the one inside it; and the beat of workers."""

    connect: float = 5.0
    call: float = 35.0
    step: float = 60.0
    lease: float = 90.0
    visibility: float = 300.0
    beat: float = 3.0
    dead_after: float = 12.0  # a worker that has not beaten for so long is dead: its leases are free


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything kitrelay was told. `redis_url` is empty for an embedded Redis of our own."""

    database_url: str = field(default="sqlite:///var/kitrelay.db", repr=False)  # it may hold a password, and so may the next
    redis_url: str = field(default="", repr=False)
    port: int = 8000
    web_processes: int = 2
    worker_threads: int = 32
    keep_jobs: float = 90 * 86_400.0
    keep_exchanges: float = 14 * 86_400.0
    keep_deliveries: float = 30 * 86_400.0
    api_keys: tuple[ApiKey, ...] = ()
    tenants: dict[str, Tenant] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
