"""Drives the standard's web front end as a person does: a black box, seen by what it shows, asks for and says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, Response

from tests.web.conftest import Server

READY = "() => Boolean(window.app?.graph && window.LiteGraph?.registered_node_types?.SaveImage)"
SHOWN = "id => { const i = app.graph.getNodeById(id)?.imgs?.[0]; return i?.complete && i.naturalWidth > 0 && i.src }"
# What it asks for and can do without: a person's own style sheet, templates and folders, and what other servers offer.
OPTIONAL = ("/user.css", "/comfy.templates.json", ".index.json", "/userdata?dir=", "/templates/")


class FrontEnd:
    """A front end that is open in a page."""

    def __init__(self, page: Page, server: Server):
        self.page = page
        self.server = server
        self.refused: list[str] = []  # requests that the server did not answer well
        self.errors: list[str] = []  # what no code of the page caught
        page.on("response", self._note)
        assert server.ask("/settings/Comfy.TutorialCompleted", True)[0] == 200  # else it opens with a greeting
        page.goto(server.url)
        page.wait_for_function(READY)
        page.get_by_role("button", name="Run", exact=True).wait_for()
        page.on("pageerror", lambda error: self.errors.append(str(error)))  # some versions have one at every start

    def _note(self, response: Response) -> None:
        path = response.url.removeprefix(self.server.url)
        if response.status >= 400 and not any(name in path for name in OPTIONAL):
            self.refused.append(f"{response.request.method} {path} {response.status}")

    def open(self, path: Path, nodes: int) -> dict[int, dict[str, Any]]:
        """Open a file; the nodes of the workflow that is shown then."""
        self.page.set_input_files("#comfy-file-input", path)
        return self.nodes(nodes)

    def nodes(self, count: int) -> dict[int, dict[str, Any]]:
        """The nodes of the workflow that is shown, as soon as it has so many."""
        self.page.wait_for_function(f"app.graph.serialize().nodes.length === {count}")
        return {node["id"]: node for node in self.page.evaluate("app.graph.serialize().nodes")}

    def panel(self, *names: str) -> None:
        """Open the first panel at the side that there is of these."""
        labels = ", ".join(f"button[aria-label^='{name} (']" for name in names)
        self.page.locator(labels).first.click()

    def listed(self, file: str) -> str:
        """Wait until a panel shows a picture of the server; its size."""
        image = self.page.locator(f"img[src*='{file}']").first
        image.wait_for()
        self.page.wait_for_function("image => image.complete", arg=image.element_handle())
        return image.evaluate("image => `${image.naturalWidth} x ${image.naturalHeight}`")

    def run(self) -> str:
        """Press the button; the id of the job."""
        with self.page.expect_response(lambda r: r.url.endswith("/prompt") and r.request.method == "POST") as answer:
            self.page.get_by_role("button", name="Run", exact=True).click()
        assert answer.value.status == 200, answer.value.text()
        return answer.value.json()["prompt_id"]

    def sent(self, job: str) -> dict[str, Any]:
        """The graph that it sent for a job."""
        return self.server.get(f"/history/{job}")[job]["prompt"][2]

    def shown(self, node: int) -> str:
        """Wait until a node shows a picture; its address."""
        return self.page.wait_for_function(SHOWN, arg=node).json_value()

    def screen(self) -> Image.Image:
        return Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")


def texts(path: Path) -> dict[str, Any]:
    """What a picture carries."""
    with Image.open(path) as image:
        return {str(name): json.loads(text) for name, text in image.info.items() if isinstance(text, str)}
