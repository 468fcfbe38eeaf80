"""Tables of pictures with words: where everything stands, fonts and their gaps, and what is refused."""

import pytest
import torch
from PIL import Image, ImageFont

from diffusion import labels
from diffusion.labels import THEMES, Table, drawn, fitted, font, grid, pictures_of, sheet, tensor_of, wrapped

LIGHT, DARK = THEMES["light"], THEMES["dark"]
RED, GREEN, BLUE, GREY = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90))


def plain(color: tuple[int, int, int], width: int = 60, height: int = 40) -> Image.Image:
    return Image.new("RGB", (width, height), color)


def box(picture: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where a colour is: left, top, right, bottom."""
    mask = Image.new("L", picture.size)
    mask.putdata([255 if pixel == color else 0 for pixel in picture.get_flattened_data()])
    found = mask.getbbox()
    assert found
    return found


def ink(picture: Image.Image, area: tuple[int, int, int, int]) -> int:
    """How many pixels of an area are not of the ground or a picture."""
    part = picture.crop(area)
    return sum(pixel not in (LIGHT.ground, RED, GREEN, BLUE, GREY) for pixel in part.get_flattened_data())


def test_pictures_stand_row_by_row_in_even_cells():
    made = grid([plain(RED), plain(GREEN), plain(BLUE), plain(GREY)], ["a", "b"], ["1", "2"], 0, "", LIGHT)
    red, green, blue, grey = (box(made, c) for c in (RED, GREEN, BLUE, GREY))
    for found in (red, green, blue, grey):
        assert (found[2] - found[0], found[3] - found[1]) == (60, 40)
    assert red[1] == green[1]
    assert blue[1] == grey[1] > red[3]
    assert red[0] == blue[0]
    assert green[0] == grey[0] > red[2]


def test_labels_stand_beside_their_pictures():
    made = grid([plain(RED), plain(GREEN)], ["above"], ["left", "left too"], 0, "Title", LIGHT, ("x", "y"))
    red, green = box(made, RED), box(made, GREEN)
    assert ink(made, (red[0], 0, red[2], red[1])) > 20
    for found in (red, green):
        assert ink(made, (0, found[1], found[0], found[3])) > 20
    bare = grid([plain(RED)], [], [], 0, "", LIGHT)
    assert ink(bare, (0, 0, *bare.size)) == 0


def test_captions_stand_below_and_missing_ones_are_empty():
    made = sheet([plain(RED), plain(GREEN), plain(BLUE)], ["one", "two"], 3, 0, "", LIGHT)
    for color, has in ((RED, True), (GREEN, True), (BLUE, False)):
        left, _, right, bottom = box(made, color)
        assert (ink(made, (left, bottom, right, made.height)) > 10) is has


def test_smaller_pictures_stand_in_the_middle():
    made = sheet([plain(RED, 60, 60), plain(GREEN, 20, 10)], [], 2, 0, "", LIGHT)
    red, green = box(made, RED), box(made, GREEN)
    assert green[2] - green[0] == 20
    assert abs((green[1] + green[3]) - (red[1] + red[3])) <= 1


def test_a_sheet_is_about_square_and_its_pictures_have_the_size_asked_for():
    made = sheet([plain(RED, 200, 100)] * 9, [], 0, 50, "", LIGHT)
    left, _, right, _ = box(made, RED)
    assert right - left <= 3 * (50 + 8)
    assert fitted(plain(RED, 200, 100), 50).size == (50, 25)
    assert fitted(plain(RED, 20, 10), 50).size == (20, 10)
    assert fitted(plain(RED, 900, 1), 50).size == (50, 1)


def test_what_is_missing_at_the_end_is_an_empty_cell():
    made = grid([plain(RED), plain(GREEN), plain(BLUE)], ["a", "b"], ["1", "2"], 0, "", DARK)
    _, blue_top, _, _ = box(made, BLUE)
    assert box(made, DARK.faint)[1] == blue_top


@pytest.mark.parametrize(
    ("pictures", "columns", "rows", "told"),
    [
        (0, ["a"], ["b"], "there is no picture to put into a table"),
        (3, ["a"], ["b", "c"], "3 pictures do not fit into 1 columns and 2 rows"),
    ],
)
def test_what_is_no_grid_is_told(pictures: int, columns: list[str], rows: list[str], told: str):
    with pytest.raises(ValueError, match=told):
        grid([plain(RED)] * pictures, columns, rows, 0, "", LIGHT)


def test_without_labels_for_one_side_it_follows_from_the_other():
    six = [plain(c) for c in (RED, GREEN, BLUE)] * 2
    three = grid(six, [], ["1", "2"], 0, "", LIGHT)
    assert box(three, RED)[0] < box(three, GREEN)[0] < box(three, BLUE)[0]
    assert grid(six, ["1", "2", "3"], [], 0, "", LIGHT).height > 80


def test_more_labels_than_pictures_and_tables_that_are_too_large_are_told(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="labels has 2 lines for 1 picture;"):
        sheet([plain(RED)], ["a", "b"], 0, 0, "", LIGHT)
    monkeypatch.setattr(labels, "MOST_PIXELS", 1000)
    with pytest.raises(ValueError, match="pixels; choose a smaller cell size"):
        drawn(Table([[plain(RED)]]), LIGHT)


# --- words ---------------------------------------------------------------------------------------


def test_long_labels_are_wrapped_and_end():
    size, width = 14, 90
    lines = wrapped("a label of many short words that goes on and on and on", size, width)
    assert len(lines) == labels.LINES
    assert lines[-1].endswith("...")
    assert all(font(size).getlength(line) <= width for line in lines)
    assert all(font(size).getlength(line) <= width for line in wrapped("w" * 40, size, width))
    assert wrapped("two\nlines", size, width) == ["two", "lines"]
    assert wrapped("", size, width) == []
    assert wrapped("ab", size, 1) == ["a", "b"]


def test_signs_that_the_font_lacks_come_from_the_system_or_are_boxes(monkeypatch: pytest.MonkeyPatch):
    for text in ("二枚目の絵", "Привет", "émoji 😀", "\u202eabc\u0000", "\t"):
        made = sheet([plain(RED)], [text], 0, 0, text, LIGHT)
        assert made.height > 40
    monkeypatch.setattr(labels, "FONTS", ("no such font.ttf",))
    font.cache_clear()
    used = font(14, "二")
    font.cache_clear()
    assert isinstance(used, ImageFont.FreeTypeFont)
    assert used.getname() == ImageFont.load_default(14).getname()  # pyright: ignore[reportAttributeAccessIssue]


# --- pictures ------------------------------------------------------------------------------------


def test_tensors_and_pictures():
    batch = torch.rand(2, 6, 5, 3)
    torch.testing.assert_close(torch.cat([tensor_of(p) for p in pictures_of(batch)]), batch, atol=0.5 / 255, rtol=0)
    assert pictures_of(torch.rand(1, 6, 5, 1))[0].size == (5, 6)
    assert pictures_of(torch.rand(1, 6, 5, 4))[0].mode == "RGB"
    assert pictures_of(torch.full((1, 2, 2, 3), float("nan")))[0].getpixel((0, 0)) == (0, 0, 0)
    for shape in ((0, 4, 4, 3), (1, 0, 4, 3), (4, 4, 3)):
        with pytest.raises(ValueError, match="images holds no picture"):
            pictures_of(torch.zeros(shape))
