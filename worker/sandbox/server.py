"""One process, one port: the simulated ERPs and the sandbox's own routes."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

from worker.sandbox.control import Control
from worker.sandbox.intacct.api import Intacct
from worker.sandbox.itempath.api import ItemPath
from worker.sandbox.visma.api import Visma
from worker.sandbox.wire import Framed, frame, message
from worker.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.sandbox.erps import Erp
    from worker.sandbox.settings import SandboxSettings

_CONTROL = "_sandbox"
_GRACE = 1.0


class Sandbox:
    """All simulated ERPs behind one handler; each is found by the first part of the path."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.world = World(settings)
        self.visma = Visma(self.world)
        self.erps: tuple[Erp, ...] = (self.visma, ItemPath(self.world), Intacct(self.world))
        self._control = Control(self.world, self.visma, self.erps, settings)
        self._by_prefix: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            prefix: erp.handle for erp in self.erps for prefix in erp.prefixes
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        first = request.raw_path.partition("?")[0].lstrip("/").partition("/")[0]
        erp = self._by_prefix.get(first)
        if erp is not None:
            return await erp(request)
        answer = await self._control.handle(request) if first == _CONTROL else message(404, "There is nothing here.")
        return Framed(frame(answer))

    async def close(self) -> None:
        """Give back what is held."""
        for erp in self.erps:
            await erp.close()


async def serve(settings: SandboxSettings, ready: Callable[[int], None], stop: asyncio.Event | None = None) -> None:
    """Serve until cancelled or told to stop; `ready` gets the port once calls are answered."""
    sandbox = Sandbox(settings)
    server = web.Server(sandbox.handle, access_log=None, keepalive_timeout=600.0)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=1_024)
        await site.start()
        port = runner.addresses[0][1]
        sandbox.world.base = settings.public_url or f"http://{settings.host}:{port}"
        ready(port)
        await (stop or asyncio.Event()).wait()
    finally:
        await sandbox.close()
        await runner.cleanup()


def run(settings: SandboxSettings, ready: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    uvloop.run(_until_signal(settings, ready or (lambda _port: None)))


async def _until_signal(settings: SandboxSettings, ready: Callable[[int], None]) -> None:
    """Serve; both signals end it cleanly."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, ready, stop)
