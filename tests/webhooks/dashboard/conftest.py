"""The pages over real processes: three simulated ERPs, receiver, worker and scheduler, and Chromium. One set serves all tests of pages.

Tests share what the processes hold: each makes what it looks at, and counts nothing that another may add to.
"""

from __future__ import annotations

from contextlib import ExitStack
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


STAGE: Final = pytest.StashKey[ExitStack]()
LEFT: Final = pytest.StashKey[int]()
GROUP: Final = "pages"


def pytest_collection_finish(session: pytest.Session) -> None:
    """How many tests in a browser there are."""
    session.config.stash[LEFT] = sum(_group(item) == GROUP for item in session.items)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """After the last test in a browser the processes end."""
    if _group(item) != GROUP:
        return
    left = item.config.stash[LEFT] = item.config.stash[LEFT] - 1
    if not left and STAGE in item.config.stash:
        item.config.stash[STAGE].close()


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker is not None else ""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests in a browser run in one process, one after another; where there is no Chromium they are left out."""
    browsing = [item for item in items if isinstance(item, pytest.Function) and {"window", "browser", "cluster"} & set(item.fixturenames)]
    for item in browsing:
        item.add_marker(pytest.mark.xdist_group(GROUP))
        item.add_marker(pytest.mark.timeout(300))
    if CHROMIUM is None:
        items[:] = [item for item in items if item not in browsing]
        config.hook.pytest_deselected(items=browsing)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, stage: ExitStack) -> Cluster:
    """The processes. Its tenant is `demo`; its key is an admin's."""
    return stage.enter_context(Cluster(tmp_path_factory.mktemp("pages") / "cluster", PLAN))


@pytest.fixture(scope="session")
def browser(stage: ExitStack) -> Browser:
    """Chromium."""
    return stage.enter_context(chromium())


@pytest.fixture(scope="session")
def stage(pytestconfig: pytest.Config) -> Iterator[ExitStack]:
    """What runs for these tests. It ends with the last of them, so that it costs the rest of the session nothing."""
    with ExitStack() as running:
        pytestconfig.stash[STAGE] = running
        yield running


@pytest.fixture
def window(browser: Browser, cluster: Cluster) -> Iterator[Tab]:
    """A window of an admin who is logged in."""
    with tab(browser, cluster.url, cluster.key) as opened:
        yield opened
