"""The fields of nodes, used by hand: numbers, menus, prompts, masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.editor import Editor
from tests.web.conftest import Server


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def editor(page: Page, server: Server) -> Editor:
    return Editor(page, server).skip_tour()


def middle(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], by: tuple[float, float], button: str = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button="right" if button == "right" else "left")
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=8)
    page.mouse.up(button="right" if button == "right" else "left")


def undo(page: Page) -> None:
    page.mouse.click(700, 100)  # on the canvas: in a field, undo is the field's
    page.keyboard.press("Control+z")


def test_a_number_is_dragged_typed_and_stepped(editor: Editor):
    page, width = editor.page, editor.node("Empty Latent").get_by_role("spinbutton", name="width")
    drag(page, middle(width), (40, 0))
    assert int(width.input_value()) > 200
    assert int(width.input_value()) % 8 == 0
    undo(page)
    expect(width).to_have_value("128")  # the whole drag was one change
    width.click()
    page.keyboard.type("2*(256-64)+3")
    page.keyboard.press("Enter")
    expect(width).to_have_value("384")
    page.keyboard.press("ArrowUp")
    expect(width).to_have_value("392")
    page.keyboard.type("nonsense")
    page.keyboard.press("Escape")
    expect(width).to_have_value("392")
    assert editor.errors == []


def test_a_seed_of_64_bits_stays_exact(editor: Editor):
    seed = editor.node("KSampler").get_by_role("spinbutton", name="seed")
    seed.click()
    editor.page.keyboard.type("18446744073709551615")
    editor.page.keyboard.press("Enter")
    expect(seed).to_have_value("18446744073709551615")
    editor.node("KSampler").get_by_role("button", name="New random seed").click()
    expect(seed).not_to_have_value("18446744073709551615")
    undo(editor.page)
    expect(seed).to_have_value("18446744073709551615")


def test_keys_in_a_prompt_stay_there(editor: Editor):
    page, nodes = editor.page, editor.nodes().count()
    prompt = editor.node("What to show").get_by_role("textbox")
    prompt.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("a red m? apple")
    page.keyboard.press("Delete")
    page.keyboard.press("Backspace")
    expect(prompt).to_have_value("a red m? appl")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt).to_have_value("a red m? (appl:1.05)")
    expect(editor.nodes()).to_have_count(nodes)
    with page.expect_response(lambda answer: answer.url.endswith("/prompt")) as answered:
        page.keyboard.press("Control+Enter")
    assert answered.value.status == 200


def test_a_menu_is_filtered_by_typing(editor: Editor):
    page, menu = editor.page, editor.node("KSampler").get_by_role("combobox", name="sampler_name")
    menu.focus()
    page.keyboard.press("ArrowDown")
    expect(menu).to_have_text("euler_cfg_pp")
    page.keyboard.type("dpmpp sde")
    page.keyboard.press("Enter")
    expect(menu).to_contain_text("sde")
    expect(menu).to_be_focused()


def test_a_mask_is_painted_over_an_uploaded_picture(editor: Editor, base: Path, tmp_path: Path):
    page, red = editor.page, tmp_path / "red.png"
    Image.new("RGB", (300, 200), "red").save(red)
    editor.add("load image", 320, 700)
    node = editor.node("Load Image")
    with page.expect_file_chooser() as chooser:
        node.get_by_role("button", name="Upload…").click()
    chooser.value.set_files(red)
    expect(node.get_by_role("combobox", name="image")).to_have_text("red.png")
    node.get_by_role("button", name="Mask…").click()
    sheet = page.get_by_role("img", name="The mask over the picture")
    x, y = middle(sheet)
    drag(page, (x - 100, y), (200, 0))
    drag(page, (x, y), (0, 5), button="right")
    page.get_by_role("button", name="Use this mask").click()
    expect(node.get_by_role("combobox", name="image")).to_contain_text("clipspace/")
    (made,) = (base / "input/clipspace").glob("red-mask-*.png")
    with Image.open(made) as picture:
        alpha = picture.getchannel("A")
        assert picture.size == (300, 200)
        assert alpha.getpixel((0, 0)) == 255
        assert alpha.getpixel((150, 100)) == 255, "the right button erases"
        assert alpha.crop((100, 90, 140, 110)).getextrema()[0] == 0
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    expect(page.get_by_role("button", name="Problems")).not_to_contain_text("1")
    assert editor.errors == []
