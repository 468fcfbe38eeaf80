"""Masks for painting anew, against morphology by scipy and plain indexing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from diffusion.coding import Vae
from diffusion.inpainting import condition, dilate, encode_for_inpainting
from tests.diffusion.test_coding import Means


@given(st.integers(1, 9), st.integers(0, 15), st.integers(0, 11))
def test_a_point_grows_to_a_square(size: int, row: int, column: int):
    mask = torch.zeros(1, 1, 16, 12)
    mask[0, 0, row, column] = 1
    up = (size - 1) // 2  # an even square reaches one further down and right
    expected = torch.zeros(1, 1, 16, 12)
    expected[..., max(0, row - up) : row - up + size, max(0, column - up) : column - up + size] = 1
    assert dilate(mask, size).equal(expected)


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5, 7]))
def test_odd_squares_are_scipys_dilation(seed: int, size: int):
    mask = (torch.rand(1, 1, 14, 17, generator=torch.Generator().manual_seed(seed)) > 0.9).float()
    expected = ndimage.grey_dilation(mask[0, 0].numpy(), size=(size, size), mode="constant")
    assert dilate(mask, size)[0, 0].equal(torch.from_numpy(expected))


def test_the_masked_part_is_grey():
    image, mask = torch.rand(1, 16, 16, 3), torch.zeros(1, 16, 16)
    mask[:, :8] = 0.6
    vae = Vae(Means())
    latent = encode_for_inpainting(vae, image, mask, 0)
    assert latent["noise_mask"].shape == (1, 1, 16, 16)
    torch.testing.assert_close(latent["samples"][:, :, 0], torch.zeros(1, 4, 2))  # 0.5 is 0 for the coder
    torch.testing.assert_close(latent["samples"][:, :, 1], vae.encode(image)[:, :, 1])


def test_a_mask_of_another_size_is_stretched_and_cropped_with_the_picture():
    latent = encode_for_inpainting(Vae(Means()), torch.rand(1, 20, 21, 3), torch.ones(1, 5, 7), 6)
    assert latent["noise_mask"].shape == (1, 1, 16, 16)
    assert latent["noise_mask"].min() == 1


@pytest.mark.parametrize("noise_mask", [True, False])
def test_inpainting_models_are_shown_the_mask(noise_mask: bool):
    image, mask = torch.rand(1, 16, 16, 3), torch.full((1, 16, 16), 0.7)
    vae = Vae(Means())
    options, latent = condition(vae, image, mask, noise_mask)
    torch.testing.assert_close(options["concat_mask"], mask[:, None])
    torch.testing.assert_close(options["concat_latent_image"], torch.zeros(1, 4, 2, 2))
    assert latent["samples"].equal(vae.encode(image))
    assert ("noise_mask" in latent) is noise_mask
    assert image._version == 0
