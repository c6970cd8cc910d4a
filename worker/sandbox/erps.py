"""What the sandbox asks of a simulated ERP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aiohttp import web

    from worker.sandbox.kits import KitStore
    from worker.sandbox.settings import CompanySettings


class Erp(Protocol):
    """One simulated ERP. `prefixes` are first parts of paths that are its own."""

    @property
    def name(self) -> str:
        """As in the counts and in `/_sandbox/kits/<name>/…`."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The first parts of the paths that it answers."""

    @property
    def kits(self) -> KitStore:
        """Its kits, for the sandbox's owner."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""

    def reset(self) -> None:
        """As at the start."""

    def take(self, companies: tuple[CompanySettings, ...]) -> None:
        """Other settings of the companies from now on."""

    def counts(self, *, documents: bool) -> dict[str, Any]:
        """All numbers, by company; with those of each document or kit if asked."""

    async def close(self) -> None:
        """Give back what is held."""
