"""The operators' pages: looking and acting, for people who are logged in with an API key. Their routes are one table.

A page asks through the API's own handlers, in the same process, as the person who looks; it calls no ERP. What moves by itself is a block
of its template whose name begins with `live`, asked for alone by `?part=<name>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.dashboard import leaving, today
from webhooks.dashboard.visiting import PageRoute

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES: Final[Sequence[PageRoute]] = (
    PageRoute("GET", "/", "view", today.shown),
    PageRoute("POST", "/logout", "view", leaving.logout),
)
