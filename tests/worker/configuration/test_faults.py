"""All faults of a file are reported together, each once, with its path, and no secret among them."""

from __future__ import annotations

import base64
import re
import string
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.configuration import load
from worker.configuration.checks import check_timing
from worker.configuration.forms import CONNECTIONS, Aliases, Connection, Form, Notices, Rules, Sources, Sync, Units
from worker.errors import SettingsError
from worker.settings import JOB_KINDS, Alias, Intacct, ItemPath, Notice, Secret, Timing, UnitRule
from worker.settings import Sync as SyncSettings

if TYPE_CHECKING:
    from tests.worker.configuration.conftest import Judge, Reader

EXAMPLE = Path(__file__).parents[3] / "kitrelay.example.toml"
KEY = "0123456789abcdef"


def environ_of(text: str) -> dict[str, str]:
    """The variables that a text names, with values that serve as any secret."""
    return {name: "whsec_" + base64.b64encode(f"{name:_<33}"[:33].encode()).decode() for name in re.findall(r"env:([A-Z_]+)", text)}


def test_example_is_good() -> None:
    """The example has no fault once its variables are set, and shows each of them."""
    text = EXAMPLE.read_text()
    tenant = load(EXAMPLE, environ_of(text)).tenants["acme"]
    assert tenant.erps() == ("visma", "itempath", "intacct")
    assert set(tenant.sources) == {"webshop", "warehouse"}
    assert [rule.do for rule in tenant.rules] == ["create_kit_assembly"]
    shop = tenant.notices["webshop"]
    assert shop == Notice("webshop", shop.url, shop.secrets)


def test_example_shows_defaults() -> None:
    """Values that the example gives for Visma are the defaults, as it says."""
    text = EXAMPLE.read_text()
    found = load(EXAMPLE, environ_of(text)).tenants["acme"].visma
    assert found is not None
    bare = type(found)(
        found.base_url, found.token_url, found.client_id, found.client_secret, found.tenant_id, webhook_keys=found.webhook_keys
    )
    assert found == bare


TABLES: dict[str, type[Form]] = {
    **{f"[tenants.acme.{erp}]": form for erp, form in CONNECTIONS.items()},
    "[tenants.acme.sync]": Sync,
    "[[tenants.acme.sync.units]]": Units,
    "[[tenants.acme.sync.aliases]]": Aliases,
    "[[tenants.acme.sources]]": Sources,
    "[[tenants.acme.rules]]": Rules,
    "[[tenants.acme.notices]]": Notices,
}


@pytest.mark.parametrize("head", sorted(TABLES))
def test_example_tells_all(head: str) -> None:
    """Each key of each table stands in the example, in its place, as a value or in a comment."""
    parts = re.split(r"^(\[.*?\]+)(?= |$)", EXAMPLE.read_text(), flags=re.MULTILINE)
    text = "".join(after for found, after in zip(parts[1::2], parts[2::2], strict=True) if found == head)
    keys = {field.data_key or name for name, field in TABLES[head]().fields.items()}
    if head in {"[tenants.acme.itempath]", "[tenants.acme.intacct]"}:
        assert "as with Visma" in text
        keys -= Connection().fields.keys() - {"base_url", "slots"}
    assert {key for key in keys if not re.search(rf"(^|or |# ){key} = ", text, flags=re.MULTILINE)} == set()


def test_readme_tells_syncs() -> None:
    """The README has a line for each key of a sync, with its default."""
    lines = [line for line in (EXAMPLE.parent / "README.md").read_text().splitlines() if line.startswith("| `")]
    told = " ".join(line.split("|")[1] for line in lines)
    assert {key for key in Sync().fields if f"`{key}`" not in told} == set()
    defaults = {line.split("`")[1]: line.split("|")[2].strip(" `") for line in lines}
    found = SyncSettings()
    for key in ("create_missing", "ignore_case", "order", "merge", "places"):
        assert defaults[key] == str(getattr(found, key)).lower()
    assert defaults["revenue"] == f'"{found.revenue}"'
    assert defaults["whole_units"].split("`, `") == list(found.whole_units)


def test_example_gives_defaults() -> None:
    """So are those of syncs, and the new ones of ItemPath and Intacct."""
    text = EXAMPLE.read_text()
    tenant = load(EXAMPLE, environ_of(text)).tenants["acme"]
    bare = SyncSettings()
    for name in {field.name for field in fields(bare)} - {"source", "targets", "nested", "units", "aliases"}:
        assert getattr(tenant.sync, name) == getattr(bare, name)
    for found, made in ((tenant.itempath, ItemPath("")), (tenant.intacct, Intacct("", "", Secret(""), ""))):
        for name in ("slots", "second_look", "webhook_kits", "retries"):
            assert getattr(found, name) == getattr(made, name)


