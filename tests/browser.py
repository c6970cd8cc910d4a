"""Pages in headless Chromium: the system's own, driven by Playwright; and what every page must keep to."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS: Final = Path(__file__).parent.parent / "ci-output" / "pages"
WIDE: Final = {"width": 1360, "height": 900}
MIDDLE: Final = {"width": 800, "height": 900}
NARROW: Final = {"width": 390, "height": 844}
ZONE: Final = "Europe/Oslo"
HIDDEN: Final = """() => [...document.querySelectorAll('.table:has(.flow, .batches)')]
    .filter(place => place.scrollWidth > place.clientWidth).map(place => place.getAttribute('aria-label') || place.className)"""
"""Lists of which a part can't be seen."""

PATIENCE_MS: Final = 30_000
SERIOUS: Final = ("serious", "critical")
HURRY: Final = """
const setTimeout = window.setTimeout.bind(window);
window.setTimeout = (what, ms, ...more) => setTimeout(what, ms < 2000 ? ms : ms / 5, ...more);
"""
"""News that a page looks for every few seconds come five times as often."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; it ends with the block."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """A window of somebody who is logged in at `url`. `troubles` collects what the console complained of and what could not be loaded."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of ours."""
        self.page.goto(self.url + path)
        return self.page

    def press(self, name: str) -> None:
        """Press a button by its words."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def shoot(self, name: str) -> None:
        """Keep pictures of the page as it is: wide and narrow, light and dark; and hold it to what every page must keep to."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        for size, viewport in (("wide", WIDE), ("narrow", NARROW)):
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type] # a plain dict
            for theme in ("light", "dark"):
                self.page.emulate_media(color_scheme=theme)
                self.page.evaluate("window.scrollTo(0, 0)")
                self.page.screenshot(path=SHOTS / f"{name}-{size}-{theme}.png", full_page=True)
                self.must_fit(f"{name}, {size}, {theme}")
                if (size, theme) != ("narrow", "dark"):  # its colours were looked at wide, its places in the light
                    self.must_be_sound(f"{name}, {size}, {theme}")
        self.page.emulate_media(color_scheme="light")
        for viewport in (MIDDLE, WIDE):  # the widest last: the next look is at that
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type] # a plain dict
            self.must_fit(f"{name}, {viewport['width']} wide")

    def must_be_sound(self, what: str) -> None:
        """No serious fault of accessibility."""
        found = Axe().run(self.page).response["violations"]
        grave = [f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found if each["impact"] in SERIOUS]
        assert not grave, f"{what}: {grave}"

    def must_fit(self, what: str) -> None:
        """Nothing is wider than the window."""
        over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{what}: {over} pixels wider than its window"
        hidden = self.page.evaluate(HIDDEN)
        assert not hidden, f"{what}: to be scrolled sideways: {hidden}"


@contextlib.contextmanager
def tab(browser: Browser, url: str, key: str, **options: Any) -> Iterator[Tab]:
    """A window that is logged in with a key. When the block ends well, nothing may have gone wrong in it."""
    context = browser.new_context(base_url=url, timezone_id=ZONE, viewport=WIDE, **options)  # type: ignore[arg-type] # a plain dict
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(f"(() => {{{HURRY}}})()")
    page = context.new_page()
    opened = Tab(page, url)
    page.on("console", lambda message: _note(opened, message))
    page.on("pageerror", lambda error: opened.troubles.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((url, "data:")) else opened.foreign.append(request.url))
    try:
        page.goto(f"{url}/login")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda address: "/login" not in address)
        yield opened
        assert not opened.troubles, opened.troubles
        assert not opened.foreign, opened.foreign
    finally:
        context.close()


def _note(opened: Tab, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        opened.troubles.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")
