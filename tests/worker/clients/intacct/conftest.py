"""A client of the scripted ERP that has its token already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.clients.erp import Said
from tests.worker.clients.intacct.samples import sample
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.tokens import IntacctTokens
from worker.settings import Intacct, Secret

if TYPE_CHECKING:
    from tests.worker.clients.erp import Erp
    from worker.clients.answers import Answer
    from worker.clients.base import ClientPool

EMPTY = {"ia::result": [], "ia::meta": {"totalCount": 0, "next": None}}


@pytest.fixture
def settings(erp: Erp) -> Intacct:
    """A company of the scripted ERP."""
    return Intacct(f"{erp.url}/ia/api/v1", "us", Secret("s3cr3t/&="), "kitrelay@acme")


@pytest.fixture
def told() -> list[Answer]:
    """What the observer was told of calls."""
    return []


@pytest.fixture
def client(erp: Erp, pool: ClientPool, settings: Intacct, told: list[Answer]) -> IntacctClient:
    """The client, after its first call."""
    erp.says(sample("token.200.json"), Said(200, EMPTY))
    made = IntacctClient(settings, pool, IntacctTokens(pool).auth(settings), told.append)
    made.probe()
    erp.asked.clear()
    told.clear()
    return made
