"""Running graphs in our editor in every way, and what is seen of it: here, in other windows, and after accidents."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from tests.e2e.conftest import PATIENCE, QUIET, base_in
from tests.e2e.editor import Editor
from tests.web.conftest import ROOT, Server, until

RED: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 16711680}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "red"}},
}
TEXT_TO_IMAGE = json.loads((ROOT / "workflows/text_to_image.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(base_in(tmp_path_factory.mktemp("running")))
    yield server
    server.stop()


@pytest.fixture
def editor(page: Page, server: Server) -> Iterator[Editor]:
    editor = Editor(page, server).skip_tour()
    yield editor
    assert editor.errors == []
    server.ask("/queue", {"clear": True, "pause": False})
    server.ask("/interrupt", {})
    until(lambda: not server.get("/jobs?status=in_progress,pending")["jobs"], "the queue to be empty")
    server.ask("/history", {"clear": True})


def put_in(editor: Editor, folder: Path, graph: dict[str, Any], name: str = "red") -> None:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    editor.drop(path)
    expect(editor.tab()).to_contain_text(name)


def over(editor: Editor, count: int) -> list[dict[str, Any]]:
    """The jobs, the first first, as soon as so many are done. What the page asks goes on while we wait."""

    def done() -> list[dict[str, Any]]:
        editor.page.wait_for_timeout(100)
        found = editor.server.get("/jobs?status=completed,failed,cancelled&sort_order=asc")["jobs"]
        return found if len(found) >= count else []

    found = until(done, f"{count} jobs to end")
    assert len(found) == count
    return found


def graph_of(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    return server.get(f"/jobs/{job['id']}")["workflow"]["prompt"]


def mode(editor: Editor, item: str) -> None:
    editor.page.get_by_role("button", name="More ways to run").click()
    editor.page.get_by_role("menuitem", name=item).or_(
        editor.page.get_by_role("menuitemcheckbox", name=item)
    ).first.click()


def test_a_batch_runs_as_often_with_other_seeds(editor: Editor, server: Server, tmp_path: Path):
    graph = json.loads(json.dumps(TEXT_TO_IMAGE))
    graph["5"]["inputs"] |= {"steps": 1, "seed": 40}
    put_in(editor, tmp_path, graph, "three seeds")
    editor.choose("KSampler", "control after generate", "increment")
    editor.page.get_by_role("spinbutton", name="Number of runs").fill("3")
    editor.run()
    jobs = over(editor, 3)
    assert [graph_of(server, job)["5"]["inputs"]["seed"] for job in jobs] == [40, 41, 42]
    expect(editor.field("KSampler", "seed")).to_have_value("42")
    editor.page.keyboard.press("Alt+4")
    history = editor.page.get_by_role("region", name="History")
    expect(history.locator(".job-name")).to_have_text(["three seeds"] * 3)
    history.locator(".job").last.get_by_role("button", name="Open its graph").click()
    expect(editor.field("KSampler", "seed")).to_have_value("40")
    image = editor.node("Save Image").locator("img").first
    image.wait_for()


def test_what_runs_before_all_that_waits_is_the_next(editor: Editor, server: Server, tmp_path: Path):
    put_in(editor, tmp_path, RED)
    page = editor.page
    page.keyboard.press("Alt+4")
    page.get_by_role("button", name="Pause the queue").click()
    editor.put("EmptyImage", "width", 64)
    editor.run()
    editor.put("EmptyImage", "width", 72)
    with page.expect_response("**/prompt"):
        page.keyboard.press("Control+Shift+Enter")
    waiting = page.get_by_role("region", name="Waiting")
    expect(waiting.locator(".job")).to_have_count(2)
    page.get_by_role("button", name="Resume the queue").first.click()
    assert [graph_of(server, job)["1"]["inputs"]["width"] for job in over(editor, 2)] == [64, 72]
    ends = {graph_of(server, job)["1"]["inputs"]["width"]: job["execution_start_time"] for job in over(editor, 2)}
    assert ends[72] < ends[64]


def test_a_run_to_a_node_leaves_out_the_rest(editor: Editor, server: Server, tmp_path: Path):
    put_in(editor, tmp_path, RED | {"3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
                                   "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}})  # fmt: skip
    editor.node("Invert Image").locator(".node-name").click()
    with editor.page.expect_response("**/prompt") as answered:
        editor.page.keyboard.press("Alt+Enter")
    job = answered.value.json()["prompt_id"]
    server.finished(job)
    detail = server.get(f"/jobs/{job}")
    assert (detail["status"], detail["outputs"]) == ("completed", {})
    assert "3" in detail["seconds"]


def test_a_change_runs_by_itself_where_that_is_wished(editor: Editor, server: Server, tmp_path: Path):
    put_in(editor, tmp_path, RED)
    mode(editor, "Run on change")
    editor.put("EmptyImage", "width", 80)
    [job] = over(editor, 1)
    assert graph_of(server, job)["1"]["inputs"]["width"] == 80
    editor.node("EmptyImage").locator(".node-name").click()
    for _ in range(3):
        editor.page.keyboard.press("ArrowDown")  # where a node is changes nothing that runs
    editor.page.wait_for_timeout(1500)
    assert len(over(editor, 1)) == 1


def test_what_is_sound_runs_beside_what_is_not(editor: Editor, server: Server, tmp_path: Path):
    broken = {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": "no such method",
                                                     "width": 8, "height": 8, "crop": "disabled"}}  # fmt: skip
    put_in(editor, tmp_path, RED | {"3": broken, "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}})
    job = editor.run()
    assert server.finished(job)["outputs"].keys() == {"2"}
    problem = editor.node("Upscale Image").locator(".widget[data-problem]")
    expect(problem).to_contain_text("no such method")
    editor.page.get_by_role("button", name="Problems").first.click()
    panel = editor.page.get_by_role("region", name="Problems")
    panel.get_by_role("button").filter(has_text="Upscale Image").first.click()
    expect(editor.node("Upscale Image")).to_have_class(re.compile("selected"))


def test_what_is_missing_is_listed_with_the_nearest(editor: Editor, server: Server, tmp_path: Path):
    graph = json.loads(json.dumps(TEXT_TO_IMAGE))
    graph["1"]["inputs"]["ckpt_name"] = "sub/starter_emoji.safetensors"
    graph["5"]["inputs"]["steps"] = 1
    graph["7"]["class_type"] = "SaveImageFancy"
    put_in(editor, tmp_path, graph, "missing")
    expect(editor.said("names 2 nodes or files that are not here")).to_be_visible()
    editor.said("not here").get_by_role("button", name="Show").click()
    panel = editor.page.get_by_role("region", name="Problems")
    expect(panel.get_by_role("region", name="Missing nodes")).to_contain_text("SaveImageFancy")
    saved = editor.download("Download JSON (0.4)")
    assert {node["type"] for node in saved["nodes"]} >= {"SaveImageFancy", "KSampler"}
    panel.get_by_role("button", name="SaveImage", exact=True).click()
    panel.get_by_role("button", name="starter-emoji-128.safetensors").click()
    expect(panel).to_contain_text("No problems")
    assert server.finished(editor.run())["status"]["status_str"] == "success"


def test_the_time_that_is_left_is_told_from_earlier_runs(editor: Editor, server: Server):
    editor.put("KSampler", "steps", 12)
    held: list[Route] = []
    editor.page.route(re.compile(r"/jobs/[\w-]+$"), lambda route: held.append(route))  # the plan comes when all is over
    server.finished(editor.run())
    expect(editor.page.locator(".run-stop")).to_be_disabled()
    assert held
    for route in held:
        route.continue_()
    editor.page.unroute_all()
    paces = "JSON.parse(localStorage.getItem('mezzotint.paces') ?? '{}')"
    until(lambda: editor.page.evaluate(paces).get("KSampler", 0) > 0, "the pace of the sampler")
    editor.run()
    expect(editor.page.locator(".run-left")).to_contain_text("left")


def test_two_pictures_are_compared_with_their_graphs(editor: Editor, server: Server, tmp_path: Path):
    page = editor.page
    put_in(editor, tmp_path, RED)
    server.finished(editor.run())
    editor.put("EmptyImage", "height", 96)
    server.finished(editor.run())
    page.keyboard.press("Alt+3")
    marks = page.get_by_role("checkbox", name="Mark red")
    for i in range(2):
        marks.nth(i).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    edge = page.get_by_role("slider", name="Edge between the pictures")
    before = page.locator(".compare-over").evaluate("image => getComputedStyle(image).clipPath")
    edge.focus()
    page.keyboard.press("Home")
    expect(edge).to_have_value("0")
    assert page.locator(".compare-over").evaluate("image => getComputedStyle(image).clipPath") != before
    page.locator(".compare-names").get_by_role("button", name="What changed").click()
    expect(page.locator("table.changes tbody td")).to_have_text(["height", "64", "96"])
    expect(page.locator(".pair-graph rect.marked")).to_have_count(2)


def test_two_windows_see_the_same(editor: Editor, server: Server, browser: Browser, tmp_path: Path):
    put_in(editor, tmp_path, RED, "from the first")
    context = browser.new_context()
    try:
        other = Editor(context.new_page(), server).skip_tour()
        other.page.keyboard.press("Alt+4")
        other.page.get_by_role("button", name="Pause the queue").click()
        editor.run()
        expect(other.page.get_by_role("region", name="Waiting")).to_contain_text("from the first · another window")
        expect(other.page.get_by_role("button", name="Queue: 1 waiting or running")).to_be_visible()
        editor.page.keyboard.press("Alt+4")
        editor.page.get_by_role("button", name="Resume the queue").first.click()
        for one in (editor, other):
            expect(one.page.get_by_role("region", name="History")).to_contain_text("from the first")
        expect(other.page.get_by_role("button", name="Queue: 0 waiting or running")).to_be_visible()
        assert other.node("Save Image").locator("img").count() == 0, "what the other window shows is its own"
        assert other.errors == []
    finally:
        context.close()


def test_what_waits_is_seen_to_its_end_after_the_server_died(page: Page, tmp_path: Path):
    folder = base_in(tmp_path)
    server = Server(folder)
    port = server.url.rsplit(":", 1)[1]
    try:
        editor = Editor(page, server).skip_tour()
        put_in(editor, tmp_path, RED)
        server.ask("/queue", {"pause": True})
        job = editor.run()
        server.kill()
        expect(page.locator(".banner")).to_be_visible()
        editor.put("EmptyImage", "width", 88)
        server = Server(folder, "--port", port)
        expect(page.locator(".banner")).to_have_count(0, timeout=PATIENCE)
        server.ask("/queue", {"pause": False})
        editor.node("Save Image").locator("img").first.wait_for()
        assert server.finished(job)["status"]["status_str"] == "success"
        expect(editor.field("EmptyImage", "width")).to_have_value("88")
    finally:
        server.stop()


def test_what_was_not_saved_is_there_after_a_crash_of_the_browser(browser: Browser, server: Server, tmp_path: Path):
    profile, program = tmp_path / "profile", shutil.which("chromium")

    def started() -> tuple[BrowserContext, Page]:
        chromium = browser.browser_type
        context = chromium.launch_persistent_context(profile, executable_path=program, args=QUIET.split())
        return context, context.new_page()

    context, page = started()
    editor = Editor(page, server).skip_tour()
    editor.node("What to show").get_by_role("textbox").fill("nearly lost")
    editor.new()
    page.wait_for_timeout(3000)  # so long it may take at most until it is on the disk
    for process in psutil.process_iter(["cmdline"]):
        if any(f"--user-data-dir={profile}" in part for part in process.info["cmdline"] or ()):
            process.kill()
    with suppress(Error):  # it may have noticed that it is closed already
        context.close()
    context, page = started()
    try:
        editor = Editor(page, server)
        expect(editor.said("was recovered")).to_be_visible()
        expect(page.get_by_role("tab")).to_have_count(2)
        page.get_by_role("tab").first.click()
        expect(editor.node("What to show").get_by_role("textbox")).to_have_value("nearly lost")
    finally:
        context.close()
