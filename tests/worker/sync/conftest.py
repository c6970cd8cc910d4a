"""The three simulated ERPs, once for a run, and kitrelay's lanes over them for each test that asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.harness import RunningSandbox
from tests.worker.sync.relay import COMPANIES, QUICK, Owner, Relay, hurry, tenant_of
from worker.sandbox import SandboxSettings
from worker.sandbox.settings import CompanySettings
from worker.settings import Sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.engine import Database

Begin = Callable[..., Relay]


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """Where the ERPs answer; each company is in all three."""
    with RunningSandbox(SandboxSettings(companies=tuple(CompanySettings(name) for name in COMPANIES), items=4, **QUICK)) as sandbox:
        yield sandbox.url


@pytest.fixture
def owner(sandbox_url: str) -> Iterator[Owner]:
    """The ERPs as at the start."""
    found = Owner(sandbox_url)
    found.ask("POST", "reset", {})
    yield found
    found.http.close()


@pytest.fixture
def begin(owner: Owner, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Start the lanes of a tenant, `acme` unless named; what is given beside its connections is for its syncs."""
    hurry(monkeypatch)
    with ExitStack() as stack:

        def start(source: str = "visma", *targets: str, names: tuple[str, ...] = ("acme",), **given: Any) -> Relay:
            stack.close()  # another start is another process: the one before has ended
            connections = {erp: given.pop(erp) for erp in ("visma", "itempath", "intacct") if erp in given}
            sync = Sync(source=source, targets=targets, **{"compare_every": None, **given})
            tenants = [tenant_of(owner.url, name, sync=sync, **connections) for name in names]
            return stack.enter_context(Relay(sqlite_db, owner.url, *tenants))

        yield start
