"""Where settings come from: the file, what it refers to, and the environment above it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worker.configuration import load
from worker.errors import SettingsError
from worker.settings import Secret, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.configuration.conftest import Judge, Reader

ONE_TENANT = {
    "VISMA_BASE_URL": "https://visma.example",
    "VISMA_TOKEN_URL": "https://visma.example/token",
    "VISMA_CLIENT_ID": "c",
    "VISMA_CLIENT_SECRET": "s",
    "VISMA_TENANT_ID": "t",
    "VISMA_WEBHOOK_KEYS": "one, two",
    "VISMA_SLOTS": "3",
    "VISMA_RETRY_FIRST": "2s",
    "VISMA_MARK_DESCRIPTION": "false",
    "ITEMPATH_BASE_URL": "https://itempath.example",
    "ITEMPATH_TOKEN": "token",
    "ITEMPATH_WEBHOOK_KITS": "not_null(sku, kit)",
    "ITEMPATH_SECOND_LOOK": "3m",
    "INTACCT_BASE_URL": "https://intacct.example",
    "INTACCT_CLIENT_ID": "c",
    "INTACCT_CLIENT_SECRET": "s",
    "INTACCT_USERNAME": "user@company",
    "INTACCT_WEBHOOK_KEYS": "one,two",
    "INTACCT_WEBHOOK_KITS": "itemId",
    "INTACCT_SECOND_LOOK": "90s",
    "KITRELAY_API_KEY": "0123456789abcdef",
}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("empty")
def test_nothing_is_defaults() -> None:
    """Without a file and variables everything has its default; the cores decide how many web processes."""
    settings = load(None, {})
    assert settings == Settings(web_processes=len(os.sched_getaffinity(0)))


def test_working_directory_is_read(empty: Path) -> None:
    """`kitrelay.toml` in the working directory is found."""
    (empty / "kitrelay.toml").write_text("port = 9000")
    assert load(None, {}).port == 9000


def test_named_file_wins(empty: Path) -> None:
    """KITRELAY_CONFIG points at another file."""
    (empty / "kitrelay.toml").write_text("port = 9000")
    (empty / "other.toml").write_text("port = 9001")
    assert load(None, {"KITRELAY_CONFIG": str(empty / "other.toml")}).port == 9001


@pytest.mark.usefixtures("empty")
def test_named_file_must_be() -> None:
    """A file that is named and not there is a fault under the variable's name, not a start with defaults."""
    with pytest.raises(SettingsError) as caught:
        load(None, {"KITRELAY_CONFIG": "nowhere.toml"})
    assert [str(fault) for fault in caught.value.faults] == ["KITRELAY_CONFIG: there is no file nowhere.toml"]


def test_unreadable_is_named(empty: Path) -> None:
    """A missing file and a folder give an error, not a traceback."""
    for path in (empty / "nowhere.toml", empty):
        with pytest.raises(SettingsError, match="can't be read"):
            load(path, {})


@pytest.mark.parametrize(
    ("written", "place"),
    [(b"a = 1\nb = = 2\n", "line 2, column 5"), (b"a = [1,\n", "end of document"), (b"a = 1\nb = \xff\n", "line 2")],
)
def test_syntax_has_place(empty: Path, written: bytes, place: str) -> None:
    """What is no TOML is named by line and column."""
    file = empty / "kitrelay.toml"
    file.write_bytes(written)
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert [fault.path for fault in caught.value.faults] == [place]


def test_references_are_read(reading: Reader, visma: str) -> None:
    """`env:NAME` works anywhere: in text, in lists, for numbers and flags."""
    text = 'port = "env:P"\n' + visma.replace('"the-webhook-key"', '"env:K1", "env:K2"') + 'mark_description = "env:M"\n'
    settings = reading(text, {"P": "8123", "K1": "one", "K2": "two", "M": "no"})
    tenant = settings.tenants["acme"].visma
    assert tenant is not None
    assert settings.port == 8123
    assert tenant.webhook_keys == (Secret("one"), Secret("two"))
    assert tenant.mark_description is False


def test_missing_variables_are_named(faults: Judge, visma: str) -> None:
    """Each variable that is not set is one fault, with its name and the path that asks for it; nothing else is said of that place."""
    text = 'port = "env:P"\n' + visma.replace('"the-webhook-key"', '"a", "env:K2"').replace('"the-client-secret"', '"env:S"')
    assert faults(text) == {
        "port": "the environment variable P is not set",
        "tenants.acme.visma.client_secret": "the environment variable S is not set",
        "tenants.acme.visma.webhook_keys[1]": "the environment variable K2 is not set",
    }


