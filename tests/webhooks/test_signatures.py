"""Proofs: what the sender signed is taken, anything else is not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.signatures import TOLERANCE_MS, digest, fresh, visma_signature, visma_signed, which

KEYS = st.text(min_size=1, max_size=40)


@given(KEYS, st.binary(max_size=200))
def test_signed_body_passes(key: str, body: bytes) -> None:
    """A body signed with one of the keys is proven, wherever the key stands."""
    assert visma_signed(visma_signature(key, body), body, ["another", key, "a third"])


@given(KEYS, st.binary(min_size=1, max_size=200), st.data())
def test_changed_byte_fails(key: str, body: bytes, data: st.DataObject) -> None:
    """Any single byte of the body that differs, by any amount, is refused."""
    place = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.integers(1, 255))
    forged = body[:place] + bytes([body[place] ^ other]) + body[place + 1 :]

    assert not visma_signed(visma_signature(key, body), forged, [key])


@given(KEYS, st.binary(max_size=50), st.data())
def test_changed_signature_fails(key: str, body: bytes, data: st.DataObject) -> None:
    """Any single character of the signature that differs is refused: base64 has spare bits, which may not vary either."""
    signature = visma_signature(key, body)
    place = data.draw(st.integers(0, len(signature) - 1))
    char = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda each: each != signature[place]))

    assert not visma_signed(signature[:place] + char + signature[place + 1 :], body, [key])


@given(st.one_of(st.none(), st.text(max_size=100)))
def test_malformed_signature_fails(signature: str | None) -> None:
    """Whatever stands where the signature should be is at worst refused."""
    assert not visma_signed(signature, b"{}", ["key"])


@pytest.mark.parametrize("keys", [[], [""]])
def test_no_key_no_proof(keys: list[str]) -> None:
    """Without a key nothing is proven, not even by a signature of the empty key."""
    assert not visma_signed(visma_signature("", b"{}"), b"{}", keys)


def test_known_signature_holds() -> None:
    """The algorithm is HMAC-SHA256 in base64: RFC 4231's second case."""
    made = base64.b64decode(visma_signature("Jefe", b"what do ya want for nothing?"))

    assert made.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(st.lists(KEYS, min_size=1, max_size=5, unique=True), st.data())
def test_secret_is_found(secrets: list[str], data: st.DataObject) -> None:
    """A secret that is known is found at its place, and one that is not is not."""
    place = data.draw(st.integers(0, len(secrets) - 1))
    digests = [digest(each) for each in secrets]

    assert which(secrets[place], digests) == place
    assert which(secrets[place] + "x", [digest(each) for each in secrets if each != secrets[place] + "x"]) is None


@pytest.mark.parametrize("given_", [None, "", "x" * 1000])
def test_empty_secret_fails(given_: str | None) -> None:
    """Nothing, or far too much, is never a known secret, even if somebody made the empty one known."""
    assert which(given_, [digest(""), digest("x" * 1000)]) is None


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        (None, True),
        ("1000000000", True),
        (str(1_000_000_000 - TOLERANCE_MS), True),
        (str(1_000_000_000 + TOLERANCE_MS), True),
        (str(1_000_000_000 - TOLERANCE_MS - 1), False),
        (str(1_000_000_000 + TOLERANCE_MS + 1), False),
        ("", False),
        ("-5", False),
        ("1e9", False),
        ("٣", False),
        ("9" * 40, False),
    ],
)
def test_stale_is_refused(header: str | None, passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """Five minutes either way; what is no number is not fresh."""
    assert fresh(header, 1_000_000_000) is passes
