"""How graphs come into our editor and leave it: files, pictures, texts, addresses, and the library of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image, PngImagePlugin
from playwright.sync_api import Page, expect

from tests.e2e.conftest import base_in
from tests.e2e.editor import Editor
from tests.replay.workflows import bare
from tests.web.conftest import ROOT, Server

API = json.loads((ROOT / "workflows/text_to_image.json").read_text(encoding="utf-8"))
API["2"]["inputs"]["text"] = "a blue fish"
API["5"]["inputs"] |= {"seed": 77, "steps": 2}
A1111 = (
    "a yellow duck\nNegative prompt: blurry\nSteps: 3, Sampler: DPM++ 2M Karras, CFG scale: 4.5, Seed: 1234, "
    "Size: 128x64, Model hash: abc, Model: starter-emoji-128"
)
COMMENT, MAKE, MODEL, EXIF = 0x9286, 0x010F, 0x0110, 0x8769


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(base_in(tmp_path_factory.mktemp("sharing")))
    yield server
    server.stop()


@pytest.fixture
def editor(page: Page, server: Server) -> Editor:
    return Editor(page, server).skip_tour()


@pytest.fixture(scope="module")
def workflow(server: Server) -> dict[str, Any]:
    """The graph as an editor's file, with a place that nothing would choose by itself."""
    status, made = server.ask("/convert?to=workflow", API)
    assert status == 200
    made["result"]["nodes"][0]["pos"] = [-317, 41]
    return made["result"]


def shown(editor: Editor, name: str) -> None:
    """The tab that opened holds the graph."""
    expect(editor.tab()).to_contain_text(name)
    expect(editor.node("CLIP Text Encode").get_by_role("textbox")).to_have_value("a blue fish")
    assert bare(editor.download("Download API graph")) == bare(API)


def picture(path: Path, **texts: str) -> Path:
    """A picture that carries texts, where files of its kind have them."""
    image = Image.new("RGB", (64, 64), "teal")
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        for name, text in texts.items():
            info.add_text(name, text)
        image.save(path, pnginfo=info)
        return path
    exif = image.getexif()
    for tag, (name, text) in zip((MODEL, MAKE), texts.items(), strict=False):
        exif[tag] = f"{name}:{text}"
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_picture_with_a_workflow_opens_where_it_is_dropped(
    editor: Editor, workflow: dict[str, Any], tmp_path: Path, ending: str
):
    editor.drop(picture(tmp_path / f"fish.{ending}", prompt=json.dumps(API), workflow=json.dumps(workflow)))
    shown(editor, "fish")
    saved = editor.download("Download JSON (0.4)")
    assert saved["nodes"][0]["pos"] == [-317, 41]
    assert saved == editor.download("Download JSON (0.4)")
    assert editor.errors == []


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_of_a1111_becomes_a_graph_that_makes_it_again(editor: Editor, tmp_path: Path, ending: str):
    path = tmp_path / f"duck.{ending}"
    if ending == "png":
        picture(path, parameters=A1111)
    else:
        exif = Image.Exif()
        exif.get_ifd(EXIF)[COMMENT] = b"UNICODE\0" + A1111.encode("utf-16-be")
        Image.new("RGB", (8, 8)).save(path, exif=exif)
    editor.drop(path)
    expect(editor.tab()).to_contain_text("duck")
    for name, value in {"seed": "1234", "steps": "3", "cfg": "4.5"}.items():
        expect(editor.field("KSampler", name)).to_have_value(value)
    expect(editor.node("KSampler").get_by_role("combobox", name="sampler_name")).to_have_text("dpmpp_2m")
    job = editor.run()
    ran = editor.server.finished(job)["prompt"][2]
    [sampler] = [node["inputs"] for node in ran.values() if node["class_type"] == "KSampler"]
    assert (sampler["seed"], sampler["scheduler"]) == (1234, "karras"), "what is opened runs as it is"
    editor.server.finished(second := editor.run())
    again = editor.server.get(f"/history/{second}")[second]["prompt"][2]
    assert {node["inputs"].get("seed") for node in again.values()} != {None, 1234}, "and is rolled after that"


