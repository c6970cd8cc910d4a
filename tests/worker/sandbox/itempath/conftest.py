"""One installation, as new for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.itempath.house import IMPORT_MS, House

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.sandbox.harness import RunningSandbox


@pytest.fixture
def house(sandbox: RunningSandbox) -> Iterator[House]:
    """The company `demo` with a kit of three lines; imports come when the clock is moved."""
    house = House(sandbox.url)
    assert house.owner.post("/reset").status_code == 204
    house.change(import_ms=IMPORT_MS, itempath_write_ms=0)
    with house:
        house.put("KIT", ("BOLT", 4, 1), ("NUT", 8, 2), ("PLATE", 1, 3))
        yield house
