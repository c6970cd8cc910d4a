"""What the pages are served with: one record, put together where the application is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.api.asking import Api
    from webhooks.concurrency import Concurrency
    from webhooks.dashboard.login import Login
    from webhooks.dashboard.sessions import Sessions
    from webhooks.problems import Problem
    from webhooks.testing import Trials
    from worker.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts that pages are served with. `problem_for` makes of any exception what may be told of it."""

    api: Api
    trials: Trials
    sessions: Sessions
    login: Login
    concurrency: Concurrency
    metrics: Metrics
    problem_for: Callable[[Exception], Problem]