def test_a_plain_picture_becomes_an_input(editor: Editor, tmp_path: Path):
    editor.drop(picture(tmp_path / "teal.png"), 400, 650)
    expect(editor.node("Load Image").get_by_role("combobox", name="image")).to_have_text("teal.png")
    expect(editor.said("carries no workflow")).to_be_visible()
    assert (editor.server.base / "input/teal.png").is_file()


def test_a_graph_of_the_api_opens_by_file_by_paste_and_by_address(
    editor: Editor, workflow: dict[str, Any], tmp_path: Path
):
    page, file = editor.page, tmp_path / "fish.json"
    file.write_text(json.dumps(API), encoding="utf-8")
    editor.drop(file)
    shown(editor, "fish")
    for text in (json.dumps({"prompt": API}), json.dumps(workflow)):
        page.evaluate(PASTE, text)
        shown(editor, "Pasted")
    assert editor.server.ask("/userdata/workflows%2Fsea%2Ffish.json", workflow)[0] == 200
    page.goto(f"{editor.server.url}/?workflow=workflows/sea/fish.json")
    expect(page).to_have_url(f"{editor.server.url}/")
    shown(editor, "fish")


PASTE = """text => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    document.body.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData}));
}"""


def test_what_is_no_workflow_is_told_and_changes_nothing(editor: Editor, tmp_path: Path):
    for text in ("{no json", '{"a": 1}'):
        (tmp_path / "odd.json").write_text(text)
        editor.drop(tmp_path / "odd.json")
        expect(editor.said("“odd” is no workflow").first).to_be_visible()
    expect(editor.page.get_by_role("tab")).to_have_count(1)


def test_the_graph_is_exported_as_pictures_that_open_again(editor: Editor, tmp_path: Path):
    page = editor.page
    for item, name in (("Export as a picture", "graph.png"), ("Export as SVG", "graph.svg")):
        with page.expect_download() as download:
            editor.menu(item)
        download.value.save_as(tmp_path / name)
        editor.open(tmp_path / name)
        expect(editor.nodes()).to_have_count(7)
        assert editor.node("What to show").get_by_role("textbox").input_value() == "a red apple"
    with Image.open(tmp_path / "graph.png") as drawn:
        assert drawn.width > 1000
    svg = ElementTree.parse(tmp_path / "graph.svg").getroot()
    assert "KSampler" in "".join(svg.itertext())
    assert not svg.findall(".//{*}foreignObject")


def test_the_library_keeps_finds_renames_and_forgets(editor: Editor):
    page = editor.page
    page.keyboard.press("Control+s")
    page.get_by_role("dialog").get_by_role("textbox").fill("red/apple")
    page.keyboard.press("Enter")
    expect(editor.tab()).to_have_text("apple")
    page.keyboard.press("Alt+1")
    library = page.get_by_role("region", name="Workflows")
    library.get_by_role("searchbox").fill("app")
    library.get_by_role("button", name="More for apple").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("green/pear")
    page.keyboard.press("Enter")
    expect(editor.tab()).to_have_text("pear")
    assert (editor.server.base / "user/default/workflows/green/pear.json").is_file()
    assert not (editor.server.base / "user/default/workflows/red/apple.json").exists()
    page.keyboard.press("Alt+w")
    expect(editor.nodes()).to_have_count(0)
    library.get_by_role("searchbox").fill("pear")
    library.get_by_role("button", name="pear", exact=False).first.click()
    expect(editor.nodes()).to_have_count(7)
    library.get_by_role("button", name="More for pear").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(library.get_by_role("button", name="More for pear")).to_have_count(0)


def test_a_template_opens_and_says_what_it_lacks(editor: Editor):
    page = editor.page
    page.keyboard.press("Alt+2")
    panel = page.get_by_role("region", name="Templates")
    expect(panel.locator(".card-name").first).to_have_text("Text to image")
    panel.get_by_role("searchbox").fill("two pass")
    expect(panel.locator(".card")).to_have_count(1)
    panel.locator(".card").click()
    expect(editor.tab()).to_have_text("Two pass upscale")
    expect(editor.nodes()).to_have_count(9)
