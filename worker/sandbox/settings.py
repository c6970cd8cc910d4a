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

    `itempath_username`, `_password`, `_token` (application token): of its ItemPath installation. `itempath_writers`: like `slots`, for
    writes (documented: Power Pick comes with one login). `itempath_push_url`, `_push_header`, `_push_secret`: its Data Push.

    `intacct_slots`: how many calls may be under way in its Intacct at once; more are refused. 0: any number. `intacct_entities`: the ids
    of its entities, with blanks between. `intacct_webhook_url`: where its platform triggers go; `intacct_webhook_key` signs them
    (empty: the client's secret).
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
    itempath_username: str = ""
    itempath_password: str = field(default="", repr=False)
    itempath_token: str = field(default="", repr=False)
    itempath_writers: int = 1
    itempath_push_url: str = ""
    itempath_push_header: str = "Authorization"
    itempath_push_secret: str = field(default="", repr=False)
    intacct_slots: int = 2
    intacct_entities: str = "E100 E200"
    intacct_webhook_url: str = ""
    intacct_webhook_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Fill what was left empty."""
        for name, value in (
            ("tenant_id", self.name),
            ("client_id", f"{self.name}-client"),
            ("client_secret", f"{self.name}-secret"),
            ("webhook_key", f"{self.name}-key"),
            ("itempath_username", f"{self.name}-user"),
            ("itempath_password", f"{self.name}-password"),
            ("itempath_token", f"{self.name}-application-token"),
            ("itempath_push_secret", f"{self.name}-push-secret"),
            ("intacct_webhook_key", self.client_secret or f"{self.name}-secret"),
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

    ItemPath, where the documents are silent or differ (see `worker.sandbox.itempath`): `import_ms`: from acceptance to Power Pick's import,
    with `jitter`. `itempath_write_ms`: the time of a write. `itempath_token_seconds`, `_refresh_seconds`: lives of the tokens.
    `itempath_log`: calls kept in its log (from the next reset). `itempath_offset`: by how much its clock, of which no answer names the
    zone, is ahead of UTC. `itempath_limit`: rows of a list without `limit` (1000; older: 250); `itempath_page_alone_all`: `page` without
    `limit` returns everything (older). `itempath_old_lines`: lines have `materialName` and no `kitId` (older). `itempath_count`: what
    `countOnly` answers. `itempath_update`: the verb of updates. `itempath_delete`: which form of a delete there is; the other one, or
    another verb, is answered with `itempath_no_form`. `itempath_taken_number`, `itempath_unknown_id`: whether a write with a taken line
    number, or an id that nothing has, is refused at once, at its import, or (numbers) never; `itempath_number_scope`: among which lines a
    number is taken. `itempath_keeps_ids`: whether a line keeps the id of the create's answer. `itempath_no_answer`: whether
    `itempath-timeout` closes the connection or holds it for `itempath_hold_seconds`. `slow_import_seconds`: how late `import-slow` is.

    Intacct: `intacct_ms`: the time of a call. `intacct_token_seconds`: a token's life. `intacct_one_token`: whether a second authorisation
    of a user kills the first. `intacct_page`: references in a list. `intacct_retry_after`: seconds that a 429 names.
    `intacct_tell_api`: whether writes of the API fire triggers, too. `intacct_template`: a trigger's body, with the marks `{!kit.id!}`,
    `{!kit.key!}`, `{!object!}`, `{!event!}`, `{!key!}` and `{!user!}`. `intacct_signature`: the header is the JWT, or JSON around it.
    `intacct_jwt_times`: how its times count. `intacct_retry_scale`: share of the 10, 30 and 90 seconds between attempts.
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
    import_ms: float = 300.0
    itempath_write_ms: float = 5.0
    itempath_token_seconds: float = 900.0
    itempath_refresh_seconds: float = 2_592_000.0
    itempath_log: int = 20_000
    itempath_offset: float = 0.0
    itempath_limit: int = 1_000
    itempath_page_alone_all: bool = False
    itempath_old_lines: bool = False
    itempath_count: str = "count"
    itempath_update: str = "PUT"
    itempath_delete: str = "both"
    itempath_no_form: int = 404
    itempath_taken_number: str = "import"
    itempath_unknown_id: str = "at-once"
    itempath_number_scope: str = "kit"
    itempath_keeps_ids: bool = True
    itempath_no_answer: str = "close"
    itempath_hold_seconds: float = 60.0
    slow_import_seconds: float = 3.0
    intacct_ms: float = 5.0
    intacct_token_seconds: float = 21_600.0
    intacct_one_token: bool = True
    intacct_page: int = 100
    intacct_retry_after: int = 1
    intacct_tell_api: bool = True
    intacct_template: str = '{"kit":{"id":"{!kit.id!}","key":"{!kit.key!}"},"object":"{!object!}","event":"{!event!}"}'
    intacct_signature: str = "jwt"
    intacct_jwt_times: str = "ms"
    intacct_retry_scale: float = 1.0


_FIXED = frozenset({"host", "port", "companies", "documents", "items", "faults", "public_url"})
LIVE = frozenset(item.name for item in fields(SandboxSettings)) - _FIXED
"""Which settings a running sandbox takes by name."""

COMPANY_LIVE = frozenset(
    {
        *("webhook_url", "webhook_key", "calls_per_hour", "window", "slots"),
        *("itempath_writers", "itempath_push_url", "itempath_push_header", "itempath_push_secret"),
        *("intacct_slots", "intacct_entities", "intacct_webhook_url", "intacct_webhook_key"),
    }
)
"""Which settings of a company may change while it runs."""

CHOICES = {
    "itempath_count": ("count", "rows", "bare"),
    "itempath_update": ("PUT", "POST", "both"),
    "itempath_delete": ("both", "printed", "general"),
    "itempath_no_form": (404, 405),
    "itempath_taken_number": ("import", "at-once", "never"),
    "itempath_unknown_id": ("at-once", "import"),
    "itempath_number_scope": ("kit", "table"),
    "itempath_no_answer": ("close", "hold"),
    "intacct_signature": ("jwt", "json"),
    "intacct_jwt_times": ("ms", "seconds", "mixed"),
}
"""The values of those settings that have only a few."""


def checked(kind: type[SandboxSettings | CompanySettings], changes: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """The changes, each of the kind its default has. Raises `ValueError` that names what is wrong."""
    known = {item.name: item.default for item in fields(kind)}
    for name, value in changes.items():
        if name not in allowed:
            raise ValueError(f"unknown setting: {name}")
        if not _fits(known[name], value):
            raise ValueError(f"{name}: {value!r} is not like {known[name]!r}")
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name}: one of {', '.join(map(str, CHOICES[name]))} is expected")
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
