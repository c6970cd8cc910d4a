"""Paths, ids and the background header."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.visma.names import (
    background_header,
    document_path,
    operation_id,
    operation_path,
    path_value,
    ref_no_from_location,
    value_of_path,
)
from worker.settings import Secret, Visma

SETTINGS = Visma("https://api", "https://token", "id", Secret("s"), "tenant")
ID = "5d0c2b1e-2b0f-4a58-9a9c-6f5f0b1c2d3e"


def test_plain_value_stays() -> None:
    """Letters, digits and harmless marks stand as they are."""
    assert document_path("P", "000123-A_1.x~") == "/v1/kitassembly/P/000123-A_1.x~"


@pytest.mark.parametrize(
    ("text", "segment"), [("A/B", "b64(QS9C)"), ("a b", "b64(YSBi)"), ("..", "b64(Li4)"), ("Ø1", "b64(w5gx)"), ("?>", "b64(Pz4)")]
)
def test_reserved_value_is_wrapped(text: str, segment: str) -> None:
    """Anything that could change the path is written in base64url."""
    assert path_value(text) == segment


@given(text=st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
def test_path_value_comes_back(text: str) -> None:
    """Whatever the value, it is one segment, and reads back."""
    segment = path_value(text)

    assert not set(segment) & set("/?#% \\")
    assert segment not in (".", "..")
    assert value_of_path(segment) == text


@pytest.mark.parametrize(
    ("location", "names"),
    [
        ("https://api.finance.visma.net/v1/kitassembly/P/000123", ("P", "000123")),
        ("https://finance.visma.net/4711/api/v1/KitAssembly/D/000123?x=1", ("D", "000123")),
        ("/controller/api/v1/kitassembly/000123", (None, "000123")),
        ("/v1/kitassembly/P/b64(QS9C)", ("P", "A/B")),
        ("/v1/kitassembly/P/A%2FB", ("P", "A/B")),
        ("/v1/kitassembly/P", None),
        (f"https://api.finance.visma.net/v1/background/{ID}", None),
        ("", None),
    ],
)
def test_location_names_the_document(location: str, names: tuple[str | None, str] | None) -> None:
    """Type and number are taken from the path, on whatever host; the header's case is unknown."""
    assert ref_no_from_location({"Content-Length": "0", "location": location}) == names
    assert ref_no_from_location(httpx.Headers({"Location": location})) == names
    assert ref_no_from_location({"LOCATION": [location]}) == names


def test_no_headers_name_nothing() -> None:
    """`responseHeaders` may be null."""
    assert ref_no_from_location(None) is None


def test_operation_id_is_found() -> None:
    """The first UUID of an id or an address; anything else is none."""
    assert operation_id(None, f"https://elsewhere/v1/background/{ID}/content") == ID
    assert operation_id("12", 7) is None
    assert operation_path("a/../b") == "/v1/background/a%2F..%2Fb"


def test_background_header_by_setting() -> None:
    """A pair that names our job; nothing; or our address with its first token."""
    url = replace(
        SETTINGS, background="url", callback_url="https://relay/webhooks/visma/acme/", callback_tokens=(Secret("t/1"), Secret("t2"))
    )

    assert background_header(SETTINGS, "0191-a") == "subscription:kitrelay-job=0191-a"
    assert background_header(replace(SETTINGS, background="none"), "0191-a") == "none"
    assert background_header(url, "0191-a") == "https://relay/webhooks/visma/acme/t%2F1?job=0191-a"


@pytest.mark.parametrize("job_id", ["", "a,b=c", "a b", "a\r\nX: y"])
def test_strange_job_id_is_refused(job_id: str) -> None:
    """The header knows no escaping."""
    with pytest.raises(ValueError, match="job id"):
        background_header(SETTINGS, job_id)
