"""Lists that people paste, as items of a batch."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.dashboard.batches.pasted import by_line, read
from worker.errors import Fault
from worker.kinds import KINDS

RELEASE = "release_kit_assembly"


@pytest.mark.parametrize("line", ["P 000123", "P/000123", "p\t000123", " P / 000123 ", "P;000123", "P, 000123", "000123"])
def test_documents_by_line(line: str) -> None:
    """A document is named as people name it; a number alone is of the usual type."""
    assert read(line, RELEASE).items == [{"type": "P", "ref_no": "000123"}]


def test_numbers_take_the_type() -> None:
    """Where the type is said it stands, else the usual one does."""
    assert [item["type"] for item in read("1\nP 2\nD 3", RELEASE, "D").items] == ["D", "P", "D"]


def test_repeats_are_left_out() -> None:
    """What was said before is counted, and not done twice; lines keep their numbers."""
    found = read("P 1\n\n1\nP/2\nP 1", RELEASE)
    assert ([item["ref_no"] for item in found.items], list(found.lines), found.again) == (["1", "2"], [1, 4], 2)


def test_kits_by_line() -> None:
    """A kit's code may hold spaces and slashes."""
    assert read(" KIT 1/2 \nOTHER", "sync_kit_lines").items == [{"kit": "KIT 1/2"}, {"kit": "OTHER"}]


def test_json_by_line_and_list() -> None:
    """Objects may stand on lines of their own or in one list."""
    items = [{"type": "P", "ref_no": "1"}, {"type": "D", "ref_no": "2"}]
    lines = "\n".join(map(json.dumps, items))
    assert read(lines, RELEASE).items == read(json.dumps(items, indent=1), RELEASE).items == items


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("P 1\nP 2 3", RELEASE, "line 2"),
        ('P 1\n{"a": ', RELEASE, "line 2"),
        ("[1,\n2", RELEASE, "line 2"),
        ("P 1", "create_kit_assembly", "line 1"),
    ],
)
def test_what_is_none(text: str, kind: str, place: str) -> None:
    """A line that is no item is named."""
    assert [fault.path for fault in read(text, kind).faults] == [place]


def test_faults_have_their_line() -> None:
    """What the API finds wrong with an item is told with the line that it stands on."""
    found = read("P 1\n\nP 2", RELEASE)
    assert found.placed(Fault("items[1].ref_no", "is too long")) == Fault("line 3", "ref_no is too long")
    assert found.placed(Fault("items[7].ref_no", "x")) == Fault("items[7].ref_no", "x")
    assert found.placed(Fault("name", "x")) == Fault("name", "x")


@given(st.text(max_size=60), st.sampled_from(sorted(KINDS)))
def test_any_text_is_read(text: str, kind: str) -> None:
    """Whatever is pasted comes out as items or faults, and each item knows its line."""
    found = read(text, kind)
    assert len(found.items) == len(found.lines)
    if text.strip() and not text.lstrip().startswith("["):
        assert found.items or found.faults
    assert by_line(kind) or all(not isinstance(item, dict) or text.lstrip()[0] in "[{" for item in found.items)
