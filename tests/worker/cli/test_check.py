"""`check`: one line for each thing, what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest
import redis

from worker.cli import checking
from worker.cli.connecting import LOOKS, Clock, advice
from worker.clients.answers import answer_of
from worker.errors import AuthRefused, CallError, Missing, NotSent, RateLimited
from worker.settings import ApiKey, Intacct, ItemPath, Secret, Settings, Tenant

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., click.testing.Result]


def found(result: click.testing.Result) -> dict[str, tuple[str, str]]:
    """State and message of each thing."""
    return {each["what"]: (each["state"], each["message"]) for each in json.loads(result.stdout)["items"]}


def test_settings_faults_are_listed(file: Path, run: Run) -> None:
    """Wrong settings are shown, all of them, with the file they stand in, and are wrong use."""
    file.write_text('port = "x"\nfoo = 1\n')
    result = run("check", "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)["items"]
    assert [each["state"] for each in told] == ["wrong", "wrong"]
    assert all(each["message"].startswith(f"{file}: ") for each in told)


def test_empty_folder_says_what_to_do(run: Run, file: Path) -> None:
    """No database yet, no ERP: each line says so, and nothing is made."""
    result = run("check", "--json")
    told = found(result)
    assert result.exit_code == 1
    assert told["settings"][0] == "ok"
    assert told["database"] == ("wrong", f"there is no database yet: run `kitrelay migrate` ({file.parent}/kitrelay.db)")
    assert told["redis"][0] == "ok"
    assert told["acme/visma"][0] == "wrong"
    assert told["clock"][0] == "warning"
    assert not (file.parent / "kitrelay.db").exists()


def test_ledger_is_looked_at(run: Run, url: str) -> None:
    """A current SQLite ledger is fine, and so is its way of writing."""
    assert url
    told = found(run("check", "--json"))
    assert told["database"] == ("ok", "SQLite, at this version")
    assert told["database file"][0] == "ok"


def test_dead_servers_are_named(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database and a Redis that do not answer are wrong, and no password is shown."""
    assert url
    monkeypatch.setenv("DATABASE_URL", "postgresql://kit:hidden-word@127.0.0.1:9/none")
    monkeypatch.setenv("REDIS_URL", "redis://:hidden-word@127.0.0.1:9/0")
    result = run("check", "--json")
    told = found(result)
    assert told["database"][0] == "wrong"
    assert told["redis"][0] == "wrong"
    assert "hidden-word" not in result.output


def test_losing_redis_is_warned_of(run: Run, url: str, clean_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that keeps what it is given is ok; one that evicts is a warning that says what to set."""
    assert url
    monkeypatch.setenv("REDIS_URL", clean_redis_url)
    assert found(run("check", "--json"))["redis settings"][0] == "ok"
    with redis.Redis.from_url(clean_redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            told = found(run("check", "--json"))["redis settings"]
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert told[0] == "warning"
    assert "noeviction" in told[1]


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        ([0.4], "ok"),
        ([-30.0, 2.0], "ok"),
        ([2.0, 90.0], "wrong"),
        ([-90.0], "wrong"),
        ([], "warning"),
    ],
)
def test_clock_is_compared(ahead: list[float], state: str) -> None:
    """A minute is too much: signatures are good for five."""
    (finding,) = checking.clock([("acme/visma", each) for each in ahead])
    assert finding.state == state


def test_lines_are_plain(run: Run, url: str) -> None:
    """One line for each, beginning with its state."""
    assert url
    lines: list[Any] = run("check").stdout.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warning", "wrong"}
    assert len(lines) == 6


def test_short_secrets_warned() -> None:
    """A key that can be guessed is accepted, and named by its name, never by its value."""
    settings = Settings(api_keys=(ApiKey("ops", Secret("hunter2"), "view", ("*",)), ApiKey("safe", Secret("x" * 40), "view", ("*",))))
    warned = list(checking.secrets(settings))
    assert [(each.what, each.state) for each in warned] == [("secrets", "warning")]
    assert "API key ops" in warned[0].message
    assert "hunter2" not in warned[0].message


def test_short_webhook_secrets_warned() -> None:
    """So are the secrets that ItemPath and Intacct prove their webhooks with; long ones, and those of the ERPs themselves, are not."""
    short, long = Secret("hunter2"), Secret("x" * 16)
    itempath = ItemPath("https://i.example", token=short, webhook_secret=short)
    intacct = Intacct("https://s.example", "c", short, "u@c", webhook_keys=(long, short))
    good = ItemPath("https://i.example", webhook_secret=long)
    tenants = {"a": Tenant("a", itempath=itempath, intacct=intacct), "b": Tenant("b", itempath=good)}
    told = [each.message.partition(" has ")[0] for each in checking.secrets(Settings(tenants=tenants))]
    assert told == ["a: webhook_keys[1] of intacct", "a: webhook_secret of itempath"]


@pytest.mark.parametrize("erp", LOOKS)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthRefused("no"), ("client_secret", "password")),
        (RateLimited("no"), ("later",)),
        (Missing("no"), ("base_url",)),
        (NotSent("no"), ("whether it is up",)),
    ],
)
def test_advice_by_class(erp: str, error: CallError, words: tuple[str, ...]) -> None:
    """Each class of error has something to look at, whichever the ERP."""
    told = advice(LOOKS[erp], error)
    assert any(word in told for word in words)


def test_clock_is_heard() -> None:
    """The ERP's time is that of its last answer that told one, counted from when the answer came."""
    clock = Clock()
    clock(answer_of(0.0, 500.0, 200, {"date": "Thu, 01 Jan 1970 00:01:00 GMT"}, None, token=True))
    clock(answer_of(100.0, 1.0, 200, {}, None, token=False))
    assert clock.ahead == 59.5
