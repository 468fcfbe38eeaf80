"""A browser for the tests that look at a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.web.conftest import ROOT, base, serve

__all__ = ["base", "browser", "page", "serve"]

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PATIENCE = 60_000.0  # milliseconds after which a test gives up waiting for what must come


@pytest.fixture(scope="module")  # no longer: while Playwright is there, its event loop runs, and no other can
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium here; `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET.split())
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new profile, which reaches nothing but this machine."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", _refuse)
    yield context.new_page()
    context.close()


def base_in(folder: Path) -> Path:
    """Make a folder a base directory with the starter model, for a server that tests share."""
    for name in ("input", "output"):
        (folder / name).mkdir()
    (folder / "models").symlink_to(ROOT / "models")
    return folder


def _refuse(route: Route) -> None:
    route.abort()
