"""Crop, paint, stitch: through the nodes, with the inputs that workflows of the field carry."""

import torch

from executor.node import registry
from nodes.crops import inpaint_crop_improved, inpaint_stitch_improved

WIDGETS = [  # in the order of the field's saved workflows
    "downscale_algorithm", "upscale_algorithm", "preresize", "preresize_mode", "preresize_min_width",
    "preresize_min_height", "preresize_max_width", "preresize_max_height", "mask_fill_holes", "mask_expand_pixels",
    "mask_invert", "mask_blend_pixels", "mask_hipass_filter", "extend_for_outpainting", "extend_up_factor",
    "extend_down_factor", "extend_left_factor", "extend_right_factor", "context_from_mask_extend_factor",
    "output_resize_to_target_size", "output_target_width", "output_target_height", "output_padding", "device_mode",
]  # fmt: skip


def test_the_order_of_the_inputs_is_the_fields():
    assert list(registry["InpaintCropImproved"].inputs) == ["image", *WIDGETS, "mask", "optional_context_mask"]
    assert list(registry["InpaintStitchImproved"].inputs) == ["stitcher", "inpainted_image"]


def test_a_place_is_painted_and_the_rest_stays():
    image, mask = torch.rand(1, 100, 150, 3), torch.zeros(1, 100, 150)
    mask[:, 40:60, 50:80] = 1
    crop = inpaint_crop_improved(image=image, mask=mask, output_target_width=64, output_target_height=64)
    assert crop.cropped_image.shape == (1, 64, 64, 3)
    whole = inpaint_stitch_improved(stitcher=crop.stitcher, inpainted_image=torch.zeros(1, 64, 64, 3))
    assert whole.shape == image.shape
    assert whole[mask > 0].max() < 1e-6
    assert torch.equal(whole[:, :, 120:], image[:, :, 120:])


def test_everything_at_once():
    image = torch.rand(2, 40, 60, 3)
    crop = inpaint_crop_improved(
        image=image,
        preresize=True,
        preresize_mode="ensure minimum and maximum resolution",
        preresize_min_width=90,
        preresize_min_height=10,
        preresize_max_width=200,
        preresize_max_height=200,
        mask_invert=True,
        extend_for_outpainting=True,
        extend_right_factor=1.5,
        mask=torch.ones(1, 8, 8),
        optional_context_mask=torch.zeros(8, 8),
        output_resize_to_target_size=False,
        output_padding="16",
    )
    height, width = crop.cropped_image.shape[1:3]
    assert not height % 16
    assert not width % 16
    whole = inpaint_stitch_improved(stitcher=crop.stitcher, inpainted_image=torch.ones_like(crop.cropped_image))
    assert whole.shape == (2, 60, 135, 3)
    assert whole[:, :, 95:].min() > 0.99  # the new part


def test_a_picture_without_a_mask_is_cut_as_a_whole():
    crop = inpaint_crop_improved(image=torch.rand(1, 30, 30, 3), output_resize_to_target_size=False, output_padding="0")
    assert crop.cropped_image.shape == (1, 30, 30, 3)
    assert crop.cropped_mask.max() == 0