def test_all_at_once(faults: Judge) -> None:
    """One reading names faults of every table, of values and between values."""
    text = f"""
databse_url = "sqlite:///x.db"
port = "80"
keep_jobs = 90

[[api_keys]]
name = "ops"
key = "{KEY}"
role = "root"
tenants = ["acme", "nobody"]

[[api_keys]]
name = "ops"
key = "{KEY}"
role = "view"
tenants = []

[tenants.acme.visma]
base_url = "http://visma.example"
slots = 0
retry_first = "20m"
give_up = "24h"
clientid = "x"

[tenants.acme.vismaa]

[[tenants.acme.rules]]
source = "webshop"
on = "a*b"
do = "release"
with = {{ ref_no = "a." }}
"""
    assert faults(text) == {
        "databse_url": "is not known; did you mean database_url?",
        "port": "must be a whole number",
        "keep_jobs": 'must be a time with its unit, such as "250ms", "5s", "15m", "22h" or "90d"',
        "api_keys[0].role": "must be one of view, operate, admin",
        "api_keys[0].tenants[1]": "there is no such tenant",
        "api_keys[1].name": "is the same as api_keys[0].name",
        "api_keys[1].key": "is the same as api_keys[0].key",
        "api_keys[1].tenants": "must not be empty",
        "tenants.acme.vismaa": "is not known; did you mean visma?",
        "tenants.acme.visma.clientid": "is not known; did you mean client_id?",
        "tenants.acme.visma.base_url": "must be https; http is accepted on loopback only",
        "tenants.acme.visma.slots": "must be at least 1",
        "tenants.acme.visma.token_url": "is required",
        "tenants.acme.visma.client_id": "is required",
        "tenants.acme.visma.client_secret": "is required",
        "tenants.acme.visma.tenant_id": "is required",
        "tenants.acme.visma.retry_first": "retry_first must not be longer than retry_max",
        "tenants.acme.visma.give_up": "must be shorter than 24h: by then Visma has forgotten the operation",
        "tenants.acme.rules[0].on": "must be the type of an event, with * at its end at most",
        "tenants.acme.rules[0].do": f"must be one of {', '.join(JOB_KINDS)}",
        "tenants.acme.rules[0].with.ref_no": "is no JMESPath: unexpected at character 3",
        "tenants.acme.rules[0].source": "is neither a source of this tenant nor visma, itempath or intacct",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api_keys = 1", {"api_keys": "must be an array of tables: [[api_keys]]"}),
        ("api_keys = [1]", {"api_keys[0]": "must be a table"}),
        ("tenants = 1", {"tenants": "must be a table"}),
        ("[tenants]\nacme = 1", {"tenants.acme": "must be a table"}),
        ("[tenants.acme]\nvisma = 1", {"tenants.acme.visma": "must be a table"}),
        ("[tenants.acme]\nrules = {}", {"tenants.acme.rules": "must be an array of tables: [[tenants.acme.rules]]"}),
        ('[tenants."a.b/c"]', {'tenants."a.b/c"': "the name must be letters, digits, - and _, at most 64"}),
        ("[tenants.acme.sync]\nkeep_whole = 'x'", {"tenants.acme.sync.keep_whole": "must be an array"}),
        ("tenants.acme.sync.nested = 1", {"tenants.acme.sync.nested": "must be one of preserve, explode"}),
        ("port = 2026-01-01", {"port": "must be a whole number"}),
    ],
)
def test_wrong_shapes(faults: Judge, text: str, expected: dict[str, str]) -> None:
    """A value where a table should be, or the other way round, is one fault at its place."""
    assert faults(text) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", {}),
        ('background = "none"', {}),
        (
            'background = "url"',
            {"callback_url": 'is required with background = "url"', "callback_tokens": 'is required with background = "url"'},
        ),
        (
            'background = "url"\ncallback_url = "https://a.example"\ncallback_tokens = []',
            {"callback_tokens": 'is required with background = "url"'},
        ),
        (
            f'background = "url"\ncallback_url = "https://a.example"\ncallback_tokens = ["{KEY}/{KEY}"]',
            {"callback_tokens[0]": "must be letters, digits and . _ ~ - only"},
        ),
        ('retry_max = "1s"', {"retry_max": "retry_first must not be longer than retry_max"}),
        (
            'retry_first = "9h"\nretry_max = "x"',
            {"retry_max": 'must be a time with its unit, such as "250ms", "5s", "15m", "22h" or "90d"'},
        ),
        ('poll_max = "23h"', {"poll_max": "must be shorter than give_up"}),
        ('give_up = "90s"', {"give_up": "must be longer than poll_max and second_look"}),
        ('first_poll = "1h"', {"first_poll": "must not be longer than poll_max"}),
        ("attempts = 0", {"attempts": "must be at least 1"}),
        ('repeat_window = "10m"', {}),
    ],
)
def test_visma_values(faults: Judge, visma: str, more: str, expected: dict[str, str]) -> None:
    """What Visma's keys must hold together."""
    assert faults(visma + more) == {f"tenants.acme.visma.{key}": message for key, message in expected.items()}


