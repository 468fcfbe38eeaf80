"""What our editor saves opens in the standard's front end with the same layout, values and graph to run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.editor import Editor
from tests.e2e.front_end import FrontEnd
from tests.e2e.test_standard_front_end import FOLDER, HOW, VERSIONS, same_graph
from tests.web.conftest import Server

pytestmark = pytest.mark.skipif(not FOLDER, reason=HOW)


def saved_by_ours(page: Page, server: Server) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first graph with some edits, as workflow and as API graph."""
    editor = Editor(page, server).skip_tour()
    editor.node("Save Image").locator(".node-name").click()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    editor.node("VAE Decode").locator(".node-name").click()
    page.keyboard.press("Alt+c")  # collapsed
    editor.node("Load Checkpoint").locator(".node-name").click()
    page.keyboard.press("Control+g")  # in a group
    editor.node("What to show").get_by_role("textbox").fill("a blue\ncup")
    field = editor.node("KSampler").get_by_role("spinbutton", name="cfg")
    field.click()
    field.fill("4.25")
    field.press("Enter")
    editor.choose("KSampler", "control after generate", "fixed")
    return editor.download("Download JSON (0.4)"), editor.download("Download API graph")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_standard_opens_what_we_save(
    page: Page, serve: Callable[..., Server], version: str, tmp_path: Path, base: Path
):
    server = serve()
    workflow, api = saved_by_ours(page, server)
    assert api["5"]["inputs"]["cfg"] == 4.25
    server.stop()
    file = tmp_path / "ours.json"
    file.write_text(json.dumps(workflow), encoding="utf-8")
    other = page.context.new_page()
    theirs = FrontEnd(other, serve("--front-end-root", str(Path(FOLDER or "") / version)))
    shown = theirs.open(file, len(workflow["nodes"]))
    for node in workflow["nodes"]:
        there = shown[node["id"]]
        assert [round(n) for n in there["pos"]] == [round(n) for n in node["pos"]], node["type"]
        assert (there.get("widgets_values") or []) == (node.get("widgets_values") or []), node["type"]
        assert there["flags"].get("collapsed") == node["flags"].get("collapsed"), node["type"]
    groups = other.evaluate("app.graph.serialize().groups")
    assert [g["title"] for g in groups] == [g["title"] for g in workflow["groups"]]
    assert same_graph(other.evaluate("app.graphToPrompt().then(made => made.output)"), api)
    assert theirs.errors == []
