"""Pages as a person sees them: a real Chromium without a window, which reports what no page of ours may do.

A test that asks for the fixture `visit` is a browser test (marker `browser`) and skips where there is no Chromium. It
fails for an error on the console, for an exception of the page's own and for any request to another machine. Pictures
of pages are kept in the folder that SADDLE_SCREENSHOTS names, for whoever wants to look.

While Playwright runs there is an event loop in the test's own thread, so that `asyncio.run` is refused there: servers
belong into threads of their own, and tests that need a loop into modules without a browser.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, NARROW = 1280, 390  # pixels: a laptop, a telephone
HEIGHTS = {WIDE: 800, NARROW: 844}
TIMEOUT = 60_000  # milliseconds: two cores may be busy with much else
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
ARGUMENTS = (
    "--no-sandbox",  # which root cannot have
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]",
)


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")  # not longer: no other module shall find an event loop in its thread
def chromium() -> Iterator[Browser]:
    """A Chromium of this module's own; its tests skip where none is installed."""
    found = find_chromium()
    if found is None:
        pytest.skip(f"no Chromium is here: none of {', '.join(NAMES)} is on PATH (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Visits:
    """Opens pages, and keeps what they complained of and whom they asked for what."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.contexts: list[BrowserContext] = []
        self.errors: list[str] = []  # of consoles and of scripts
        self.outside: list[str] = []  # addresses of other machines
        self.allowed: list[str] = []  # errors that a test expects, as regular expressions

    def __call__(self, address: str | Path, width: int = WIDE, dark: bool = False, **more: Any) -> Page:
        """A page of its own, as another person would open it, of an address or a file; `more` is for the context."""
        scheme = "dark" if dark else "light"
        size: Any = {"width": width, "height": HEIGHTS.get(width, 800)}
        context = self.browser.new_context(viewport=size, color_scheme=scheme, **more)
        self.contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self.note(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: self.note(socket.url))
        page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
        return page

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def note(self, address: str) -> None:
        if is_outside(address):
            self.outside.append(address)

    def shoot(self, page: Page, name: str, whole: bool = True) -> Path:
        """A picture of the page, or of what is in sight of it."""
        file = self.folder / f"{name}.png"
        page.screenshot(path=file, full_page=whole)
        return file

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        self.contexts.clear()

    def check(self) -> None:
        """Fail for errors that nobody expected, and for requests to other machines."""
        errors = [error for error in self.errors if not any(re.search(known, error) for known in self.allowed)]
        assert not errors, "the page complained:\n" + "\n".join(errors)
        assert not self.outside, "the page asked other machines:\n" + "\n".join(self.outside)


def is_outside(address: str) -> bool:
    """Does a request leave this machine?"""
    parts = urlsplit(address)
    return parts.scheme not in ("file", "data", "blob", "about") and parts.hostname not in LOOPBACK


@pytest.fixture
def visit(chromium: Browser, tmp_path: Path) -> Iterator[Visits]:
    """Opens pages: `page = visit(address, width=NARROW, dark=True)`; at the test's end all must have been in order."""
    kept = os.environ.get("SADDLE_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    visits = Visits(chromium, folder)
    yield visits
    visits.close()
    visits.check()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """The address of a folder over http, on this machine alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
