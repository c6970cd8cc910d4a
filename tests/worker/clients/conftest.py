"""A scripted ERP, and connections that are closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.clients.erp import Erp
from worker.clients.base import ClientPool
from worker.settings import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def erp() -> Iterator[Erp]:
    """An ERP that says what the test scripted."""
    server = Erp()
    yield server
    server.close()


@pytest.fixture
def pool() -> Iterator[ClientPool]:
    """Connections with short timeouts."""
    with ClientPool(Timing(connect=5.0, call=1.0)) as made:
        yield made
