"""Intacct's proof: what the client's secret signed for this body and this time is taken, anything else is not."""

from __future__ import annotations

import base64
from hashlib import sha256
from string import ascii_letters, digits
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.intacct_signing import HOUR_MS, NOW_MS, claims_of, signed, token, wrapped
from webhooks.signatures import TOLERANCE_MS
from webhooks.signatures_intacct import intacct_signed

KEYS = st.text(min_size=1, max_size=40)
BODY = b'{"kit": {"id": "K1"}}'


def proves(signature: str | None, body: bytes = BODY, keys: tuple[str, ...] = ("key",), now_ms: int = NOW_MS) -> bool:
    """Whether it does, with one key and now."""
    return intacct_signed(signature, body, keys, now_ms)


@given(KEYS, st.binary(max_size=200), st.sampled_from([lambda jwt: jwt, wrapped]))
def test_signed_body_passes(key: str, body: bytes, form: Any) -> None:
    """A body signed with one of the keys is proven, wherever the key stands, in either form of the header."""
    assert proves(form(token(body, key)), body, ("another", key, "a third"))


@given(st.binary(min_size=1, max_size=200), st.data())
def test_changed_body_fails(body: bytes, data: st.DataObject) -> None:
    """Any single byte of the body that differs, by any amount, is refused."""
    place = data.draw(st.integers(0, len(body) - 1))
    forged = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]

    assert not proves(token(body, "key"), forged)


@given(st.data())
def test_changed_token_fails(data: st.DataObject) -> None:
    """Any single character of the token that differs, is missing or is too many is refused; base64's spare bits may not vary either."""
    whole = token(BODY, "key")
    place = data.draw(st.integers(0, len(whole) - 1))
    char = data.draw(st.one_of(st.sampled_from("ABab01-_+/=.\n "), st.characters(max_codepoint=0x2FF)).filter(lambda c: c != whole[place]))

    assert not proves(whole[:place] + char + whole[place + 1 :])
    assert not proves(whole[:place] + whole[place + 1 :])
    assert not proves(whole[:place] + char + whole[place:])


def test_every_place_counts() -> None:
    """So it is at every place of the token, one after another."""
    whole = token(BODY, "key")

    assert proves(whole)
    for place, old in enumerate(whole):
        assert not proves(whole[:place] + ("A" if old != "A" else "B") + whole[place + 1 :])


def test_spare_bits_count() -> None:
    """The last character of a signature has two bits that mean nothing: of the four spellings one is right."""
    whole = token(BODY, "key")

    assert [char for char in ascii_letters + digits + "-_" if proves(whole[:-1] + char)] == [whole[-1]]


@given(st.data())
def test_changed_envelope_fails(data: st.DataObject) -> None:
    """A changed envelope is refused, or it holds the very same token: what is around the token proves nothing and is not looked at."""
    jwt = token(BODY, "key")
    whole = wrapped(jwt)
    place = data.draw(st.integers(0, len(whole) - 1))
    char = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda each: each != whole[place]))
    forged = whole[:place] + char + whole[place + 1 :]

    if proves(forged):
        assert orjson.loads(base64.b64decode(forged + "=="))["jwtData"] == jwt


@given(st.one_of(st.none(), st.text(max_size=100), st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())))
def test_malformed_fails(signature: str | None) -> None:
    """Whatever stands where the proof should be is at worst refused."""
    assert not proves(signature)


@given(
    st.recursive(st.none() | st.booleans() | st.integers(0, 2**53) | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2)),
    st.sampled_from(["iss", "iat", "exp", "payload_signature"]),
)
def test_odd_claims_fail(value: Any, name: str) -> None:
    """A rightly signed token with a claim of another kind is refused; a time may be any that fits."""
    fits = name in {"iat", "exp"} and isinstance(value, int) and not isinstance(value, bool)

    assert fits or not proves(signed({**claims_of(BODY), name: value}, "key"))


@pytest.mark.parametrize("claims", [None, [], "x", 7, {}])
def test_claims_are_an_object(claims: Any) -> None:
    """Signed, and nothing said."""
    assert not proves(signed(claims, "key"))


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "hs256"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"typ": "JWT"},
        {},
        [],
        "HS256",
        {"alg": "HS256", "crit": ["exp"]},
    ],
)
def test_other_algorithm_fails(head: Any) -> None:
    """HS256 alone, whatever the token says of itself; an extension that must be understood is not."""
    assert not proves(signed(claims_of(BODY), "key", head))


def test_unsigned_token_fails() -> None:
    """A token of the algorithm "none" brings no signature, and is none."""
    text = signed(claims_of(BODY), "key", {"alg": "none"}).rpartition(".")[0]

    assert not proves(text + ".")
    assert not proves(wrapped(text + "."))


@pytest.mark.parametrize("keys", [(), ("",)])
def test_no_key_no_proof(keys: tuple[str, ...]) -> None:
    """Without a key nothing is proven, not even by a signature of the empty key."""
    assert not proves(token(BODY, ""), keys=keys)


@pytest.mark.parametrize(
    ("issued", "expires", "passes"),
    [
        (NOW_MS, NOW_MS + HOUR_MS, True),
        (NOW_MS // 1000, NOW_MS // 1000 + 3600, True),
        (NOW_MS, NOW_MS // 1000 + 3600, True),
        (NOW_MS / 1000, NOW_MS / 1000 + 3600.5, True),
        (NOW_MS - 2 * HOUR_MS, NOW_MS - TOLERANCE_MS, True),
        (NOW_MS - 2 * HOUR_MS, NOW_MS - TOLERANCE_MS - 1, False),
        (NOW_MS // 1000 - 7200, NOW_MS // 1000 - 301, False),
        (NOW_MS + TOLERANCE_MS, NOW_MS + HOUR_MS, True),
        (NOW_MS + TOLERANCE_MS + 1, NOW_MS + HOUR_MS, False),
        (NOW_MS // 1000 + 301, NOW_MS // 1000 + 3600, False),
        (None, NOW_MS + HOUR_MS, False),
        (NOW_MS, None, False),
        (NOW_MS, True, False),
        (str(NOW_MS), NOW_MS + HOUR_MS, False),
        (NOW_MS, -1, False),
    ],
)
def test_times(issued: Any, expires: Any, passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """Seconds or milliseconds, five minutes of tolerance: not expired, not of the future, and both told."""
    assert proves(token(BODY, "key", iat=issued, exp=expires)) is passes


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({"iss": "sage intacct"}, False),
        ({"iss": None}, False),
        ({"payload_signature": None}, False),
        ({"payload_signature": sha256(b"other").hexdigest()}, False),
        ({"payload_signature": sha256(BODY).hexdigest().upper()}, True),
        ({"payload_signature": "é"}, False),
        ({"app_id": "more", "nothing": []}, True),
    ],
)
def test_claims(change: dict[str, Any], passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """The issuer's name and the body's hash must be there and right."""
    assert proves(token(BODY, "key", **change)) is passes


def test_too_long_fails() -> None:
    """No header of Intacct's is longer than a server takes; what is, is not looked at."""
    assert proves(token(BODY, "key", note="x" * 4_000))
    assert not proves(token(BODY, "key", note="x" * 9_000))