def test_keys_may_be_missing(faults: Judge, visma: str) -> None:
    """Without a key every notification is refused, and outcomes are found by list and poll: `check` warns, the start does not fail."""
    assert not faults(visma.replace('webhook_keys = ["the-webhook-key"]', ""))
    assert not faults(visma.replace('webhook_keys = ["the-webhook-key"]', "webhook_keys = []"))


@pytest.mark.parametrize(
    ("login", "bad"),
    [
        ('token = "t"', []),
        ('username = "u"\npassword = "p"', []),
        ("", [""]),
        ('username = "u"', [".password"]),
        ('password = "p"', [".username"]),
        ('token = "t"\nusername = "u"\npassword = "p"', [".password", ".username"]),
    ],
)
def test_itempath_login(faults: Judge, login: str, bad: list[str]) -> None:
    """A token, or a user with a password: one of the two, and whole."""
    found = faults(f'[tenants.acme.itempath]\nbase_url = "https://itempath.example"\n{login}')
    assert list(found) == [f"tenants.acme.itempath{place}" for place in bad]


@pytest.mark.parametrize(
    ("sync", "bad"),
    [
        ('source = "visma"\ntargets = ["itempath"]', []),
        ('targets = ["itempath"]', []),
        ('source = "visma"', ["targets"]),
        ('source = "intacct"\ntargets = ["visma"]', ["source"]),
        ('source = "visma"\ntargets = ["intacct"]', ["targets[0]"]),
        ('source = "visma"\ntargets = ["visma"]', ["targets[0]"]),
        ('source = "visma"\ntargets = ["itempath", "itempath"]', ["targets[1]"]),
        ('source = "sap"', ["source"]),
        ('nested = { itempath = "explode" }', []),
        ('nested = { itempth = "explode" }', ["nested.itempth"]),
        ('nested = { itempath = "x" }', ["nested.itempath"]),
        ('compare_every = "never"', []),
        ("most_deletes = 30", ["most_deletes"]),
        ("order = true", []),
        ("merge = true\norder = false", []),
        ("order = true\nmerge = true", ["order"]),
        ('order = "yes"\nmerge = true', ["order"]),
        ("places = 0", []),
        ("places = 11", ["places"]),
        ("places = -1", ["places"]),
        ('whole_units = ["EA", ""]', ["whole_units[1]"]),
        ('keep_whole = ["A", "B", "a "]', ["keep_whole[2]"]),
        ('ignore_case = false\nkeep_whole = ["A", "a"]', []),
        ('ignore_case = false\nkeep_whole = ["A", "A"]', ["keep_whole[1]"]),
        ('revenue = "by_price"', ["revenue"]),
        ('revenue = "from_table"', ["revenue_table"]),
        ('revenue = "from_table"\nrevenue_table = {}', ["revenue_table"]),
        ('revenue = "from_table"\nrevenue_table = { A = 0, B = 100, C = "33.33" }', []),
        ('revenue = "from_table"\nrevenue_table = { A = 101 }', ["revenue_table.A"]),
        ('revenue = "from_table"\nrevenue_table = { "A B" = 1, "a b" = 2 }', ['revenue_table."a b"']),
        ('revenue = "equal"\nrevenue_table = { A = 1 }', ["revenue_table"]),
        ("revenue_table = { A = 1 }", ["revenue_table"]),
        ("units = 1", ["units"]),
        ("units = [1]", ["units[0]"]),
        ("units = [{}]", ["units[0].base", "units[0].erp", "units[0].unit"]),
        ('units = [{ erp = "sap", unit = "A", base = "B", factr = 1 }]', ["units[0].erp", "units[0].factr"]),
        ('units = [{ erp = "visma", unit = "A", base = "B", factor = 0 }]', ["units[0].factor"]),
        ("aliases = {}", ["aliases"]),
        ('aliases = [{ erp = "visma", code = "A" }]', ["aliases[0].name"]),
    ],
)
def test_sync_fits_tenant(faults: Judge, visma: str, sync: str, bad: list[str]) -> None:
    """Source and targets are connections of the tenant, and different ones."""
    text = visma + '[tenants.acme.itempath]\nbase_url = "https://itempath.example"\ntoken = "t"\n[tenants.acme.sync]\n' + sync
    assert sorted(faults(text)) == [f"tenants.acme.sync.{place}" for place in bad]


