"""Laws of arithmetic on latents and of latent operations."""

import pytest
import torch

from diffusion import latent_math


def latent(*shape: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_blend_ends_at_either_latent():
    a, b = latent(1, 4, 5, 6), latent(1, 4, 5, 6, seed=8)
    assert torch.equal(latent_math.blend(a, b, 1), a)
    assert torch.equal(latent_math.blend(a, b, 0), b)


def test_match_takes_sides_and_batch():
    x = latent(2, 4, 3, 3)
    got = latent_math.match(x, latent(5, 4, 6, 6))
    assert got.shape == (5, 4, 6, 6)
    assert torch.equal(got[0], got[4])
    assert torch.equal(latent_math.match(x, latent(1, 4, 3, 3)), x[:1])


def test_latents_of_other_models_are_refused():
    with pytest.raises(ValueError, match="4 and 16 channels"):
        latent_math.match(latent(1, 16, 3, 3), latent(1, 4, 3, 3))


def test_interpolate_keeps_the_length_of_equal_lengths():
    a, b = (torch.nn.functional.normalize(latent(1, 4, 5, 6, seed=s), dim=1) for s in (1, 2))
    assert torch.allclose(latent_math.interpolate(a, b, 0.3).norm(dim=1), torch.ones(1, 5, 6), atol=1e-6)


def test_interpolate_ends_at_either_latent():
    a, b = latent(1, 4, 5, 6), latent(1, 4, 5, 6, seed=8)
    assert torch.allclose(latent_math.interpolate(a, b, 1.0), a, atol=1e-6)
    assert torch.allclose(latent_math.interpolate(a, b, 0.0), b, atol=1e-6)


def test_interpolate_takes_zeros():
    zero = torch.zeros(1, 4, 2, 2)
    assert torch.equal(latent_math.interpolate(zero, zero, 0.5), zero)


def test_interpolate_refuses_other_batches():
    with pytest.raises(ValueError, match="one by one"):
        latent_math.interpolate(latent(2, 4, 3, 3), latent(2, 4, 3, 3), 0.5)


@pytest.mark.parametrize("dim", [-1, -2, -3])
def test_join_puts_both_in_order(dim: int):
    a, b = latent(2, 4, 2, 3, 3), latent(1, 4, 2, 3, 3)
    after, before = latent_math.join(a, b, dim), latent_math.join(a, b, dim, first=False)
    size = a.shape[dim]
    assert torch.equal(after.narrow(dim, 0, size), a)
    assert torch.equal(before.narrow(dim, size, size), a)
    assert torch.equal(after.narrow(dim, size, size)[1], b[0])


def test_join_refuses_sides_that_do_not_meet():
    with pytest.raises(ValueError, match="must agree"):
        latent_math.join(latent(1, 4, 3, 3), latent(1, 4, 4, 3), -1)


# --- operations ----------------------------------------------------------------------------------


def test_sharpen_leaves_one_direction_alone():
    x = torch.tensor([3.0, 0, 4, 0]).view(1, 4, 1, 1) * torch.ones(1, 1, 9, 9)
    assert torch.allclose(latent_math.sharpen(x, radius=3, sigma=1.0, amount=2.0), x, atol=1e-5)


def test_tonemap_keeps_directions_and_compresses_lengths():
    x = latent(2, 4, 6, 6)
    got = latent_math.tonemap(x, multiplier=1.0)
    assert torch.allclose(torch.cosine_similarity(got, x), torch.ones(2, 6, 6), atol=1e-5)
    assert bool((got.norm(dim=1) < x.norm(dim=1)).all())
    order = x.norm(dim=1).flatten(1).argsort(dim=1)
    assert torch.equal(got.norm(dim=1).flatten(1).argsort(dim=1), order)


def test_tonemap_treats_items_apart():
    x = latent(2, 4, 6, 6)
    assert torch.allclose(latent_math.tonemap(x, multiplier=0.5)[:1], latent_math.tonemap(x[:1], multiplier=0.5))


@pytest.mark.parametrize("multiplier", [0.0, 1.0])
def test_tonemap_stays_finite(multiplier: float):
    assert not latent_math.tonemap(torch.zeros(1, 4, 3, 3), multiplier=multiplier).any()
    assert latent_math.tonemap(latent(1, 4, 3, 3), multiplier=multiplier).isfinite().all()
