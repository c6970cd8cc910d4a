"""A settings file, an empty ledger beside it, and the command line as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from worker.cli import kitrelay
from worker.jobs.engine import Database
from worker.jobs.ledger import migrate

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., click.testing.Result]

SETTINGS = """\
database_url = "sqlite:///{folder}/kitrelay.db"

[[api_keys]]
name = "ops"
key = "a-key-for-tests-only"
role = "admin"
tenants = ["*"]

[tenants.acme.visma]
base_url = "http://127.0.0.1:9"
token_url = "http://127.0.0.1:9/connect/token"
client_id = "client"
client_secret = "secret"
tenant_id = "company"
webhook_keys = ["key"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of one tenant whose ERP does not answer; nothing of the machine's own environment."""
    for name in ("DATABASE_URL", "REDIS_URL", "PORT", "WEB_CONCURRENCY", "KITRELAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "kitrelay.toml"
    path.write_text(SETTINGS.format(folder=tmp_path))
    monkeypatch.setenv("KITRELAY_CONFIG", str(path))
    return path


@pytest.fixture
def url(file: Path) -> str:
    """An empty ledger at this version."""
    address = f"sqlite:///{file.parent}/kitrelay.db"
    migrate(address)
    return address


@pytest.fixture
def database(url: str) -> Any:
    """The same, open."""
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def run(file: Path) -> Run:
    """Run a command, with words for standard input if any."""
    assert file.exists()

    def invoke(*words: str, given: str | bytes | None = None) -> click.testing.Result:
        return click.testing.CliRunner().invoke(kitrelay, list(words), input=given)

    return invoke


@pytest.fixture
def said(run: Run, url: str) -> Callable[..., Any]:
    """Run a command with --json on a current ledger: what it said. It must have succeeded."""
    assert url

    def invoke(*words: str, given: str | bytes | None = None) -> Any:
        result = run(*words, "--json", given=given)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return invoke