def _unit(erp: str, unit: str, more: str = "") -> str:
    return f'[[tenants.acme.sync.units]]\nerp = "{erp}"\nunit = "{unit}"\nbase = "EA"\n{more}\n'


def _alias(erp: str, code: str, name: str) -> str:
    return f'[[tenants.acme.sync.aliases]]\nerp = "{erp}"\ncode = "{code}"\nname = "{name}"\n'


@pytest.mark.parametrize(
    ("rules", "bad"),
    [
        (_unit("visma", "BOX") + _unit("intacct", "BOX") + _unit("visma", "BOX", 'item = "A"') + _unit("visma", "BOX", 'item = "B"'), {}),
        (_unit("visma", "10  Pack") + _unit("visma", "10 pack "), {"units[1].unit": "is the same as tenants.acme.sync.units[0].unit"}),
        (
            _unit("visma", "BOX", 'item = "A"') + _unit("visma", "X") + _unit("visma", "box", 'item = "a"'),
            {"units[2].unit": "is the same as tenants.acme.sync.units[0].unit"},
        ),
        (_unit("visma", "BOX", "item = 1") + _unit("visma", "BOX"), {"units[0].item": "must be text"}),
        (_alias("visma", "A", "B") + _alias("intacct", "A", "B") + _alias("visma", "B", "C"), {}),
        (_alias("visma", "A", "X") + _alias("visma", "a", "Y"), {"aliases[1].code": "is the same as tenants.acme.sync.aliases[0].code"}),
        (_alias("visma", "A", "X") + _alias("visma", "B", "x "), {"aliases[1].name": "is the same as tenants.acme.sync.aliases[0].name"}),
        ("[tenants.acme.sync]\nignore_case = false\n" + _alias("visma", "A", "X") + _alias("visma", "a", "x"), {}),
    ],
)
def test_rules_are_not_doubled(faults: Judge, rules: str, bad: dict[str, str]) -> None:
    """A unit's text means one thing in an ERP, for all items or for one; a code there has one name, and a name one code."""
    assert faults(rules) == {f"tenants.acme.sync.{place}": message for place, message in bad.items()}


def test_sync_is_read(reading: Reader) -> None:
    """Unit rules, aliases and shares are records, their numbers exactly what was written."""
    text = """
[tenants.acme.sync]
revenue = "from_table"
revenue_table = { A = 33.33, "b c" = "66.67" }
places = 4
whole_units = []
[[tenants.acme.sync.units]]
erp = "visma"
unit = "GROSS"
base = "EA"
factor = 144
[[tenants.acme.sync.units]]
erp = "intacct"
unit = "G"
base = "KG"
factor = 0.001
item = "SAND"
[[tenants.acme.sync.units]]
erp = "itempath"
unit = "STK"
base = "EA"
[[tenants.acme.sync.aliases]]
erp = "itempath"
code = "A1"
name = "A"
"""
    sync = reading(text).tenants["acme"].sync
    assert sync == SyncSettings(
        revenue="from_table",
        revenue_table={"A": Decimal("33.33"), "b c": Decimal("66.67")},
        places=4,
        whole_units=(),
        units=(
            UnitRule("visma", "GROSS", "EA", Decimal(144)),
            UnitRule("intacct", "G", "KG", Decimal("0.001"), "SAND"),
            UnitRule("itempath", "STK", "EA"),
        ),
        aliases=(Alias("itempath", "A1", "A"),),
    )


