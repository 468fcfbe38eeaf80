"""The canvas of our editor: gestures of mouse, finger and keys, each judged by the document that is saved."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import PATIENCE
from tests.e2e.editor import Editor
from tests.web.conftest import Server

Position = tuple[float, float]


@pytest.fixture
def editor(page: Page, serve: Callable[..., Server]) -> Editor:
    return Editor(page, serve()).skip_tour()


def saved(editor: Editor) -> dict[str, Any]:
    return editor.download("Download JSON (0.4)")


def types(document: dict[str, Any]) -> list[str]:
    return sorted(node["type"] for node in document["nodes"])


def middle(of: Locator) -> Position:
    box = of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: Position, end: Position, button: Any = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up(button=button)


def links(editor: Editor) -> Locator:
    return editor.page.locator(".react-flow__edge")


def choose(editor: Editor, *names: str) -> None:
    """Entries of the open menu, one in the other."""
    for name in names:
        editor.page.get_by_role("menuitem", name=name, exact=True).last.click()


def undo(editor: Editor) -> None:
    editor.page.keyboard.press("Control+z")


def test_alt_and_dragging_copies_in_one_entry(editor: Editor):
    start = saved(editor)
    x, y = middle(editor.node("Empty Latent Image").locator(".node-name"))
    editor.page.keyboard.down("Alt")
    drag(editor.page, (x, y), (x + 20, y + 200))
    editor.page.keyboard.up("Alt")
    expect(editor.nodes()).to_have_count(8)
    copied = saved(editor)
    old = {node["id"]: node["pos"] for node in start["nodes"]}
    assert {node["id"]: node["pos"] for node in copied["nodes"] if node["id"] in old} == old, "the originals stay"
    (twin,) = (node for node in copied["nodes"] if node["id"] not in old)
    assert twin["type"] == "EmptyLatentImage"
    assert twin["pos"] not in old.values()
    undo(editor)
    assert saved(editor) == start
    assert editor.errors == []


def test_links_are_cut_by_a_line_of_the_right_button(editor: Editor):
    page = editor.page
    before = links(editor).count()
    clip = middle(editor.socket("What to show", "Input clip"))
    page.keyboard.down("Control")
    drag(page, (clip[0] - 20, clip[1] - 40), (clip[0] - 20, clip[1] + 300), "right")
    page.keyboard.up("Control")
    assert links(editor).count() < before
    expect(page.get_by_role("menu")).to_have_count(0)
    undo(editor)
    expect(links(editor)).to_have_count(before)


def test_shift_moves_all_links_of_a_socket(editor: Editor):
    editor.add("load checkpoint", 300, 180)
    before = saved(editor)["links"]
    fed = [link for link in before if link[1] == 1 and link[5] == "CLIP"]
    assert len(fed) == 2
    names = editor.page.locator(".react-flow__node").filter(has_text="Load Checkpoint")
    old, new = (names.nth(i).get_by_role("button", name="Output CLIP, ", exact=False) for i in (0, 1))
    editor.page.keyboard.down("Shift")
    drag(editor.page, middle(old), middle(new))
    editor.page.keyboard.up("Shift")
    now = saved(editor)["links"]
    assert [link[1] for link in now if link[5] == "CLIP"] == [8, 8]
    assert len(now) == len(before)


def test_a_node_dropped_on_a_link_comes_into_it(editor: Editor):
    editor.add("vae decode", 700, 180)
    editor.new()
    editor.add("empty latent image", 200, 200)
    editor.drag_out(editor.socket("Empty Latent Image", "Output LATENT"), 1000, 220, "ksampler")
    editor.add("upscale latent by", 600, 600)
    start, end = (
        middle(editor.socket("Empty Latent Image", "Output LATENT")),
        middle(editor.socket("KSampler", "Input latent_image")),
    )
    title = middle(editor.page.locator(".react-flow__node").nth(2).locator(".node-name"))
    drag(editor.page, title, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    document = saved(editor)
    assert len(document["links"]) == 2
    ids = {node["id"]: node["type"] for node in document["nodes"]}
    assert {(ids[link[1]], ids[link[3]]) for link in document["links"]} == {
        ("EmptyLatentImage", "LatentUpscaleBy"),
        ("LatentUpscaleBy", "KSampler"),
    }


def test_only_sockets_that_fit_light_up(editor: Editor):
    page = editor.page
    page.mouse.move(*middle(editor.socket("Empty Latent Image", "Output LATENT")))
    page.mouse.down()
    page.mouse.move(700, 750, steps=4)
    fit = page.locator(".socket[data-fit=yes]")
    assert {fit.nth(i).get_attribute("data-type") for i in range(fit.count())} == {"LATENT"}
    assert page.locator(".socket[data-fit=no]").count() > 20
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".socket[data-fit]")).to_have_count(0)
    assert len(saved(editor)["links"]) == 9


def test_a_box_and_a_lasso_select(editor: Editor):
    page, chosen = editor.page, editor.page.locator(".react-flow__node.selected")
    top, bottom = (editor.node(name).bounding_box() for name in ("Load Checkpoint", "Empty Latent Image"))
    assert top is not None
    assert bottom is not None
    corner = (top["x"] - 15, top["y"] - 15)
    page.keyboard.down("Shift")
    drag(page, corner, (bottom["x"] + 40, bottom["y"] + 40))
    page.keyboard.up("Shift")
    expect(chosen).to_have_count(2)
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    page.keyboard.down("Alt")
    page.mouse.move(*corner)
    page.mouse.down()
    right, low = top["x"] + top["width"] + 15, bottom["y"] + bottom["height"] + 15
    for point in ((right, corner[1]), (right, low), (corner[0], low), corner):
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    page.keyboard.up("Alt")
    expect(chosen).to_have_count(2)


def test_a_widget_is_reset_by_its_menu_and_undo_is_greyed(editor: Editor):
    page = editor.page
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_role("menuitem", name="Undo")).to_be_disabled()
    page.keyboard.press("Escape")
    cfg = editor.node("KSampler").get_by_role("spinbutton", name="cfg")
    assert cfg.input_value() == "3.5"
    editor.node("KSampler").locator(".w-label", has_text="cfg").click(button="right")
    choose(editor, "Reset cfg")
    assert float(cfg.input_value()) == 8
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_role("menuitem", name="Undo")).to_be_enabled()
    expect(page.get_by_role("menuitem", name="Redo")).to_be_disabled()


def test_subgraphs_are_made_edited_inside_and_unpacked(editor: Editor):
    page = editor.page
    start = saved(editor)
    editor.node("KSampler").locator(".node-name").click()
    page.keyboard.press("Control+Shift+E")
    expect(page.locator(".node-enter")).to_have_count(1)
    page.locator(".node-enter").click()
    crumbs = page.get_by_role("navigation", name="Where in the graph")
    expect(crumbs).to_be_visible()
    inside = page.locator(".react-flow__node-border")
    expect(inside).to_have_count(2)

    def names(side: int) -> list[str]:
        rows = inside.nth(side).locator("[data-border-slot] .node-label")
        return rows.all_inner_texts()

    assert names(0) == ["model", "positive", "negative", "latent_image"]
    inside.nth(0).locator("[data-border-slot='2']").click(button="right")
    choose(editor, "Move up")
    assert names(0) == ["model", "negative", "positive", "latent_image"]
    inside.nth(0).locator("[data-border-slot='3'] .node-label").dblclick()
    page.get_by_role("textbox").last.fill("start")
    page.keyboard.press("Enter")
    assert names(0)[3] == "start"
    editor.node("KSampler").locator(".w-label", has_text="steps").click(button="right")
    choose(editor, "Show on the subgraph: steps")
    assert names(0)[4] == "steps"
    # a link from the border's own new socket makes another one
    new = inside.nth(0).locator(".new .socket")
    drag(page, middle(new), middle(editor.socket("KSampler", "Input cfg")))
    assert names(0)[5] == "cfg"
    inside.nth(0).locator("[data-border-slot='5']").click(button="right")
    choose(editor, "Remove cfg")
    assert len(names(0)) == 5
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".react-flow__node-border")).to_have_count(0)
    host = page.locator(".react-flow__node").filter(has=page.locator(".node-enter"))
    expect(host.get_by_role("spinbutton", name="steps")).to_be_visible()
    document = saved(editor)
    (definition,) = document["definitions"]["subgraphs"]
    assert [slot["name"] for slot in definition["inputs"]] == ["model", "negative", "positive", "start", "steps"]
    host.locator(".node-name").click(button="right")
    choose(editor, "Unpack subgraph")
    expect(page.locator(".node-enter")).to_have_count(0)
    assert types(saved(editor)) == types(start)
    for _ in range(12):
        undo(editor)
    assert saved(editor) == start
    assert editor.errors == []


def test_undo_inside_of_a_subgraph_that_it_unmakes_leads_out(editor: Editor):
    page = editor.page
    editor.node("KSampler").locator(".node-name").click()
    page.keyboard.press("Control+Shift+E")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".react-flow__node-border")).to_have_count(2)
    editor.node("KSampler").locator(".node-name").click()
    page.keyboard.press("Control+Shift+E")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".crumbs button")).to_have_count(2)
    undo(editor)
    expect(page.locator(".crumbs button")).to_have_count(1)
    undo(editor)
    expect(page.locator(".crumbs button")).to_have_count(0)
    expect(editor.nodes()).to_have_count(7)
    assert editor.errors == []


def test_the_map_comes_with_large_graphs_and_stays_as_it_was_chosen(editor: Editor, tmp_path: Path):
    page = editor.page
    plan = page.locator(".minimap")
    expect(plan).to_have_count(0)
    large = {str(i): {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64}} for i in range(60)}
    (tmp_path / "large.json").write_text(json.dumps(large))
    editor.open(tmp_path / "large.json")
    expect(plan).to_be_visible()
    page.get_by_role("button", name="Map", exact=True).click()
    expect(plan).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="Map", exact=True).wait_for()
    expect(page.get_by_role("button", name="Map", exact=True)).to_have_attribute("aria-pressed", "false")


COUNT = """() => { window.drawn_ = new Set();
  new MutationObserver(list => list.forEach(({target}) => {
    const node = (target.nodeType === 1 ? target : target.parentElement)?.closest('.react-flow__node');
    if (node) window.drawn_.add(node.dataset.id); }))
    .observe(document.querySelector('.react-flow__nodes'),
      {subtree: true, childList: true, attributes: true, characterData: true}); }"""


def chains(count: int, length: int) -> dict[str, Any]:
    """Samplers, each fed by the one before, in rows; each has its number as its steps."""

    def inputs(i: int) -> dict[str, Any]:
        return {"steps": i} | ({"latent_image": [str(i - 1), 0]} if i % length else {})

    return {str(i): {"class_type": "KSampler", "inputs": inputs(i)} for i in range(count)}


def test_typing_touches_one_node_of_many(editor: Editor, tmp_path: Path):
    (tmp_path / "chain.json").write_text(json.dumps(chains(100, 100)))
    editor.open(tmp_path / "chain.json")
    expect(editor.nodes()).to_have_count(100)
    field = editor.page.get_by_role("spinbutton", name="steps").first
    for _ in range(20):
        if field.count():
            break
        editor.page.get_by_role("button", name="Zoom in").click()
        editor.page.wait_for_timeout(200)
    field.focus()
    node = editor.page.locator(".react-flow__node").filter(has=editor.page.locator(":focus")).get_attribute("data-id")
    assert node is not None
    editor.page.evaluate(COUNT)
    for _ in range(5):
        editor.page.keyboard.press("ArrowUp")
    expect(editor.page.locator(":focus")).to_have_value(str(int(node) + 5))
    assert editor.page.evaluate("() => [...window.drawn_]") == [node]


def test_many_nodes_are_outlines_with_links_until_they_are_near(editor: Editor, tmp_path: Path):
    chain = {
        str(i): {
            "class_type": "KSampler",
            "inputs": {"steps": i} | ({"latent_image": [str(i - 1), 0]} if i % 20 else {}),
        }
        for i in range(300)
    }
    (tmp_path / "many.json").write_text(json.dumps(chain))
    editor.open(tmp_path / "many.json")
    page = editor.page
    page.locator(".canvas[data-shells] .node").first.wait_for()
    assert page.locator("input").count() < 20, "widgets of nodes that nobody can read are not made"
    seen = links(editor).count()
    assert seen > 200
    for _ in range(12):
        page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".canvas[data-shells]")).to_have_count(0)
    page.locator(".node .socket").first.wait_for()
    assert links(editor).count() > 0
    for _ in range(14):
        page.get_by_role("button", name="Zoom out").click()
    page.locator(".canvas[data-shells] .node").first.wait_for()
    expect(links(editor)).to_have_count(seen)
    assert editor.errors == []


@pytest.fixture
def touch(browser: Browser, serve: Callable[..., Server]) -> Any:
    context = browser.new_context(viewport={"width": 1000, "height": 800}, has_touch=True)
    context.set_default_timeout(PATIENCE)
    yield Editor(context.new_page(), serve()).skip_tour()
    context.close()


class Fingers:
    """A touch screen."""

    def __init__(self, page: Page):
        self.session = page.context.new_cdp_session(page)

    def _report(self, kind: str, points: Sequence[Position]) -> None:
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})

    def glide(self, *ways: tuple[Position, Position], stay: int = 0) -> None:
        """One finger for each way, from its start to its end; `stay`: milliseconds before they move."""
        self._report("Start", [start for start, _ in ways])
        if stay:
            time.sleep(stay / 1000)
        for step in range(1, 9) if any(start != end for start, end in ways) else ():
            part = step / 8
            self._report("Move", [(a + (c - a) * part, b + (d - b) * part) for (a, b), (c, d) in ways])
        self._report("End", [])


def zoom(page: Page) -> float:
    return float(page.locator(".percent").inner_text().rstrip("%"))


def test_fingers_pan_pinch_move_link_and_ask_for_menus(touch: Editor):
    page, fingers = touch.page, Fingers(touch.page)
    node = touch.node("Empty Latent Image")
    before = middle(node)
    fingers.glide(((500, 700), (540, 650)))
    after = middle(node)
    assert after[0] > before[0] + 20, "one finger moves the canvas"
    assert after[1] < before[1] - 20
    small = zoom(page)
    fingers.glide(((450, 680), (370, 680)), ((550, 680), (630, 680)))
    page.wait_for_timeout(300)
    assert zoom(page) > small * 1.2, "two fingers zoom"
    page.get_by_role("button", name="Fit to view (F)").click()
    page.wait_for_timeout(400)
    title = middle(touch.node("Empty Latent Image").locator(".node-name"))
    fingers.glide((title, (title[0] + 30, title[1] + 60)))
    moved = middle(touch.node("Empty Latent Image").locator(".node-name"))
    assert moved[1] > title[1] + 30, "a finger moves a node"
    fingers.glide((moved, moved), stay=900)
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    fingers.glide((middle(touch.socket("Load Checkpoint", "Output CLIP")), (500, 720)))
    expect(page.get_by_role("combobox", name="Search for a node")).to_be_visible()
    assert touch.errors == []
