"""A small world for the receiver's tests: tenants in subscription and url mode, keys of every role, a bell that writes down its rings.

More tenants may be given, such as `trio`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from tests.webhooks.described import must_be_described
from webhooks import create_app
from webhooks.signatures import visma_signature
from worker.jobs import queue
from worker.jobs.engine import Database
from worker.settings import ApiKey, Intacct, ItemPath, Secret, Settings, Sync, Tenant, Visma

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse

    from worker.jobs.model import Job, Lane

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY = "whsec-two"
INTACCT_SECRET = "intacct-client-secret"
PUSH_SECRET = "Bearer push-secret"


def visma(**changes: Any) -> Visma:
    """A connection whose signatures are made with either of two keys."""
    plain = Visma(
        base_url="https://visma.test",
        token_url="https://visma.test/token",
        client_id="client",
        client_secret=Secret("client-secret"),
        tenant_id="tenant",
        webhook_keys=(Secret("whsec-one"), Secret(KEY)),
    )
    return replace(plain, **changes)


def trio(**changes: Any) -> Tenant:
    """A tenant with all three ERPs; Intacct is the source of its syncs unless said otherwise."""
    plain = Tenant(
        "trio",
        visma=visma(),
        itempath=ItemPath("https://itempath.test", token=Secret("token"), webhook_secret=Secret(PUSH_SECRET), webhook_header="X-Push-Key"),
        intacct=Intacct("https://intacct.test", "client", Secret(INTACCT_SECRET), "api@acme-co", webhook_keys=(Secret("old-secret"),)),
        sync=Sync(source="intacct", targets=("itempath", "visma")),
    )
    return replace(plain, **changes)


def settings_for(database_url: str) -> Settings:
    """The tenant acme is notified by subscription, globex by url."""
    by_url = visma(
        background="url", webhook_keys=(), callback_url="https://us.test", callback_tokens=(Secret("tok-one"), Secret("tok-two"))
    )
    return Settings(
        database_url=database_url,
        web_processes=1,
        api_keys=(
            ApiKey("viewer", Secret("view-key"), "view", ("acme",)),
            ApiKey("ops", Secret("ops-key"), "operate", ("acme",)),
            ApiKey("other", Secret("other-key"), "operate", ("globex",)),
            ApiKey("chief", Secret("chief-key"), "admin", ("globex",)),
            ApiKey("root", Secret("root-key"), "admin", ("*",)),
        ),
        tenants={"acme": Tenant("acme", visma=visma()), "globex": Tenant("globex", visma=by_url), "bare": Tenant("bare")},
    )


@dataclass
class Bell:
    """A bell that writes down its rings."""

    rung: list[Lane] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)

    def ring(self, lane: Lane) -> None:
        """Write it down."""
        self.rung.append(lane)

    def plan(self, batch_id: str) -> None:
        """Write it down."""
        self.planned.append(batch_id)

    def close(self, timeout: float = 2.0) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Reply:
    """An answer, with its JSON as whatever it is."""

    status_code: int
    headers: Headers
    data: bytes
    text: str
    content_type: str
    json: Any


def reply_of(answer: TestResponse) -> Reply:
    """What tests look at."""
    return Reply(
        answer.status_code, answer.headers, answer.data, answer.text, answer.content_type or "", answer.json if answer.is_json else None
    )


class World:
    """The app over a migrated ledger, with a clock that stands still until moved."""

    def __init__(self, database_url: str, *tenants: Tenant, **options: Any) -> None:
        self.now = NOW
        plain = settings_for(database_url)
        self.settings = replace(plain, tenants={**plain.tenants, **{tenant.name: tenant for tenant in tenants}})
        self.database = Database(database_url)
        self.bell = Bell()
        self.app = create_app(self.settings, self.database, self.bell, clock=lambda: self.now, **options)
        self.client: FlaskClient = self.app.test_client()

    def pass_time(self, **amount: float) -> None:
        """Move the clock."""
        self.now += timedelta(**amount)

    def ask(self, method: str, path: str, key: str | None = "ops-key", **options: Any) -> Reply:
        """One request of the API, as the client of each thread."""
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **options.pop("headers", {})}
        reply = reply_of(self.app.test_client().open(path, method=method, headers=headers, **options))
        must_be_described(self.app, method, path, reply)
        return reply

    def notify(self, body: bytes, path: str = "/webhooks/visma/acme", key: str | None = KEY, **headers: str) -> Reply:
        """One notification, signed with `key` (None: not at all). Header names are given with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("x-vwd-signature-v1", visma_signature(key, body))
        sent.setdefault("content-type", "application/json")
        return reply_of(self.app.test_client().post(path, data=body, headers=sent))

    def push(self, body: bytes, path: str, **headers: str) -> Reply:
        """One delivery with these headers and no others but its type. Header names are given with underscores."""
        sent = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return reply_of(self.app.test_client().post(path, data=body, headers=sent))

    def job(self, ref_no: str = "000123", **changes: Any) -> str:
        """Make a release job through the API; its id."""
        wanted = {"tenant": "acme", "kind": "release_kit_assembly", "arguments": {"type": "P", "ref_no": ref_no}, **changes}
        made = self.ask("POST", "/api/jobs", "root-key", json=wanted)
        assert made.status_code == 202, made.text
        return str(made.json["id"])

    def log_in(self, key: str = "ops-key") -> FlaskClient:
        """A browser of somebody who is logged in."""
        client = self.app.test_client()
        entered = client.post("/login", data={"key": key})
        assert entered.status_code == 303, entered.text
        return client

    def press(self, client: FlaskClient, path: str, **fields: Any) -> TestResponse:
        """Send a form of a page as its browser does, with the token that its pages carry."""
        shown = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/nowhere", headers={"Accept": "text/html"}).text)
        assert shown is not None
        return client.post(path, data={"csrf": shown.group(1), **fields})

    def find(self, job_id: str) -> Job:
        """The job as the ledger has it."""
        with self.database.read() as connection:
            return queue.find(connection, job_id)

    def rows(self, table: Any) -> list[Any]:
        """All rows of a table."""
        with self.database.read() as connection:
            return list(connection.execute(table.select()).all())


def operation() -> str:
    """An id as Visma gives them."""
    return str(uuid4())


def body(**members: Any) -> bytes:
    """A JSON object as bytes."""
    return orjson.dumps(members)
