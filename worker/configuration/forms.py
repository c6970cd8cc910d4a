"""The tables of `kitrelay.toml`: which keys each takes. Required keys are said here; defaults stand in `worker.settings`."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from marshmallow import EXCLUDE, Schema

from worker.configuration.addresses import DatabaseAddress, ReceiverAddress, RedisAddress, WebAddress
from worker.configuration.expressions import Expression
from worker.configuration.fields import Choice, Duration, DurationOrNever, Flag, Items, Named, Number, SecretText, Share, Text, Value, Whole
from worker.configuration.standard import StandardSecret
from worker.settings import ERPS, JOB_KINDS, NOTICE_EVENTS, ROLES

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
LOOKS_NAME: Final = "letters, digits, - and _, at most 64"
HEADER: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"


def name(*, required: bool = True) -> Text:
    """Make a field for a name that may stand in an address and in a log line."""
    return Text(pattern=NAME, looks=LOOKS_NAME, required=required)


class Nesting(Value[dict[str, str]]):
    """`preserve` or `explode`, for all targets or as a table by target."""

    def convert(self, value: object) -> dict[str, str]:
        """The choice by target; for all of them when there was one word."""
        choice = Choice("preserve", "explode")
        if isinstance(value, dict):
            return Named(choice).convert(value)
        return dict.fromkeys(ERPS, choice.convert(value))


class Form(Schema):
    """A table. What it does not know is named by `tables`, with a hint, and so left out here."""

    class Meta:
        """Unknown keys are not marshmallow's matter."""

        unknown = EXCLUDE


class General(Form):
    """The keys above all tables."""

    database_url = DatabaseAddress()
    redis_url = RedisAddress()
    port = Whole(most=65_535)
    web_processes = Whole(most=256)
    worker_threads = Whole(most=1_024)
    keep_jobs = Duration(least="1d")  # for so long a unique key and an Idempotency-Key hold, and their jobs must be there
    keep_exchanges = Duration()
    keep_deliveries = Duration()


class ApiKeys(Form):
    """`[[api_keys]]`."""

    name = name()
    key = SecretText(required=True)
    role = Choice(*ROLES, required=True)
    tenants = Items(Text(pattern=rf"{NAME}|\*", looks='the name of a tenant, or "*"'), least=1, required=True)


class Connection(Form):
    """What every ERP takes."""

    base_url = WebAddress(required=True)
    slots = Whole(most=1_000)
    calls_per_hour = Whole()
    attempts = Whole(most=100)
    retry_first = Duration()
    retry_max = Duration()
    repeat_window = Duration()


class Visma(Connection):
    """`[tenants.X.visma]`."""

    token_url = WebAddress(required=True)
    client_id = Text(required=True)
    client_secret = SecretText(required=True)
    tenant_id = Text(required=True)
    scopes = Text()
    webhook_keys = Items(SecretText())
    background = Choice("subscription", "none", "url")
    callback_url = WebAddress()
    callback_tokens = Items(SecretText(pattern=r"[A-Za-z0-9._~-]+", looks="letters, digits and . _ ~ - only"))
    first_poll = Duration()
    poll_max = Duration()
    second_look = Duration()
    give_up = Duration()
    mark_description = Flag()


class ItemPath(Connection):
    """`[tenants.X.itempath]`."""

    username = Text()
    password = SecretText()
    token = SecretText()
    webhook_secret = SecretText()
    webhook_header = Text(pattern=HEADER, looks="the name of a header")
    webhook_kits = Expression()
    import_timeout = Duration()
    second_look = Duration()


class Intacct(Connection):
    """`[tenants.X.intacct]`."""

    client_id = Text(required=True)
    client_secret = SecretText(required=True)
    username = Text(pattern=r"[^@]+@[^@]+", looks="user@company", required=True)  # documented: without the company Intacct refuses it
    entity = Text(empty=True)
    second_look = Duration()
    webhook_keys = Items(SecretText())
    webhook_kits = Expression()


class Sync(Form):
    """`[tenants.X.sync]`."""

    source = Choice(*ERPS)
    targets = Items(Choice(*ERPS))
    nested = Nesting()
    keep_whole = Items(Text())
    visma_recipe = Choice("specification", "assembly")
    create_missing = Flag()
    most_deletes = Share()
    compare_every = DurationOrNever()
    ignore_case = Flag()
    order = Flag()
    merge = Flag()
    places = Whole(least=0, most=10)
    whole_units = Items(Text())
    revenue = Choice("omit", "equal", "by_cost", "from_table")
    revenue_table = Named(Number(zero=True, most=Decimal(100)))


class Units(Form):
    """`[[tenants.X.sync.units]]`."""

    erp = Choice(*ERPS, required=True)
    unit = Text(required=True)
    base = Text(required=True)
    factor = Number()
    item = Text()


class Aliases(Form):
    """`[[tenants.X.sync.aliases]]`."""

    erp = Choice(*ERPS, required=True)
    code = Text(required=True)
    name = Text(required=True)


class Sources(Form):
    """`[[tenants.X.sources]]`."""

    name = name()
    scheme = Choice("standard-webhooks", "hmac-sha256", "bearer", required=True)
    secrets = Items(SecretText(), least=1, required=True)
    header = Text(pattern=HEADER, looks="the name of a header")
    encoding = Choice("hex", "base64")
    id_header = Text(pattern=HEADER, looks="the name of a header")
    id = Expression()
    per_minute = Whole()


class Rules(Form):
    """`[[tenants.X.rules]]`."""

    source = Text(required=True)
    on = Text(pattern=r"[^*]+\*?|\*", looks="the type of an event, with * at its end at most", required=True)
    do = Choice(*JOB_KINDS, required=True)
    arguments = Named(Expression(), required=True, data_key="with")
    when = Expression()
    each = Expression()
    unique_key = Expression()


class Notices(Form):
    """`[[tenants.X.notices]]`."""

    name = name()
    url = ReceiverAddress(required=True)
    secrets = Items(StandardSecret(), least=1, required=True)
    events = Items(Choice(*NOTICE_EVENTS), least=1)
    kinds = Items(Choice(*JOB_KINDS), least=1)
    allow_private = Flag()


CONNECTIONS: Final[dict[str, type[Form]]] = {"visma": Visma, "itempath": ItemPath, "intacct": Intacct}
