"""One sandbox and one receiver for each module, as new for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.harness import Erp, Receiver, RunningSandbox
from worker.sandbox import CompanySettings, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def module_receiver() -> Iterator[Receiver]:
    """Where both companies' notifications go."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def sandbox(module_receiver: Receiver) -> Iterator[RunningSandbox]:
    """Two companies, quick operations, short faults."""
    companies = tuple(CompanySettings(name, webhook_url=module_receiver.url) for name in ("demo", "other"))
    settings = SandboxSettings(
        companies=companies,
        accept_ms=0,
        finish_ms=5,
        jitter=0,
        first_retry=0.02,
        late_seconds=0.2,
        slow_seconds=0.2,
        batch_seconds=0.1,
        late_release_seconds=0.2,
        down_seconds=0.1,
        forget_seconds=0.1,
    )
    with RunningSandbox(settings) as running:
        yield running


@pytest.fixture
def erp(sandbox: RunningSandbox) -> Iterator[Erp]:
    """The company `demo`, as at the start."""
    erp = Erp(sandbox.url)
    assert erp.owner.post("/reset").status_code == 204
    with erp:
        yield erp


@pytest.fixture
def other(erp: Erp) -> Iterator[Erp]:
    """The company `other` in the same sandbox."""
    with Erp(erp.url, "other") as other:
        yield other


@pytest.fixture
def receiver(erp: Erp, module_receiver: Receiver) -> Receiver:
    """The receiver, empty."""
    assert erp.company
    module_receiver.clear()
    return module_receiver
