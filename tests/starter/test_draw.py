"""Icons as pixels: which are taken, how they are framed, and what stands out from which background."""

import random

import numpy as np
import pytest

from models.starter import draw

RED = '<path fill="#f00" d="M0 0h16v16H0z"/>'
ICONS = {"icons": {"box": {"body": RED}, "tall": {"body": RED, "height": 20}}, "width": 16, "height": 16}


def disc(colour: tuple[int, int, int]) -> np.ndarray:
    y, x = np.mgrid[:116, :116]
    icon = np.zeros((116, 116, 4), np.uint8)
    icon[(x - 57.5) ** 2 + (y - 57.5) ** 2 < 2500] = (*colour, 255)
    return icon


def test_a_document_has_the_box_of_its_icon():
    assert draw.svg(ICONS, "box").startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16"')
    assert RED in draw.svg(ICONS, "box")


def test_what_is_not_square_stands_in_the_middle_of_a_square():
    assert 'viewBox="-2 0 20 20" width="20" height="20"' in draw.svg(ICONS, "tall")


def test_variants_for_skin_tones_and_hidden_icons_are_left_out():
    names = [
        "cook",
        "cook-dark",
        "cook-medium-light",
        "cooks-dark-light",
        "cooks",
        "traffic-light",
        "boy-light-skin-tone",
    ]
    icons = {"icons": {name: {} for name in names} | {"old-name": {"hidden": True}}}
    assert list(draw.plain(icons)) == ["cook", "cooks", "traffic-light"]


def test_an_icon_covers_its_place_and_lets_the_background_through():
    icon = np.zeros((2, 2, 4), np.uint8)
    icon[0] = (200, 100, 0, 255)
    icon[1] = (200, 100, 0, 51)  # a fifth
    canvas = draw.place(icon, (0, 0, 255), left=10, top=20)
    assert canvas.shape == (128, 128, 3)
    assert (canvas[20, 10:12] == (200, 100, 0)).all()
    assert (canvas[21, 10:12] == (40, 20, 204)).all()
    assert (
        np.delete(canvas.reshape(-1, 3), [20 * 128 + 10, 20 * 128 + 11, 21 * 128 + 10, 21 * 128 + 11], 0) == (0, 0, 255)
    ).all()


def test_red_stands_out_from_blue_and_not_from_red():
    assert draw.stands_out(disc((230, 40, 50)), draw.COLOURS["blue"])
    assert not draw.stands_out(disc((230, 40, 50)), draw.COLOURS["red"])
    assert not draw.stands_out(np.zeros((116, 116, 4), np.uint8), draw.COLOURS["blue"])


def test_backgrounds_are_different_coloured_and_the_same_each_time():
    chosen = draw.backgrounds(disc((0, 0, 0)), 20, random.Random(1))
    assert set(chosen) == set(draw.COLOURS) - {"white", "black"}
    assert draw.backgrounds(disc((0, 0, 0)), 3, random.Random(1)) == chosen[:3]


def test_an_icon_laid_on_another_leaves_what_is_beside_it():
    canvas = draw.place(disc((0, 255, 0)), (0, 0, 255))
    draw.lay(np.full((4, 6, 4), 255, np.uint8), canvas, left=60, top=62)
    assert (canvas[62:66, 60:66] == 255).all()
    assert tuple(canvas[61, 60]) == (0, 255, 0)
    assert tuple(canvas[0, 0]) == (0, 0, 255)


def test_the_margins_of_an_icon_are_cropped():
    assert draw.cropped(disc((1, 2, 3))).shape == (100, 100, 4)
    with pytest.raises(ValueError, match="empty"):
        draw.cropped(np.zeros((8, 8, 4), np.uint8))


@pytest.mark.parametrize("side", [116, 77, 57, 40])
def test_a_scaled_icon_has_no_dark_fringe(side: int):
    icon = disc((255, 0, 0))  # what is transparent around it is black
    small = draw.scaled(icon, side)
    assert small.shape == (side, side, 4)
    canvas = draw.place(small, (255, 255, 255), 0, 0).astype(int)
    assert canvas[..., 0].min() >= 252  # red and white alike are full of red, and so is all between them
    assert canvas[side // 2, side // 2, 1] == 0


def test_the_longer_side_is_what_is_scaled():
    assert draw.scaled(np.full((50, 100, 4), 255, np.uint8), 60).shape == (30, 60, 4)
    assert draw.scaled(np.full((100, 50, 4), 255, np.uint8), 60).shape == (60, 30, 4)


def test_a_silhouette_is_filled_and_has_the_hollows_of_the_outline():
    icon = np.zeros((20, 20, 4), np.uint8)
    icon[2:18, 2:18, 3] = 255
    icon[4:16, 4:16, 3] = 0
    filled = draw.silhouette(icon)
    assert filled.sum() == 16 * 16
    assert filled[10, 10]
    assert not filled[0, 0]
    icon[2:4, 8:12, 3] = 0  # now it is open
    assert not draw.silhouette(icon)[10, 10]


@pytest.mark.parametrize(("body", "middle"), [(RED, (255, 0, 0, 255)), ('<circle cx="2" cy="2" r="2"/>', (0, 0, 0, 0))])
def test_svg_becomes_pixels(body: str, middle: tuple[int, ...]):
    pytest.importorskip("resvg_py")
    pixels = draw.rasterise(draw.svg({"icons": {"x": {"body": body}}}, "x"))
    assert pixels.shape == (116, 116, 4)
    assert tuple(pixels[58, 58]) == middle
    assert pixels[14, 14, 3] == 255


def test_what_is_no_svg_is_refused():
    pytest.importorskip("resvg_py")
    with pytest.raises(ValueError, match="root"):
        draw.rasterise("<svg")
