"""Drives our editor as a person does: by what is on the page."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Server

_DROP = """([name, type, data, x, y]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([Uint8Array.from(atob(data), letter => letter.charCodeAt(0))], name, {type}));
    const place = {bubbles: true, cancelable: true, dataTransfer: carried, clientX: x, clientY: y};
    for (const kind of ['dragenter', 'dragover', 'drop'])
        document.querySelector('.react-flow__pane').dispatchEvent(new DragEvent(kind, place));
}"""


class Editor:
    """The editor, open in a page."""

    def __init__(self, page: Page, server: Server, path: str = "/"):
        self.page, self.server = page, server
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(server.url + path)
        page.get_by_role("button", name="Run", exact=True).wait_for()

    def skip_tour(self) -> Editor:
        self.page.get_by_role("button", name="Skip the tour").click()
        return self

    def node(self, title: str) -> Locator:
        name = self.page.locator(".node-name", has_text=title)
        return self.page.locator(".react-flow__node").filter(has=name).first

    def nodes(self) -> Locator:
        return self.page.locator(".react-flow__node")

    def run(self) -> str:
        """Press Run; the job that comes of it."""
        with self.page.expect_response(lambda answer: answer.url.endswith("/prompt")) as answered:
            self.page.get_by_role("button", name="Run", exact=True).click()
        assert answered.value.status == 200, answered.value.text()
        return answered.value.json()["prompt_id"]

    def menu(self, item: str) -> None:
        self.page.get_by_role("button", name="Menu", exact=True).click()
        self.page.get_by_role("menuitem", name=item).click()

    def download(self, item: str) -> Any:
        """What an item of the menu saves, as JSON."""
        with self.page.expect_download() as saved:
            self.menu(item)
        return json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))

    def open(self, path: Path) -> None:
        """Open a file through the menu, in a tab of its own."""
        tabs = self.page.get_by_role("tab")
        before = tabs.count()
        with self.page.expect_file_chooser() as chooser:
            self.menu("Open file…")
        chooser.value.set_files(path)
        expect(tabs).to_have_count(before + 1)

    def drop(self, path: Path, x: float = 700, y: float = 700) -> None:
        """Let go of a file over the canvas, as from a folder."""
        data = base64.b64encode(path.read_bytes()).decode()
        type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.page.evaluate(_DROP, [path.name, type, data, x, y])

    def tab(self) -> Locator:
        """The tab that is shown."""
        return self.page.locator("[role=tab][aria-selected=true]")

    def field(self, title: str, name: str) -> Locator:
        """A number of a node."""
        return self.node(title).get_by_role("spinbutton", name=name)

    def put(self, title: str, name: str, value: object) -> None:
        """Type a number into a node."""
        field = self.field(title, name)
        field.click()
        field.fill(str(value))
        field.press("Enter")

    def said(self, text: str) -> Locator:
        """A message at the edge of the page."""
        return self.page.locator(".toast").filter(has_text=text)

    def close(self) -> None:
        """Close the tab that is shown."""
        tabs = self.page.get_by_role("tab")
        before = tabs.count()
        self.page.keyboard.press("Alt+w")
        expect(tabs).to_have_count(before - 1)

    def new(self) -> None:
        self.page.get_by_role("button", name="New workflow").click()
        expect(self.nodes()).to_have_count(0)

    def choose(self, title: str, menu: str, option: str) -> None:
        """Choose an option of a menu of a node."""
        self.node(title).get_by_role("combobox", name=menu).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def socket(self, title: str, name: str) -> Locator:
        """An input or output of a node; `name` as in `Output MODEL`."""
        return self.node(title).get_by_role("button", name=f"{name}, ", exact=False).first

    def add(self, words: str, x: float, y: float) -> None:
        """Search for a node at a free place, and take the first."""
        before = self.nodes().count()
        self.page.mouse.dblclick(x, y)
        self._choose(words, before)

    def drag_out(self, socket: Locator, x: float, y: float, words: str) -> None:
        """Drag a link to a free place, and take the first node of those that fit the words."""
        before = self.nodes().count()
        self._drag(socket, x, y)
        self._choose(words, before)

    def connect(self, start: Locator, end: Locator) -> None:
        box = end.bounding_box()
        assert box is not None
        links = self.page.locator(".react-flow__edge")
        before = links.count()
        self._drag(start, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(links).to_have_count(before + 1)

    def _drag(self, start: Locator, x: float, y: float) -> None:
        box = start.bounding_box()
        assert box is not None
        mouse = self.page.mouse
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(x - 5, y - 5, steps=5)
        mouse.move(x, y)
        mouse.up()

    def _choose(self, words: str, before: int) -> None:
        search = self.page.get_by_role("combobox", name="Search for a node")
        search.fill(words)
        self.page.get_by_role("listbox", name="Nodes that fit").get_by_role("option").first.wait_for()
        search.press("Enter")
        expect(self.nodes()).to_have_count(before + 1)
