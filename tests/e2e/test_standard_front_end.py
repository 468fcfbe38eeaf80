"""The standard's own web front end, unmodified, as the page of our server: opened, used and watched in Chromium."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page

from tests.e2e.front_end import FrontEnd, texts
from tests.web.conftest import ROOT, Server, until

FOLDER = os.environ.get("MEZZOTINT_TEST_FRONT_END")
HOW = "no front end here; run `tests/e2e/install FOLDER` and set MEZZOTINT_TEST_FRONT_END=FOLDER"
pytestmark = pytest.mark.skipif(not FOLDER, reason=HOW)
VERSIONS = (Path(__file__).parent / "front_ends.txt").read_text(encoding="utf-8").split()
GRAPH = json.loads((ROOT / "workflows" / "text_to_image.json").read_text(encoding="utf-8"))
CHECKPOINT, PROMPT, SAMPLER, SAVE = "1", "2", "5", "7"  # nodes of the graph


@pytest.fixture(params=VERSIONS)
def front_end(request: pytest.FixtureRequest, serve: Callable[..., Server], page: Page) -> FrontEnd:
    folder = Path(FOLDER or "") / request.param
    assert (folder / "index.html").is_file(), f"there is no front end in {folder}; {HOW}"
    return FrontEnd(page, serve("--front-end-root", str(folder)))


@pytest.fixture
def save_workflow(front_end: FrontEnd, tmp_path: Path) -> Callable[..., Path]:
    """Write the graph as an editor's file, with these values of the sampler."""

    def write(**sampler: Any) -> Path:
        graph = GRAPH | {SAMPLER: {"class_type": "KSampler", "inputs": GRAPH[SAMPLER]["inputs"] | sampler}}
        status, made = front_end.server.ask("/convert?to=workflow", graph)
        assert status == 200, made
        (tmp_path / "apple.json").write_text(json.dumps(made["result"]))
        return tmp_path / "apple.json"

    return write


def same_graph(sent: dict[str, Any], graph: dict[str, Any] = GRAPH) -> bool:
    """Whether they are equal but for titles."""
    return {k: (n["class_type"], n["inputs"]) for k, n in sent.items()} == {
        k: (n["class_type"], n["inputs"]) for k, n in graph.items()
    }


def test_it_opens_a_workflow_queues_it_and_shows_the_picture(
    front_end: FrontEnd, save_workflow: Callable[..., Path], tmp_path: Path
):
    empty = front_end.screen()
    nodes = front_end.open(save_workflow(), len(GRAPH))
    assert {str(id): node["type"] for id, node in nodes.items()} == {k: n["class_type"] for k, n in GRAPH.items()}
    assert nodes[int(PROMPT)]["widgets_values"] == ["a red apple"]
    drawn = until(lambda: changed(empty, front_end.screen()), "the workflow to be drawn")

    job = front_end.run()
    address = front_end.shown(int(SAVE))
    entry = front_end.server.finished(job)
    assert entry["status"]["status_str"] == "success"
    assert same_graph(front_end.sent(job))
    [file] = entry["outputs"][SAVE]["images"]
    assert f"filename={file['filename']}" in address
    saved = front_end.server.base / "output" / file["filename"]
    carried = texts(saved)
    assert same_graph(carried["prompt"])
    assert {node["id"] for node in carried["workflow"]["nodes"]} == set(nodes)  # the front end's own file
    red = until(lambda: reds(front_end.screen()) > reds(drawn) + 500, "the apple to be seen")
    assert red
    front_end.panel("Queue", "Assets")
    assert front_end.listed(file["filename"]) == "128 x 128"
    picture_opens_again(front_end, saved, nodes)
    assert front_end.refused == []
    assert front_end.errors == []


def picture_opens_again(front_end: FrontEnd, saved: Path, nodes: dict[int, Any]) -> None:
    """The front end finds its workflow in the picture that our server saved."""
    front_end.page.evaluate("app.graph.clear()")
    again = front_end.open(saved, len(nodes))
    assert {id: (n["type"], n.get("widgets_values")) for id, n in again.items()} == {
        id: (n["type"], n.get("widgets_values")) for id, n in nodes.items()
    }


def above(limit: int) -> list[int]:
    """The table that makes white what is above the limit, and black the rest."""
    return [255 if value > limit else 0 for value in range(256)]


def changed(before: Image.Image, after: Image.Image) -> Image.Image | None:
    """`after` if much of it differs from `before`."""
    different = ImageChops.difference(before, after).convert("L").point(above(8))
    return after if different.histogram()[255] > 10_000 else None


def reds(screen: Image.Image) -> int:
    """How many pixels are as red as the apple."""
    red, green, blue = (channel.point(above(130)) for channel in screen.split())
    return ImageChops.subtract(ImageChops.subtract(red, green), blue).histogram()[255]


def test_it_follows_a_job_and_cancels_it(front_end: FrontEnd, save_workflow: Callable[..., Path]):
    front_end.open(save_workflow(steps=10000), len(GRAPH))
    job = front_end.run()
    front_end.page.wait_for_function(f"app.graph.getNodeById({SAMPLER}).progress > 0")
    assert front_end.shown(int(SAMPLER)).startswith("blob:")  # a preview
    front_end.page.get_by_role("button", name="Cancel current run").click()
    entry = front_end.server.finished(job)
    events = dict(entry["status"]["messages"])
    assert events["execution_interrupted"]["node_type"] == "KSampler"
    assert entry["outputs"] == {}
    assert front_end.refused == []
    assert front_end.errors == []


def test_it_lists_and_opens_the_workflows_that_the_server_keeps(
    front_end: FrontEnd, save_workflow: Callable[..., Path]
):
    stored = json.loads(save_workflow(seed=11).read_text())
    assert front_end.server.ask("/userdata/workflows%2Fkept.json", stored)[0] == 200
    front_end.page.reload()
    front_end.panel("Workflows")
    front_end.page.get_by_text(re.compile(r"^\s*kept(\.json)?\s*$")).first.click()
    assert front_end.nodes(len(GRAPH))[int(SAMPLER)]["widgets_values"][0] == 11
    assert front_end.refused == []


def test_it_says_which_value_is_refused(front_end: FrontEnd, save_workflow: Callable[..., Path]):
    path = save_workflow()
    path.write_text(path.read_text().replace("starter-emoji-128", "no-such-model"))
    front_end.open(path, len(GRAPH))
    with front_end.page.expect_response("**/api/prompt") as answer:
        front_end.page.get_by_role("button", name="Run", exact=True).click()
    assert answer.value.status == 400
    front_end.page.get_by_text("no-such-model").first.wait_for()
