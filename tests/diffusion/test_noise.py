"""Noise from seeds: reproducible, independent of any global state, and right in distribution."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffusion.noise import Noise, NoiseSource, batch_noise

SIGMAS = [14.6, 3.0, 1.0, 0.2, 0.0]


def test_a_batch_is_one_draw_of_the_cpu_generator():
    torch.manual_seed(42)
    assert torch.equal(batch_noise((3, 4, 5, 6), 42), torch.randn(3, 4, 5, 6))


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    source = NoiseSource(1)
    x = torch.zeros(1, 4, 2, 2)
    batch_noise((2, 4, 3, 3), 7, [1, 1])
    source.normal(x)(1.0, 0.5)
    source.after_start(x)(x)
    source.brownian(x, SIGMAS)(3.0, 1.0)
    assert torch.equal(before, torch.random.get_rng_state())


@given(index=st.lists(st.integers(0, 6), min_size=1, max_size=5), seed=st.integers(0, 2**64 - 1))
def test_an_index_names_one_noise(index: list[int], seed: int):
    noise = batch_noise((len(index), 4, 3, 3), seed, index)
    single = [batch_noise((1, 4, 3, 3), seed, [i]) for i in index]
    assert torch.equal(noise, torch.cat(single))


@pytest.mark.parametrize(("shape", "equal"), [((4, 2, 2), True), ((4, 8, 8), True), ((4, 9, 7), False)])
def test_both_ways_agree_only_for_multiples_of_16(shape: tuple[int, ...], equal: bool):
    whole, indexed = batch_noise((3, *shape), 5), batch_noise((3, *shape), 5, [0, 1, 2])
    assert torch.equal(whole, indexed) == equal


def test_indices_must_fit_the_batch():
    with pytest.raises(ValueError, match="2 entries for a batch of 3"):
        batch_noise((3, 4, 2, 2), 0, [0, 1])
    with pytest.raises(ValueError, match="count from 0"):
        batch_noise((1, 4, 2, 2), 0, [-1])


def test_noise_can_be_disabled():
    samples = torch.ones(2, 4, 3, 3)
    assert torch.equal(Noise(3).of(samples), batch_noise((2, 4, 3, 3), 3))
    assert torch.equal(Noise(3).of(samples, [1, 0]), batch_noise((2, 4, 3, 3), 3, [1, 0]))
    assert not Noise(3, add=False).of(samples).any()


def test_step_noise_begins_with_the_start_noise():
    draw = NoiseSource(9).normal(torch.zeros(1, 4, 4, 4))
    assert torch.equal(draw(2.0, 1.0), batch_noise((1, 4, 4, 4), 9))
    assert not torch.equal(draw(1.0, 0.5), batch_noise((1, 4, 4, 4), 9))


def test_noise_after_the_start_continues_the_stream():
    x = torch.zeros(1, 4, 4, 4)
    generator = torch.Generator().manual_seed(9)
    torch.randn(1, 4, 4, 4, generator=generator)
    larger = torch.randn(1, 4, 6, 6, generator=generator)
    assert torch.equal(NoiseSource(9).after_start(x)(torch.zeros(1, 4, 6, 6)), larger)


def test_brownian_increments_add_up():
    draw = NoiseSource(3).brownian(torch.zeros(1, 4, 8, 8, dtype=torch.float64), SIGMAS)
    whole = draw(14.6, 0.2) * (14.6 - 0.2) ** 0.5
    parts = draw(14.6, 3.0) * 11.6**0.5 + draw(3.0, 1.0) * 2**0.5 + draw(1.0, 0.2) * 0.8**0.5
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-9)


def test_a_brownian_path_does_not_depend_on_the_order_of_its_queries():
    x = torch.zeros(1, 4, 4, 4)
    one, other = NoiseSource(3).brownian(x, SIGMAS), NoiseSource(3).brownian(x, SIGMAS)
    late, early = one(1.0, 0.2), one(14.6, 3.0)
    assert torch.equal(other(14.6, 3.0), early)
    assert torch.equal(other(1.0, 0.2), late)


def test_brownian_noise_is_normal_and_changes_sign_with_its_direction():
    draw = NoiseSource(5).brownian(torch.zeros(1, 4, 64, 64), SIGMAS)
    noise = draw(3.0, 1.0)
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03
    assert torch.equal(draw(1.0, 3.0), -noise)


def test_brownian_ends_that_are_rounded_up_draw_no_warning():
    sigmas = [14.614640235900879, 0.27450981736183167, 0.029167160391807556]  # single precision, ends round outwards
    draw = NoiseSource(0).brownian(torch.zeros(1, 4, 2, 2), sigmas)
    assert draw(sigmas[0], sigmas[2]).isfinite().all()


def test_a_path_over_one_sigma_is_refused_only_when_it_is_used():
    draw = NoiseSource(0).brownian(torch.zeros(1, 4, 2, 2), [14.6, 0.0])
    with pytest.raises(ValueError, match="two different sigmas"):
        draw(14.6, 14.6)
