"""Our editor in a browser, against the real server with the starter model."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import nodes
from executor.node import registry
from executor.workflow.document import load
from tests.e2e.editor import Editor
from tests.replay.workflows import bare, first_difference
from tests.web.conftest import ROOT, Server, until

PICTURE = "mezzotint_00001_.png"


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def editor(page: Page, server: Server) -> Editor:
    return Editor(page, server)


def slow(editor: Editor, steps: int = 400) -> None:
    """Make the first graph take long."""
    field = editor.node("KSampler").get_by_role("spinbutton", name="steps")
    field.click()
    field.fill(str(steps))
    field.press("Enter")


def entry(server: Server, job: str) -> dict[str, Any]:
    return server.get(f"/jobs/{job}")


def sampled(server: Server, job: str) -> int:
    """The steps of the sampler that are done in this try."""
    progress = entry(server, job)["progress"] or {"nodes": {}}
    return progress["nodes"].get("5", {}).get("value", 0)


def test_the_first_visit_leads_to_a_picture(editor: Editor, server: Server, base: Path):
    page = editor.page
    for step in range(1, 4):
        expect(page.get_by_text(f"{step} of 4")).to_be_visible()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Done").or_(page.get_by_role("button", name="Next")).first.click()
    job = editor.run()
    image = editor.node("Save Image").locator("img").first
    image.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth === 128", arg=image.element_handle())
    with Image.open(base / "output" / PICTURE) as picture:
        assert (picture.format, picture.size) == ("PNG", (128, 128))
    document = load(base / "output" / PICTURE)
    assert document.api is not None
    assert document.workflow is not None
    seed = editor.node("KSampler").get_by_role("spinbutton", name="seed").input_value()
    assert str(document.api["5"]["inputs"]["seed"]) == seed, "the seed that ran is the one that is shown"
    assert entry(server, job)["status"] == "completed"
    page.reload()
    expect(editor.nodes()).to_have_count(7)
    assert editor.errors == []


def test_a_graph_is_built_by_searching_and_dragging(editor: Editor, server: Server, base: Path):
    editor.skip_tour().new()
    editor.add("load checkpoint", 200, 200)
    editor.drag_out(editor.socket("Load Checkpoint", "Output CLIP"), 560, 180, "clip text encode")
    editor.drag_out(editor.socket("CLIP Text Encode", "Output CONDITIONING"), 900, 200, "ksampler")
    editor.drag_out(editor.socket("KSampler", "Output LATENT"), 1200, 200, "vae decode")
    editor.drag_out(editor.socket("VAE Decode", "Output IMAGE"), 1200, 320, "save image")
    editor.drag_out(editor.socket("KSampler", "Input latent_image"), 560, 560, "empty latent")
    editor.connect(editor.socket("Load Checkpoint", "Output MODEL"), editor.socket("KSampler", "Input model"))
    editor.connect(
        editor.socket("CLIP Text Encode", "Output CONDITIONING"), editor.socket("KSampler", "Input negative")
    )
    editor.connect(editor.socket("Load Checkpoint", "Output VAE"), editor.socket("VAE Decode", "Input vae"))
    editor.node("CLIP Text Encode").get_by_role("textbox").fill("a red apple")
    for name in ("width", "height"):
        field = editor.node("Empty Latent Image").get_by_role("spinbutton", name=name)
        field.click()
        field.fill("64*2")
        field.press("Enter")
    job = editor.run()
    assert until(lambda: server.get(f"/history/{job}"), "the job")[job]["status"]["status_str"] == "success"
    (made,) = (base / "output").glob("*.png")
    with Image.open(made) as picture:
        assert picture.size == (128, 128)


def test_a_new_seed_runs_the_sampler_and_what_follows(editor: Editor, server: Server):
    editor.skip_tour()
    first = editor.run()
    server.finished(first)
    expect(editor.page.get_by_role("button", name="Cancel run")).to_be_disabled()
    second = editor.run()  # its seed is drawn anew
    server.finished(second)
    assert set(entry(server, first)["seconds"]) == {"1", "2", "3", "4", "5", "6", "7"}
    assert set(entry(server, second)["seconds"]) == {"5", "6", "7"}


def test_a_run_is_cancelled(editor: Editor, server: Server, base: Path):
    editor.skip_tour()
    slow(editor, 5000)
    job = editor.run()
    until(lambda: sampled(server, job) > 1, "the sampler to begin")
    editor.page.get_by_role("button", name="Cancel run").click()
    server.finished(job)
    assert entry(server, job)["status"] == "cancelled"
    expect(editor.page.get_by_role("button", name="Cancel run")).to_be_disabled()
    assert not list((base / "output").glob("*.png"))


def test_a_dead_worker_is_told_and_the_next_run_succeeds(editor: Editor, server: Server):
    editor.skip_tour()
    slow(editor)
    job = editor.run()
    for _ in range(2):  # the first time the job is tried again
        until(lambda: sampled(server, job), "the sampler to begin")
        server.worker().kill()
        until(lambda: not sampled(server, job), "the end of it")
    server.finished(job)
    expect(editor.page.get_by_text("killed by SIGKILL").first).to_be_visible()
    slow(editor, 2)
    assert server.finished(editor.run())["status"]["status_str"] == "success"


def test_progress_goes_on_after_a_reload(editor: Editor, server: Server):
    editor.skip_tour()
    slow(editor)
    job = editor.run()
    until(lambda: sampled(server, job) > 1, "the sampler to begin")
    editor.page.reload()
    bar = editor.page.get_by_role("progressbar").first
    expect(bar).to_be_visible()
    expect(editor.node("KSampler")).to_be_visible()
    editor.page.get_by_role("button", name="Cancel run").click()
    server.finished(job)


def test_what_is_wrong_is_shown_at_its_input(editor: Editor, server: Server, tmp_path: Path):
    editor.skip_tour()
    text = (ROOT / "workflows" / "text_to_image.json").read_text(encoding="utf-8")
    file = tmp_path / "broken.json"
    file.write_text(text.replace("starter-emoji-128.safetensors", "nowhere.safetensors"), encoding="utf-8")
    editor.open(file)
    editor.page.get_by_role("button", name="Run", exact=True).click()
    expect(editor.page.get_by_text("nowhere.safetensors").first).to_be_visible()
    assert server.get("/jobs")["jobs"] == []


def test_nobody_else_is_asked(page: Page, server: Server):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    Editor(page, server).skip_tour()
    assert asked
    assert not [
        url for url in asked if not url.startswith((server.url, server.url.replace("http", "ws"), "data:", "blob:"))
    ]


def test_opened_workflows_run_as_their_pairs_say(editor: Editor, conformance: Path):
    """Each recorded workflow is opened in the editor, and the API graph that it saves is the recorded one.

    What a node that is not here takes is known to nobody: of such a file, all other nodes are compared, and it is
    saved again as it was.
    """
    assert nodes.__name__
    editor.skip_tour()
    whole = strange = 0
    for path in sorted((conformance / "workflows").glob("*.api.json")):
        wanted = bare(json.loads(path.read_text(encoding="utf-8")))
        file = path.with_name(path.name.replace(".api.", ".workflow."))
        editor.drop(file)
        expect(editor.tab()).to_have_text(file.stem)
        saved = bare(editor.download("Download API graph"))
        if any(node["class_type"] not in registry for node in wanted.values()):
            original = json.loads(file.read_text(encoding="utf-8"))
            version = "1.0" if original.get("version") == 1 else "0.4"
            assert unsettled(editor.download(f"Download JSON ({version})")) == unsettled(original), path.name
            strange += 1
        else:
            whole += 1
        assert first_difference(known(saved), known(wanted)) is None, path.name
        editor.close()
    assert whole > 150
    assert strange > 0 or whole > 230
    assert editor.errors == []


def known(graph: dict[str, Any]) -> dict[str, Any]:
    """The nodes whose types are here."""
    return {id: node for id, node in graph.items() if node["class_type"] in registry}


def unsettled(value: Any) -> Any:
    """A workflow without what the editor adds or writes anew: values by their names, and the view."""
    if isinstance(value, list):
        return [unsettled(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: unsettled(item) for name, item in value.items() if name not in ("widgets_values_named", "ds")}


def test_a_hundred_edits_are_undone_and_done_again(editor: Editor):
    editor.skip_tour()
    page, chance = editor.page, random.Random(3)
    start = editor.download("Download JSON (0.4)")

    def edit() -> None:
        title = chance.choice(["Load Checkpoint", "KSampler", "VAE Decode", "Empty Latent Image"])
        editor.node(title).locator(".node-name").click()
        page.keyboard.press(chance.choice(["ArrowRight", "Alt+c", "m", "Control+b", "p", "Control+d", "Control+g"]))

    for _ in range(100):
        edit()
    end = editor.download("Download JSON (0.4)")
    assert end != start
    until_same(editor, "Control+z", start)
    until_same(editor, "Control+Shift+z", end)
    assert editor.errors == []


def until_same(editor: Editor, key: str, wanted: Any) -> None:
    """Press a key until nothing changes any more; then the document is the wanted one."""
    editor.page.locator(".react-flow__pane").click(position={"x": 5, "y": 5})
    for _ in range(150):
        editor.page.keyboard.press(key)
    assert editor.download("Download JSON (0.4)") == wanted
