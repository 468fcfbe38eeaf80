"""What control networks look at, against what OpenCV makes of the same picture by the field's recipes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from diffusion.control import hints

LINE = [0, 0, 0, 0, 0, 0, 91, 121, 110, 117, 143, 0, 0, 0, 0, 0]
RECORDED = {  # at a third and a half of its sides and at their ends
    ("luminance", 64): [164, 144, 142, 113, 164, 149, 119, 110, 165, 153, 128, 145, 168, 149, 164, 225],
    ("intensity", 64): [255, 215, 255, 245, 255, 215, 173, 112, 255, 215, 173, 150, 255, 215, 173, 243],
    ("tile", 64): [20, 139, 73, 223, 64, 184, 53, 34, 89, 208, 76, 58, 152, 46, 141, 122],
    ("luminance", 32): [163, 143, 124, 113, 164, 149, 118, 107, 165, 154, 129, 146, 168, 149, 165, 223],
    ("intensity", 32): [254, 215, 191, 244, 254, 215, 172, 110, 254, 215, 172, 152, 254, 215, 172, 240],
    ("tile", 32): [44, 157, 66, 175, 84, 190, 68, 40, 111, 190, 91, 58, 169, 64, 152, 116],
}
MAKERS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "lines": lambda image, side: hints.lines(image, side, 6.0, 8),
    "luminance": lambda image, side: hints.luminance(image, side, 0.7),
    "intensity": lambda image, side: hints.intensity(image, side, 0.7),
    "tile": lambda image, side: hints.tile(image, side, 2),
}


def picture() -> Tensor:
    y, x = torch.meshgrid(torch.arange(48), torch.arange(72), indexing="ij")
    image = torch.stack(((x * 7 + y * 3) % 256, (x * y) // 14, 255 - x * 3), -1) % 256
    image[20:30, 30:34] = 10
    return image[None] / 255


@pytest.mark.parametrize(("name", "side"), RECORDED)
def test_equals_opencv(name: str, side: int):
    made = (MAKERS[name](picture(), side)[0, ..., 0] * 255).round()
    height, width = made.shape
    assert (height, width) == (side, side * 3 // 2)
    rows, columns = (0, height // 3, height // 2, height - 1), (0, width // 4, width // 2, width - 1)
    got = torch.stack([made[y, x] for y in rows for x in columns])
    assert (got - torch.tensor(RECORDED[name, side])).abs().max() <= 2


def test_lines_equal_opencvs():
    made = (hints.lines(picture(), 64, 4.0, 8)[0] * 255).round()
    assert (made[32, 34:50, 1] - torch.tensor(LINE)).abs().max() <= 1
    assert max(LINE) > 100


def test_a_bare_picture_has_no_lines():
    assert hints.lines(torch.full((2, 30, 40, 3), 0.5), 64, 6.0, 8).eq(0).all()


@pytest.mark.parametrize("name", MAKERS)
def test_a_batch_and_the_smallest_picture(name: str):
    maker = MAKERS[name]
    two = torch.cat((picture(), 1 - picture()))
    assert torch.equal(maker(two, 64)[1:], maker(two[1:], 64))
    assert maker(torch.rand(1, 1, 1, 4), 64).shape == (1, 64, 64, 3)


def test_what_is_masked_is_hidden():
    mask = torch.zeros(1, 24, 36)
    mask[:, :12] = 1
    made = hints.hidden(picture(), mask, -1.0)
    assert made[:, :23].eq(-1).all()
    assert torch.equal(made[:, 25:], picture()[:, 25:])
