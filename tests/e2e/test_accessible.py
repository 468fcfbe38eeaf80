"""Every part of our editor, looked at with axe: nothing serious is wrong with it, in any theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.editor import Editor
from tests.web.conftest import ROOT, Server

AXE = ROOT / "web/editor/node_modules/axe-core/axe.min.js"
RUN = """async () => (await axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
})).violations.map(({id, impact, nodes}) => [impact, id, nodes.slice(0, 3).map(({html}) => html.slice(0, 200))])"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe is not here; `npm install` in web/editor brings it")


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def editor(page: Page, server: Server) -> Editor:
    return Editor(page, server)


def complaints(page: Page) -> list[Any]:
    page.wait_for_timeout(300)  # what moves has arrived: colours in between would be judged
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # the page itself may run no script but its own
    return page.evaluate(RUN)


def theme(page: Page, name: str) -> None:
    page.evaluate("name => { document.documentElement.dataset.theme = name }", name)


def test_the_tour_and_the_canvas(editor: Editor):
    assert complaints(editor.page) == []
    editor.skip_tour()
    for name in ("dark", "light", "contrast"):
        theme(editor.page, name)
        assert complaints(editor.page) == [], name


def test_all_panels(editor: Editor):
    page = editor.skip_tour().page
    editor.run()
    editor.node("Save Image").locator("img").first.wait_for()
    for keys in ("Alt+1", "Alt+2", "Alt+3", "Alt+4", "Alt+5"):
        page.keyboard.press(keys)
        for name in ("dark", "light"):
            theme(page, name)
            assert complaints(page) == [], (keys, name)


def test_dialogs_menus_and_lists(editor: Editor):
    page = editor.skip_tour().page
    for keys in ("?", "Control+,"):
        page.keyboard.press(keys)
        page.get_by_role("dialog").wait_for()
        assert complaints(page) == [], keys
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu", exact=True).click()
    assert complaints(page) == [], "menu"
    page.keyboard.press("Escape")
    page.mouse.dblclick(300, 700)
    page.get_by_role("combobox", name="Search for a node").wait_for()
    assert complaints(page) == [], "search"
    page.keyboard.press("Escape")
    editor.node("KSampler").get_by_role("combobox", name="sampler_name").click()
    page.get_by_role("listbox", name="sampler_name").wait_for()
    assert complaints(page) == [], "list"


def test_on_a_phone(editor: Editor):
    editor.page.set_viewport_size({"width": 390, "height": 844})
    assert complaints(editor.skip_tour().page) == []
