"""A file with one good tenant, to be changed by each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from worker.configuration import load
from worker.errors import Fault, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from worker.settings import Settings

VISMA = """
[tenants.acme.visma]
base_url = "https://visma.example"
token_url = "https://visma.example/token"
client_id = "c"
client_secret = "the-client-secret"
tenant_id = "t"
webhook_keys = ["the-webhook-key"]
"""


class Reader(Protocol):
    """Reads settings from text."""

    def __call__(self, text: str, environ: Mapping[str, str] | None = None) -> Settings:
        """Give the settings, or raise."""


class Judge(Protocol):
    """Names the faults of a text, by path."""

    def __call__(self, text: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give message by path; empty when there is none."""


@pytest.fixture
def reading(tmp_path: Path) -> Reader:
    """Settings of a text."""

    def read(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        file = tmp_path / "kitrelay.toml"
        file.write_text(text)
        return load(file, environ or {})

    return read


@pytest.fixture
def faults(reading: Reader) -> Judge:
    """Faults of a text."""

    def judge(text: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        found: tuple[Fault, ...] = ()
        try:
            reading(text, environ)
        except SettingsError as error:
            found = error.faults
        named = {fault.path: fault.message for fault in found}
        assert len(named) == len(found), f"a place is named twice: {found}"
        return named

    return judge


@pytest.fixture
def visma() -> str:
    """The text of a good tenant `acme`; keys can be added at its end."""
    return VISMA
