"""Error classes by the ERP's words."""

from __future__ import annotations

import pytest

from worker.clients.outcomes import class_of, error_of
from worker.errors import CallError, Unclear

WORDS = [
    ("Payment can't be updated because it is already released.", "conflict"),
    ("Payment can\N{RIGHT SINGLE QUOTATION MARK}t be updated.", "conflict"),
    ("Document status does not allow this action", "conflict"),
    ("The document is on hold and can not be released", "conflict"),
    ("Another process has updated the 'INKitRegister' record. Your changes will be lost.", "conflict"),
    ("Inventory item 'KIT-9' cannot be found in the system.", "missing_reference"),
    ("Warehouse 'X' does not exist", "missing_reference"),
    ("Item not found", "missing_reference"),
    ("Reference number 000123 already exists", "duplicate"),
    ("The record must be unique", "duplicate"),
    ("No license for this company", "auth"),
    ("Quantity must be greater than zero", "validation"),
    ("", "validation"),
]


@pytest.mark.parametrize(("message", "expected"), WORDS)
def test_words_name_the_class(message: str, expected: str) -> None:
    """The prose of a 400 tells what it is."""
    assert class_of(message) == expected


def test_status_outweighs_words() -> None:
    """409 and 412 are conflicts, whatever they say, but for a duplicate told with 409."""
    assert class_of("Quantity must be greater than zero", 409) == "conflict"
    assert class_of("already exists", 409) == "duplicate"
    assert class_of("already exists", 412) == "conflict"


def test_2xx_is_no_error() -> None:
    """Every 2xx is good."""
    assert [error_of(status, "", write=True) for status in range(200, 300)] == [None] * 100


def test_read_is_never_unclear() -> None:
    """A read that failed changed nothing: there is nothing to look for."""
    errors = [error_of(status, "x", write=False) for status in range(300, 600)]

    assert not any(isinstance(error, Unclear) for error in errors)
    assert all(isinstance(error, CallError) for error in errors)
