"""The company `demo` in Intacct, as at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.intacct.harness import Books

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.sandbox.harness import RunningSandbox


@pytest.fixture
def books(sandbox: RunningSandbox) -> Iterator[Books]:
    """The company `demo`, as at the start, with calls that take no time."""
    books = Books(sandbox.url)
    assert books.owner.post("/reset").status_code == 204
    books.change(intacct_ms=0)
    with books:
        yield books
