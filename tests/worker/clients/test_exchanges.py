"""What is kept of a call: short, and without secrets."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.exchanges import MOST, note, recorded, shown
from worker.clients.redaction import redact

SECRET = "hunter2hunter2"
NAMES = [
    "client_secret",
    "access_token",
    "Authorization",
    "password",
    "api_key",
    "apiKey",
    "x-vwd-signature",
    "webhookAddress",
    "token",
    "refreshToken",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "shape",
    [
        '{{"{n}": "{s}", "next": 1}}',
        '{{"{n}":{{"value":"{s}"}}, "next": 1}}',
        '{{"a": [{{"{n}" : "x\\"{s}"}}], "next": 1}}',
        '{{"inner": "{{\\"{n}\\": \\"{s}\\"}}", "next": 1}}',
        '{{"{n}": "{s}',
        "{{'{n}': '{s}', 'next': 1}}",
        "{{'{n}': \"{s}\", 'next': 1}}",
        "{{'{n}': '{s}",
        '{{"body": "{{\'{n}\': \\"{s}\\", \'next\': 1}}"}}',
        "{n}={s}&next=1",
        "/path?{n}={s}&next=1",
    ],
)
def test_secret_is_masked(name: str, shape: str) -> None:
    """A field with a secret's name loses its value in every notation, even when the text is cut in it; the rest stays."""
    text = shape.format(n=name, s=SECRET)

    masked = redact(text)

    assert SECRET not in masked
    assert "***" in masked
    assert ("next" in masked) == ("next" in text)


def test_masked_json_stays_json() -> None:
    """Masking keeps the text readable as JSON."""
    text = json.dumps({"token": "abc", "n": {"password": 123, "secret": True, "api_key": None}, "quantity": 1})

    assert json.loads(redact(text)) == {"token": "***", "n": {"password": "***", "secret": "***", "api_key": None}, "quantity": 1}


@given(value=st.text(min_size=8, max_size=40))
def test_any_secret_is_masked(value: str) -> None:
    """Whatever characters a secret has, JSON's way of writing it is gone."""
    written = json.dumps(value)

    masked = json.loads(redact(f'{{"before": 1, "client_secret": {written}, "after": 2}}'))

    assert masked == {"before": 1, "client_secret": "***", "after": 2}


def test_ordinary_fields_stay() -> None:
    """What only looks a little like a secret is left alone: document keys, lots, timestamps."""
    text = '{"key": "123", "lotSerialNumber": "L1", "timestamp": "AAAAAE0YIiI=", "description": "a key"}'

    assert redact(text) == text


def test_long_body_is_cut() -> None:
    """At most 4 KiB is kept, and the mark says how long it was."""
    body = b'{"records": [' + b'{"refNo": "000123"}, ' * 30_000

    text = shown(body) or ""

    assert len(text) < MOST + 60
    assert f"({len(body)} bytes in all)" in text


def test_no_nul_is_kept() -> None:
    """PostgreSQL takes no NUL in a text: a body that has one is kept with a mark in its place."""
    assert shown(b"a\0b") == "a\N{REPLACEMENT CHARACTER}b"


def test_nothing_is_kept_unasked() -> None:
    """Outside of `recorded` a note is dropped, and one thread does not hear another's calls."""
    say("/outside")
    with recorded() as exchanges:
        thread = threading.Thread(target=say, args=("/other",))
        thread.start()
        thread.join()
        say("/inside?token=abc")

    assert [exchange.url for exchange in exchanges] == ["/inside?token=***"]


def test_recordings_nest() -> None:
    """An inner recording hears its own calls; the outer goes on after it."""
    with recorded() as outer:
        with recorded() as inner:
            say("/inner")
        say("/outer")

    assert ([one.url for one in inner], [one.url for one in outer]) == (["/inner"], ["/outer"])


def say(url: str) -> None:
    """One call's note."""
    note(at=datetime(2026, 1, 1, tzinfo=UTC), method="GET", url=url, status=200, ms=1.0, request=None, response=b"{}")
