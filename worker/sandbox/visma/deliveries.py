"""Notifications on their way: POST, and again with growing waits while nobody takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from worker.sandbox.counters import Counters


class Deliveries:
    """Delivers over connections that are kept. Which answers count as taken is not documented: here any 2xx."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do this in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def deliver(self, url: str, body: bytes, headers: Mapping[str, str], counters: Counters, tries: int, first_retry: float) -> bool:
        """Whether somebody took it, in the end."""
        counters.notifications["sent"] += 1
        for number in range(tries):
            if number:
                counters.notifications["retried"] += 1
                await asyncio.sleep(first_retry * 2 ** (number - 1))
            if await self._post(url, body, headers):
                counters.notifications["accepted"] += 1
                return True
            counters.notifications["refused"] += 1
        counters.notifications["given_up"] += 1
        return False

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether one try was answered with 2xx."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=60.0)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=10.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                auto_decompress=False,
            )
        target = self._urls.get(url)
        if target is None:
            target = self._urls[url] = URL(url)
        try:
            async with self._session.post(target, data=body, headers=headers, allow_redirects=False) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def cancel(self) -> None:
        """What is not delivered yet never will be."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop, and give the connections back."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None