def test_platform_stands_above(reading: Reader) -> None:
    """DATABASE_URL, REDIS_URL, PORT and WEB_CONCURRENCY win over the file; empty ones count as not set."""
    text = 'database_url = "sqlite:///a.db"\nredis_url = "redis://a"\nport = 1\nweb_processes = 1\n'
    above = {"DATABASE_URL": "postgres://u@h/d", "REDIS_URL": "redis://b", "PORT": "2", "WEB_CONCURRENCY": "3"}
    settings = reading(text, above)
    assert (settings.database_url, settings.redis_url, settings.port, settings.web_processes) == (
        "postgresql+psycopg://u@h/d",
        "redis://b",
        2,
        3,
    )
    assert reading(text, dict.fromkeys(above, "")).port == 1


def test_platform_faults_named(faults: Judge) -> None:
    """A fault of a variable carries the variable's name, for it stands in no file."""
    assert faults("", {"DATABASE_URL": "mysql://u:secret@h/d", "PORT": "x", "WEB_CONCURRENCY": "0"}) == {
        "DATABASE_URL": "must start with sqlite:/// or postgresql://",
        "PORT": "must be a whole number",
        "WEB_CONCURRENCY": "must be at least 1",
    }


@pytest.mark.usefixtures("empty")
def test_one_tenant_from_environment() -> None:
    """Variables alone make a tenant `default` with all three ERPs, and an admin key."""
    settings = load(None, ONE_TENANT)
    tenant = settings.tenants["default"]
    assert tenant.erps() == ("visma", "itempath", "intacct")
    assert tenant.visma is not None
    assert tenant.visma.webhook_keys == (Secret("one"), Secret("two"))
    assert (tenant.visma.slots, tenant.visma.retries.first, tenant.visma.mark_description) == (3, 2.0, False)
    assert tenant.itempath is not None
    assert (tenant.itempath.webhook_kits, tenant.itempath.second_look) == ("not_null(sku, kit)", 180.0)
    assert tenant.intacct is not None
    assert (tenant.intacct.webhook_kits, tenant.intacct.second_look) == ("itemId", 90.0)
    assert tenant.intacct.webhook_keys == (Secret("one"), Secret("two"))
    (key,) = settings.api_keys
    assert (key.name, key.role, key.tenants, key.key) == ("env", "admin", ("*",), Secret("0123456789abcdef"))


@pytest.mark.usefixtures("empty")
def test_tenant_faults_named() -> None:
    """Faults of that tenant carry the variables' names."""
    environ = {
        **ONE_TENANT,
        "INTACCT_WEBHOOK_KITS": "a.",
        "ITEMPATH_SECOND_LOOK": "2",
        "VISMA_SLOT": "1",
        "VISMA_SLOTS": "0",
        "KITRELAY_API_KEY": "short",
        "ITEMPATH_TOKEN": "",
    }
    del environ["VISMA_CLIENT_ID"]
    with pytest.raises(SettingsError) as caught:
        load(None, environ)
    assert {fault.path: fault.message for fault in caught.value.faults} == {
        "INTACCT_WEBHOOK_KITS": "is no JMESPath: unexpected at character 3",
        "ITEMPATH_SECOND_LOOK": 'must be a time with its unit, such as "250ms", "5s", "15m", "22h" or "90d"',
        "VISMA_SLOT": "is not known; did you mean slots?",
        "VISMA_SLOTS": "must be at least 1",
        "VISMA_CLIENT_ID": "is required",
        "ITEMPATH": "needs token, or username with password",
    }


def test_tenants_of_file_stay(reading: Reader, visma: str) -> None:
    """A file with tenants is not mixed with one from variables, whose names it may use for its own."""
    text = visma.replace('"the-client-secret"', '"env:VISMA_CLIENT_SECRET"')
    settings = reading(text, {"VISMA_CLIENT_SECRET": "s", "VISMA_BASE_URL": "https://other.example"})
    assert list(settings.tenants) == ["acme"]


def test_key_is_not_doubled(reading: Reader) -> None:
    """A file that refers to KITRELAY_API_KEY itself gets no second key of it; any other file does."""
    text = '[[api_keys]]\nname = "ops"\nkey = "{}"\nrole = "view"\ntenants = ["*"]\n'
    environ = {"KITRELAY_API_KEY": "0123456789abcdef"}
    assert [key.name for key in reading(text.format("env:KITRELAY_API_KEY"), environ).api_keys] == ["ops"]
    assert [key.name for key in reading(text.format("fedcba9876543210"), environ).api_keys] == ["ops", "env"]
