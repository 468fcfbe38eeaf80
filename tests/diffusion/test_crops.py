"""Crops hold what is marked and its surroundings; stitched back, nothing else has changed and no seam shows."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from torch import Tensor

from diffusion.crops import ALGORITHMS, Rect, Stitcher, Where, bounded, crop, fill_holes, outpaint, resize, shaped


def picture(height: int = 60, width: int = 80, count: int = 1) -> Tensor:
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(1))


def marked(*box: int, height: int = 60, width: int = 80) -> Tensor:
    top, bottom, left, right = box
    mask = torch.zeros(1, height, width)
    mask[:, top:bottom, left:right] = 1
    return mask


def cut(images: Tensor, mask: Tensor, context: Tensor | None = None, **options: Any) -> tuple[Stitcher, Tensor, Tensor]:
    return crop(images, mask, context, Where(**{"extend": 1.2, **options}), "bilinear", "bicubic")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 50), st.integers(1, 40), st.integers(0, 70), st.integers(1, 40), st.integers(0, 12),
    st.sampled_from([None, (32, 32), (64, 24), (40, 100)]), st.sampled_from([1, 8, 32]), st.floats(1, 4),
)  # fmt: skip
def test_what_is_not_masked_stays(
    top: int, height: int, left: int, width: int, blend: int, target: Any, multiple: int, extend: float
):
    images, mask = picture(), marked(top, top + height, left, left + width)
    options = {"blend": blend, "target": target, "multiple": multiple, "extend": extend}
    stitcher, crops, masks = cut(images, mask, **options)
    assert crops.shape[:3] == masks.shape
    assert all(side % multiple == 0 for side in crops.shape[1:3])
    if target:
        assert all(0 <= side - want < multiple for side, want in zip(crops.shape[1:3], target[::-1], strict=True))
    whole = stitcher.stitch(torch.full_like(crops, 0.5))
    away = torch.from_numpy(ndimage.distance_transform_cdt(mask[0].numpy() == 0, "chessboard")) > blend
    assert torch.equal(whole[0][away], images[0][away])
    assert torch.allclose(whole[mask > 0], torch.tensor(0.5), atol=1e-5)


def test_a_crop_of_its_own_size_is_the_picture_itself():
    images, mask = picture(), marked(20, 30, 30, 50)
    stitcher, crops, masks = cut(images, mask, extend=2.0)
    (rect,) = stitcher.rects
    assert rect == Rect(15, 35, 20, 60)
    assert torch.equal(crops, images[:, 15:35, 20:60])
    assert torch.equal(masks, mask[:, 15:35, 20:60])
    assert torch.equal(stitcher.stitch(crops), images)


def test_a_crop_stays_in_the_picture_if_it_can():
    stitcher, _, _ = cut(picture(), marked(0, 10, 70, 80), extend=3.0)
    assert stitcher.rects == (Rect(0, 30, 50, 80),)
    stitcher, _, _ = cut(picture(), marked(10, 20, 10, 20), extend=100.0)
    assert stitcher.rects == (Rect(0, 60, 0, 80),)


def test_beyond_the_picture_its_edge_goes_on_and_nothing_is_masked():
    images, mask = picture(20, 80), marked(5, 10, 0, 80, height=20)
    stitcher, crops, masks = cut(images, mask, target=(64, 64))
    (rect,) = stitcher.rects
    assert (rect.height, rect.width, rect.top) == (80, 80, -30)
    whole = resize(crops, 80, 80, "bilinear", "bilinear")
    assert (whole[:, 2:26] - images[:, :1]).abs().mean() < 0.2
    assert masks[:, :20].max() == 0
    assert stitcher.stitch(crops).shape == images.shape


def test_no_seam_shows_where_a_blended_crop_ends():
    """What is painted fades out within the crop, unless the crop ends with the picture."""
    images = picture()
    for box in ((20, 30, 30, 50), (0, 8, 0, 8), (25, 26, 40, 41)):
        stitcher, crops, _ = cut(images, marked(*box), blend=12, extend=1.0)
        (rect,) = stitcher.rects
        outside = torch.ones(60, 80, dtype=torch.bool)
        outside[rect.top : rect.bottom, rect.left : rect.right] = False
        assert stitcher.blend[0][outside].max() == 0
        changed = stitcher.stitch(torch.zeros_like(crops)) - images * (1 - stitcher.blend[..., None])
        assert changed.abs().max() < 1e-5


def test_a_mask_fades_evenly():
    blend = cut(picture(), marked(20, 40, 20, 60), blend=16)[0].blend[0, 30]
    assert torch.equal(blend[20:60], torch.ones(40))
    assert (blend[60:76].diff() < 1e-6).all()
    assert blend[76:].max() == 0
    assert 0.2 < blend[67] < 0.8


def test_what_is_marked_as_context_is_in_the_crop():
    stitcher, _, masks = cut(picture(), marked(20, 30, 30, 40), marked(5, 6, 70, 71), extend=1.0)
    assert stitcher.rects == (Rect(5, 30, 30, 71),)
    assert masks.sum() == 100


def test_without_a_mask_the_whole_picture_is_cut():
    images = picture()
    stitcher, crops, _ = cut(images, torch.zeros(1, 64, 64))
    assert torch.equal(crops, images)
    assert torch.equal(stitcher.stitch(torch.zeros_like(crops)), images)


def test_each_picture_of_a_batch_has_its_own_crop_where_they_get_one_size():
    images = picture(count=2)
    masks = torch.cat((marked(0, 10, 0, 10), marked(40, 60, 50, 80)))
    stitcher, crops, _ = cut(images, masks, target=(32, 32))
    assert len({rect.top for rect in stitcher.rects}) == 2
    assert crops.shape == (2, 32, 32, 3)
    together, crops, _ = cut(images, masks)
    assert together.rects == (Rect(0, 60, 0, 80),)
    assert torch.equal(together.stitch(crops), images)


def test_one_goes_with_many():
    several = torch.cat((marked(0, 10, 0, 10), marked(40, 60, 50, 80)))
    for images, masks in ((picture(), several), (picture(count=2), marked(10, 20, 10, 20))):
        stitcher, crops, cropped = cut(images, masks, target=(32, 32))
        assert len(crops) == len(cropped) == len(stitcher.stitch(crops)) == 2


def test_more_painted_pictures_than_crops_each_make_a_picture():
    stitcher, crops, _ = cut(picture(), marked(20, 30, 30, 50))
    whole = stitcher.stitch(torch.cat((crops, torch.zeros_like(crops), torch.ones_like(crops))))
    assert whole.shape == (3, 60, 80, 3)
    assert whole[1:, 25, 40].tolist() == [[0] * 3, [1] * 3]
    two, crops, _ = cut(picture(count=2), marked(20, 30, 30, 50))
    with pytest.raises(ValueError, match="3 pictures cannot be put back where 2"):
        two.stitch(crops[:1].repeat(3, 1, 1, 1))


def test_a_crop_may_come_back_larger():
    stitcher, crops, _ = cut(picture(), marked(20, 30, 30, 50))
    larger = resize(crops, crops.shape[2] * 4, crops.shape[1] * 4, "box", "nearest")
    assert torch.allclose(
        Stitcher(stitcher.images, stitcher.blend, stitcher.rects, "box", "box").stitch(larger), stitcher.images
    )


# --- what is done before the cut -----------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_resizing_is_pillows(algorithm: str):
    image = picture()
    for width, height in ((40, 30), (100, 90)):
        got = resize(image, width, height, algorithm, algorithm)[0, ..., 1]
        want = Image.fromarray(image[0, ..., 1].numpy()).resize((width, height), Image.Resampling[algorithm.upper()])
        assert np.array_equal(got, np.asarray(want).clip(0, 1))


def test_sizes_are_bounded_with_their_aspect():
    assert bounded((100, 50), (200, 200), (999, 999)) == (400, 200)
    assert bounded((1000, 500), (1, 1), (200, 200)) == (200, 100)
    assert bounded((100, 50), (50, 50), (200, 200)) == (100, 50)


def test_holes_take_the_value_of_their_ring():
    ring = torch.zeros(1, 7, 7)
    ring[:, 1:6, 1:6] = 0.6
    ring[:, 2:5, 2:5] = 0
    filled = fill_holes(ring)
    assert torch.allclose(filled[:, 1:6, 1:6], torch.tensor(0.6), atol=1 / 255)
    assert filled[:, 0].max() == 0
    ring[:, 1, 3] = 0  # a gap
    assert torch.equal(fill_holes(ring), ring)
    nested = ring.clone()
    nested[:, 3, 3] = 1
    assert torch.equal(fill_holes(nested), nested)


def test_a_mask_is_filtered_filled_grown_and_turned_over_in_this_order():
    mask = marked(2, 3, 2, 3, height=6, width=6) + 0.05
    assert shaped(mask, 0.1, 0, fill=False, invert=False).sum() == pytest.approx(1.05)
    grown = shaped(mask, 0.1, 1, fill=True, invert=False)
    assert (grown > 0).sum() == 9
    assert torch.equal(shaped(mask, 0.1, 1, fill=True, invert=True), 1 - grown)


def test_pictures_grow_outward():
    images = picture(20, 40)
    larger, mask = outpaint(images, torch.zeros(1, 20, 40), (2.0, 1.0, 1.0, 1.5))
    assert larger.shape == (1, 40, 60, 3)
    assert torch.equal(larger[:, 20:, :40], images)
    assert torch.equal(larger[:, :20, :40], images[:, :1].expand(-1, 20, -1, -1))
    assert torch.equal(mask, 1 - marked(20, 40, 0, 40, height=40, width=60))
    smaller, mask = outpaint(images, marked(0, 20, 0, 1, height=20, width=40), (1.0, 1.0, 0.75, 1.0))
    assert torch.equal(smaller, images[:, :, 10:])
    assert mask.max() == 0
    with pytest.raises(ValueError, match="nothing is left"):
        outpaint(images, torch.zeros(1, 20, 40), (0.3, 0.3, 1.0, 1.0))
