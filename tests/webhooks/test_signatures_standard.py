"""Proofs of triggers: what the official library signs is taken, and no byte of body or header may differ."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from webhooks.signatures_standard import Encoding, bearer_known, hmac_signed, standard_keys, standard_signed

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SECONDS = str(NOW_MS // 1000)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEYS = st.binary(min_size=24, max_size=64)
BODIES = st.text(st.characters(codec="utf-8"), max_size=200)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def changed(text: str, data: st.DataObject) -> str:
    """The text with one byte of it, by any amount, another one."""
    place = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.characters(max_codepoint=255).filter(lambda each: each != text[place]))
    return text[:place] + char + text[place + 1 :]


@given(KEYS, IDS, BODIES, st.booleans())
def test_library_is_accepted(key: bytes, message: str, body: str, prefixed: bool) -> None:  # noqa: FBT001 - drawn
    """What the official library signs is proven, wherever its secret stands, with `whsec_` or without."""
    secret = ("whsec_" if prefixed else "") + base64.b64encode(key).decode()
    signature = Webhook(secret).sign(message, NOW, body)

    assert standard_signed(message, SECONDS, signature, body.encode(), ["another", secret, "whsec_AAAA"], NOW_MS)
    assert standard_signed(message, SECONDS, f"v1a,xx v1,AAAA {signature} v2,x", body.encode(), [secret], NOW_MS)


@given(IDS, BODIES.filter(bool), st.data())
def test_changed_byte_fails(message: str, body: str, data: st.DataObject) -> None:
    """Any single byte of body, id, time or signature that differs is refused."""
    raw = body.encode()
    signature = Webhook(SECRET).sign(message, NOW, body)
    place = data.draw(st.integers(0, len(raw) - 1))
    forged = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]

    assert standard_signed(message, SECONDS, signature, raw, [SECRET], NOW_MS)
    assert not standard_signed(message, SECONDS, signature, forged, [SECRET], NOW_MS)
    assert not standard_signed(changed(message, data), SECONDS, signature, raw, [SECRET], NOW_MS)
    assert not standard_signed(message, changed(SECONDS, data), signature, raw, [SECRET], NOW_MS)
    assert not standard_signed(message, SECONDS, changed(signature, data), raw, [SECRET], NOW_MS)


@pytest.mark.parametrize(("seconds", "passes"), [(0, True), (-300, True), (300, True), (-301, False), (301, False)])
def test_stale_is_refused(seconds: int, passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """Five minutes either way, however well it is signed."""
    signed_at = NOW + timedelta(seconds=seconds)
    signature = Webhook(SECRET).sign("msg_1", signed_at, "{}")

    assert standard_signed("msg_1", str(round(signed_at.timestamp())), signature, b"{}", [SECRET], NOW_MS) is passes


@pytest.mark.parametrize("seconds", [f"{SECONDS}.0", f" {SECONDS}", f"+{SECONDS}", "", "now", "٣" * 10, "9" * 30])
def test_odd_time_is_refused(seconds: str) -> None:
    """A time is digits, even where a signature fits it."""
    made = hmac.digest(base64.b64decode(SECRET[6:]), f"msg_1.{seconds}.{{}}".encode(), hashlib.sha256)
    signature = f"v1,{base64.b64encode(made).decode()}"

    assert not standard_signed("msg_1", seconds, signature, b"{}", [SECRET], NOW_MS)


def test_one_of_many_signatures() -> None:
    """While a sender rotates, one signature of several suffices; what follows the sixteenth is not looked at."""
    signature = Webhook(SECRET).sign("msg_1", NOW, "{}")

    assert standard_signed("msg_1", SECONDS, " ".join(["v1,AAAA"] * 15 + [signature]), b"{}", [SECRET], NOW_MS)
    assert not standard_signed("msg_1", SECONDS, " ".join(["v1,AAAA"] * 16 + [signature]), b"{}", [SECRET], NOW_MS)


def test_plain_secret() -> None:
    """A secret that is plain text signs as it is; text that is base64, too, is tried in both ways."""
    for secret in ("a plain secret!", "justsixteenchars"):
        made = hmac.digest(secret.encode(), f"msg_1.{SECONDS}.{{}}".encode(), hashlib.sha256)

        assert standard_signed("msg_1", SECONDS, f"v1,{base64.b64encode(made).decode()}", b"{}", [secret], NOW_MS)


@pytest.mark.parametrize(
    ("secret", "keys"),
    [
        ("", []),
        ("whsec_AAEC", [b"\x00\x01\x02"]),
        ("whsec_AAE", [b"\x00\x01"]),
        ("whsec_not base64", [b"whsec_not base64"]),
        ("whsec_", [b"whsec_"]),
        ("AAEC", [b"\x00\x01\x02", b"AAEC"]),
        ("plain!", [b"plain!"]),
    ],
)
def test_keys_of_secret(secret: str, keys: list[bytes]) -> None:
    """Never an empty key: anyone could sign with that."""
    assert standard_keys(secret) == keys


@given(st.none() | st.text(max_size=80), st.none() | st.text(max_size=20), st.none() | st.text(max_size=200))
def test_malformed_fails(message: str | None, seconds: str | None, signature: str | None) -> None:
    """Whatever stands in the headers is at worst refused."""
    assert not standard_signed(message, seconds, signature, b"{}", [SECRET], NOW_MS)
    assert not hmac_signed(signature, b"{}", ["secret"], "hex")
    assert not hmac_signed(signature, b"{}", ["secret"], "base64")
    assert not bearer_known(signature, ["secret-of-the-shop"])


def test_no_secret_no_proof() -> None:
    """Without a secret nothing is proven, not even by a signature of the empty key."""
    made = hmac.digest(b"", b"{}", hashlib.sha256)

    assert not hmac_signed(made.hex(), b"{}", [""], "hex")
    assert not standard_signed("m", SECONDS, "v1," + base64.b64encode(made).decode(), b"{}", ["", "whsec_"], NOW_MS)
    assert not bearer_known("Bearer ", [""])


@given(st.text(min_size=1, max_size=40), st.binary(min_size=1, max_size=200), st.sampled_from(["hex", "base64"]), st.booleans(), st.data())
def test_hmac_of_header(secret: str, body: bytes, encoding: str, prefixed: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
    """The body's HMAC in a header proves it, after `sha256=` or not; any single byte of either that differs is refused."""
    made = hmac.digest(secret.encode(), body, hashlib.sha256)
    text = ("sha256=" if prefixed else "") + (made.hex() if encoding == "hex" else base64.b64encode(made).decode())
    place = data.draw(st.integers(0, len(body) - 1))
    forged = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    how: Encoding = "hex" if encoding == "hex" else "base64"

    assert hmac_signed(text, body, ["another", secret], how)
    assert not hmac_signed(text, forged, ["another", secret], how)
    assert not hmac_signed(changed(text, data), body, ["another", secret], how)


def test_upper_hex() -> None:
    """Hex in upper case is taken, mixed is not: a signature has one spelling."""
    made = hmac.digest(b"secret", b"{}", hashlib.sha256).hex()

    assert hmac_signed(made.upper(), b"{}", ["secret"], "hex")
    assert not hmac_signed(made[:32] + made[32:].upper(), b"{}", ["secret"], "hex")


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("Bearer the-second-secret", True),
        ("bearer the-second-secret", True),
        ("the-second-secret", False),
        ("Basic the-second-secret", False),
        ("Bearer  the-second-secret", False),
        ("Bearer the-second-secret ", False),
        ("Bearer the-second-secreT", False),
        ("Bearer", False),
        (None, False),
    ],
)
def test_bearer(header: str | None, passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """One of the secrets, whole, after the scheme's name."""
    assert bearer_known(header, ["the-first-secret", "the-second-secret"]) is passes
