"""Receivers of notices in the settings."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from worker.settings import NOTICE_EVENTS, NOTICES, Notice, Secret

if TYPE_CHECKING:
    from tests.worker.configuration.conftest import Judge, Reader

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
HEAD = "[[tenants.acme.notices]]"


def receiver(**changes: str) -> str:
    """A good table, but for the changes; values as TOML has them."""
    values = {"name": '"shop"', "url": '"https://shop.example/hooks/"', "secrets": f'["{SECRET}"]', **changes}
    return "\n".join([HEAD, *(f"{name} = {value}" for name, value in values.items()), ""])


def test_receiver_is_read(reading: Reader) -> None:
    """A receiver gets every event of every kind unless it says otherwise; its address stays exactly as written, its secrets unseen."""
    tenant = reading(receiver()).tenants["acme"]
    shop = tenant.notices["shop"]
    assert shop == Notice("shop", "https://shop.example/hooks/", (Secret(SECRET),), NOTICE_EVENTS, (), allow_private=False)
    assert tenant.lanes() == (NOTICES,)
    assert "hooks" not in repr(tenant)
    assert SECRET not in repr(tenant)


def test_receiver_chooses(reading: Reader) -> None:
    """Events, kinds, several secrets, an address with a query, and leave for private addresses."""
    text = receiver(
        url='"http://127.0.0.1:9/h?key=1"',
        secrets=f'["{SECRET}", "{SECRET.removeprefix("whsec_")}"]',
        events='["job.failed"]',
        kinds='["release_kit_assembly"]',
        allow_private="true",
    )
    shop = reading(text).tenants["acme"].notices["shop"]
    assert (shop.url, shop.events, shop.kinds, len(shop.secrets)) == (
        "http://127.0.0.1:9/h?key=1",
        ("job.failed",),
        ("release_kit_assembly",),
        2,
    )


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("url", '"http://shop.example"', "url"),
        ("url", '"https://user:word@shop.example"', "url"),
        ("url", '"ftp://shop.example"', "url"),
        ("secrets", "[]", "secrets"),
        ("secrets", '["not base64!"]', "secrets[0]"),
        ("secrets", '["whsec_c2hvcnQ="]', "secrets[0]"),
        ("secrets", f'["{base64.b64encode(b"k" * 65).decode()}"]', "secrets[0]"),
        ("events", "[]", "events"),
        ("events", '["job.started"]', "events[0]"),
        ("kinds", '["send_notice"]', "kinds[0]"),
        ("allow_private", '"yes"', "allow_private"),
        ("headers", "{}", "headers"),
        ("name", '"a b"', "name"),
    ],
)
def test_faults_are_named(faults: Judge, key: str, value: str, place: str) -> None:
    """Each value is judged in its place; a notice can't be asked for of notices."""
    assert list(faults(receiver(**{key: value}))) == [f"tenants.acme.notices[0].{place}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "[::1]", "169.254.169.254", "localhost"])
def test_inner_address_needs_leave(faults: Judge, host: str) -> None:
    """An address that is written as an inner one is a fault without leave, not a surprise later."""
    assert list(faults(receiver(url=f'"https://{host}/x"'))) == ["tenants.acme.notices[0].allow_private"]
    assert faults(receiver(url=f'"https://{host}/x"', allow_private="true")) == {}


def test_names_differ(faults: Judge) -> None:
    """Two receivers of one tenant differ in name: it says whose a notice is."""
    assert list(faults(receiver() + receiver())) == ["tenants.acme.notices[1].name"]


def test_rules_send_no_notice(faults: Judge) -> None:
    """No rule may make a notice."""
    source = f'[[tenants.acme.sources]]\nname = "web"\nscheme = "standard-webhooks"\nsecrets = ["{SECRET}"]\n'
    rule = '[[tenants.acme.rules]]\nsource = "web"\non = "*"\ndo = "send_notice"\nwith = {}\n'
    assert "tenants.acme.rules[0].do" in faults(source + rule)