def test_nested_is_by_target(reading: Reader) -> None:
    """One word holds for every target, a table for those it names."""
    assert reading('tenants.acme.sync.nested = "explode"').tenants["acme"].sync.nested == dict.fromkeys(
        ("visma", "itempath", "intacct"), "explode"
    )
    assert reading('tenants.acme.sync.nested = { intacct = "explode" }').tenants["acme"].sync.nested == {"intacct": "explode"}


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ('scheme = "standard-webhooks"', []),
        ('scheme = "bearer"\nid_header = "X-Id"', []),
        ('scheme = "hmac-sha256"\nheader = "X-Sig"\nencoding = "base64"\nid = "event.id"', []),
        ('scheme = "hmac-sha256"', ["header"]),
        ('scheme = "standard-webhooks"\nid_header = "X-Id"\nheader = "X"', ["header", "id_header"]),
        ('scheme = "bearer"\nencoding = "hex"', ["encoding"]),
        ('scheme = "bearer"\nid_header = "X-Id"\nid = "id"', ["id"]),
        ('scheme = "magic"', ["scheme"]),
        ('scheme = "bearer"\nid_header = "X Id"', ["id_header"]),
    ],
)
def test_source_fits_scheme(faults: Judge, source: str, bad: list[str]) -> None:
    """Each scheme takes its own keys; one that would mean nothing is a fault."""
    text = f'[[tenants.acme.sources]]\nname = "shop"\nsecrets = ["{KEY}"]\n{source}'
    assert list(faults(text)) == [f"tenants.acme.sources[0].{place}" for place in bad]


def test_source_names_differ(faults: Judge) -> None:
    """Two sources of one tenant differ in name, and none is called as an ERP is."""
    source = '[[tenants.acme.sources]]\nname = "{}"\nscheme = "bearer"\nsecrets = ["' + KEY + '"]\n'
    assert list(faults(source.format("a") + source.format("a") + source.format("visma"))) == [
        "tenants.acme.sources[1].name",
        "tenants.acme.sources[2].name",
    ]


def test_rule_needs_connection(faults: Judge) -> None:
    """A rule on an ERP's events needs that ERP's connection, and one that does something there, too."""
    given = "{ type = \"'P'\", ref_no = 'event.data' }"
    rule = f'[[tenants.acme.rules]]\nsource = "visma"\non = "*"\ndo = "release_kit_assembly"\nwith = {given}'
    assert faults(rule) == {
        "tenants.acme.rules[0].source": "this tenant has no such connection",
        "tenants.acme.rules[0].do": "this tenant has no connection to visma",
    }


def test_star_stands_alone(faults: Judge, visma: str) -> None:
    """A key for all tenants names no others."""
    key = f'[[api_keys]]\nname = "a"\nkey = "{KEY}"\nrole = "view"\ntenants = ["*", "acme"]\n'
    assert list(faults(key + visma)) == ["api_keys[0].tenants"]


def test_timing_is_chain() -> None:
    """Every limit is longer than the one inside it, and three beats fit before a worker counts as dead."""
    assert list(check_timing(Timing())) == []
    assert [fault.path for fault in check_timing(Timing(call=60.0, step=60.0))] == ["timing.step"]
    assert [fault.path for fault in check_timing(Timing(beat=5.0))] == ["timing.dead_after"]


LETTERS = string.ascii_letters + string.digits


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(secret=st.text(LETTERS, min_size=12, max_size=40), place=st.integers(0, 60), written=st.booleans())
def test_secrets_stay_hidden(reading: Reader, secret: str, place: int, *, written: bool) -> None:
    """Whatever place a secret is put in by mistake, it appears neither in the error nor in the settings' repr."""
    text = re.sub(r"env:[A-Z_]+", "0123456789abcdef", EXAMPLE.read_text())
    values = list(re.finditer(r'(?<== )("[^"\n]*"|[0-9]+|true|false)(?= +#|\n|,)', text))
    chosen = values[place % len(values)]
    value = f'"{secret}"' if written else '"env:SECRET"'
    changed = text[: chosen.start()] + value + text[chosen.end() :]
    try:
        shown = repr(reading(changed, {"SECRET": secret}))
    except SettingsError as error:
        shown = f"{error!r} {error} {error.faults!r}"
        assert secret not in shown
        return
    key = text[: chosen.start()].rsplit("\n", 1)[1].split(" ")[0]
    if key in {"client_secret", "password", "key", "webhook_secret"}:
        assert secret not in shown


def test_covered_in_records(reading: Reader, visma: str) -> None:
    """Secrets and addresses that may carry a password are not in the repr of the settings."""
    addresses = 'database_url = "postgres://u:dbsecret@h/d"\nredis_url = "redis://:redissecret@h"\n'
    key = f'[[api_keys]]\nname = "a"\nkey = "{KEY}"\nrole = "view"\ntenants = ["*"]\n'
    found = reading(addresses + key + visma)
    for hidden in ("dbsecret", "redissecret", KEY, "the-client-secret", "the-webhook-key"):
        assert hidden not in repr(found)
    assert found.api_keys[0].key.reveal() == KEY


def test_jobs_outlive_their_keys(faults: Judge) -> None:
    """Jobs are kept as long as unique keys and Idempotency-Keys hold: what was done must be known."""
    assert faults('keep_jobs = "23h"') == {"keep_jobs": "must be at least 1d"}
