"""The pages over real processes: three simulated ERPs, receiver, worker and scheduler, and Chromium. One set serves all tests of pages.

Tests share what the processes hold: each makes what it looks at, and counts nothing that another may add to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.browser import CHROMIUM, Tab, chromium, tab
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PLAN: Final = Plan(
    documents=120,
    accept_ms=10,
    finish_ms=60,
    read_ms=5,
    worker_threads=16,
    web_processes=1,
    visma={"first_poll": "2s"},
    erps=("visma", "itempath", "intacct"),
    sync={"source": "intacct", "targets": ["itempath", "visma"], "compare_every": "never"},
    sources=({"name": "webshop", "scheme": "standard-webhooks", "secrets": ["whsec_cGFnZXMtb3BlcmF0b3JzLXNlY3JldC0xMjM0NTY="]},),
    rules=(
        {
            "source": "webshop",
            "on": "order.paid",
            "each": "data.lines",
            "do": "create_kit_assembly",
            "with": {"item_id": "item.sku", "quantity": "item.qty", "warehouse": "'MAIN'"},
            "unique_key": "join('/', [event.data.order_no, item.sku])",
        },
    ),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests in a browser run in one process, one after another; where there is no Chromium they are left out."""
    browsing = [item for item in items if isinstance(item, pytest.Function) and {"window", "browser", "cluster"} & set(item.fixturenames)]
    for item in browsing:
        item.add_marker(pytest.mark.xdist_group("pages"))
        item.add_marker(pytest.mark.timeout(300))
    if CHROMIUM is None:
        items[:] = [item for item in items if item not in browsing]
        config.hook.pytest_deselected(items=browsing)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The processes. Its tenant is `demo`; its key is an admin's."""
    with Cluster(tmp_path_factory.mktemp("pages") / "cluster", PLAN) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def window(browser: Browser, cluster: Cluster) -> Iterator[Tab]:
    """A window of an admin who is logged in."""
    with tab(browser, cluster.url, cluster.key) as opened:
        yield opened
