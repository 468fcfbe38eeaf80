"""The losses of a VAE: divergence, rivalry without crossed gradients, and latents that standard code expects."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from diffusion.training.first_stage import (
    Discriminator,
    FirstStage,
    Terms,
    divergence,
    reconstruction,
    rivalry,
    whiten,
)
from diffusion.vae import Autoencoder, VaeConfig

SCALE = 0.18215


def vae() -> Autoencoder:
    """Four channels at an eighth of the size, with weights that are not as they begin."""
    torch.manual_seed(3)
    return Autoencoder(VaeConfig((32,) * 4, (32,) * 4, 1, 1, 4, 4, True))


def pictures(batch: Sequence[int], random: torch.Generator) -> Tensor:
    return torch.rand(len(batch), 3, 32, 32, generator=random) * 2 - 1


def task(terms: Terms) -> FirstStage:
    torch.manual_seed(4)
    modules: dict[str, nn.Module] = {"vae": vae()}
    modules |= {"discriminator": Discriminator(8)} if terms.adversarial else {}
    return FirstStage(nn.ModuleDict(modules), pictures, terms)


def asked(it: FirstStage) -> dict[str, Tensor]:
    return it.question([0, 1], torch.Generator().manual_seed(1))


def test_the_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(2, 4, 5, 5), torch.randn(2, 4, 5, 5)
    want = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(divergence(mean, log_variance), want)
    assert float(divergence(torch.zeros(1), torch.zeros(1))) == 0


def test_a_reconstruction_is_measured_at_each_size():
    y, x = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    sizes = [
        (y, x),
        *((F.interpolate(y, size=n, mode="area"), F.interpolate(x, size=n, mode="area")) for n in (4, 2, 1)),
    ]
    want = sum(0.5 * (a - b).abs().mean() + 2 * (a - b).pow(2).mean() for a, b in sizes) / 4
    torch.testing.assert_close(reconstruction(y, x, Terms(l1=0.5, mse=2, scales=3)), torch.as_tensor(want))
    assert float(reconstruction(x, x, Terms())) == 0


def test_a_shade_costs_as_much_at_every_size_and_grain_only_at_the_finest():
    x, terms = torch.zeros(1, 3, 16, 16), Terms(l1=1, mse=0, scales=3)
    grain = torch.ones(16, 16)
    grain[::2, ::2] = grain[1::2, 1::2] = -1
    assert float(reconstruction(x + 1, x, terms)) == pytest.approx(1)
    assert float(reconstruction(x + grain, x, terms)) == pytest.approx(1 / 4)


def test_the_loss_is_the_sum_of_its_terms():
    it = task(Terms(kl=0.3))
    question = asked(it)
    own: Autoencoder = it.modules["vae"]  # type: ignore[assignment]
    with torch.no_grad():
        moments = own.quant_conv(own.encoder(question["x"]))
        spread = Normal(moments[:, :4], (moments[:, 4:] / 2).exp())
        y = own.decode(spread.mean + spread.stddev * question["noise"])
        want = reconstruction(y, question["x"], it.terms) + 0.3 * kl_divergence(spread, Normal(0.0, 1.0)).mean()
        torch.testing.assert_close(it.loss(it.modules, question), want)
    assert question["noise"].shape == (2, 4, 4, 4)


# --- the discriminator ---------------------------------------------------------------------------


def test_rivalry_is_the_hinge_loss():
    torch.manual_seed(5)
    rival = Discriminator(8)
    y, x = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        fake, real = rival(y), rival(x)
        hinge = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
        torch.testing.assert_close(rivalry(rival, y, x, 0.2), -0.2 * fake.mean() + hinge)
    assert fake.shape == (2, 1, 7, 7)


def test_neither_learns_from_what_the_other_wants():
    torch.manual_seed(5)
    rival = Discriminator(8)
    y, x = torch.randn(2, 3, 32, 32, requires_grad=True), torch.randn(2, 3, 32, 32)
    rivalry(rival, y, x, 0.2).backward()

    def alone(loss: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
        return list(torch.autograd.grad(loss, of))

    [wanted] = alone(-0.2 * rival(y).mean(), [y])
    torch.testing.assert_close(y.grad, wanted)
    told = F.relu(1 - rival(x)).mean() + F.relu(1 + rival(y.detach())).mean()
    for p, want in zip(rival.parameters(), alone(told, list(rival.parameters())), strict=True):
        torch.testing.assert_close(p.grad, want)


def test_the_vae_has_the_same_gradients_whatever_its_rival_is_told():
    """By its own terms and by what fools the discriminator, as if that were frozen."""
    terms = Terms(adversarial=0.5, kl=0.1)
    it = task(terms)
    question = asked(it)
    it.loss(it.modules, question).backward()  # type: ignore[no-untyped-call]
    own: Autoencoder = it.modules["vae"]  # type: ignore[assignment]
    rival = it.modules["discriminator"].requires_grad_(False)
    mean, log_variance = own.moments(question["x"])
    y = own.decode(mean + torch.exp(log_variance / 2) * question["noise"])
    loss = reconstruction(y, question["x"], terms) + 0.1 * divergence(mean, log_variance) - 0.5 * rival(y).mean()
    for p, want in zip(own.parameters(), torch.autograd.grad(loss, list(own.parameters())), strict=True):
        torch.testing.assert_close(p.grad, want, rtol=1e-4, atol=1e-7)


def test_a_discriminator_sees_patches_of_thirty_pixels():
    """Without its norms, which see the whole picture."""
    layers = [nn.Identity() if isinstance(layer, nn.GroupNorm) else layer for layer in Discriminator(8)]
    x = torch.zeros(1, 3, 64, 64, requires_grad=True)
    nn.Sequential(*layers)(x)[0, 0, 7, 7].backward()
    assert x.grad is not None
    assert [int((x.grad.abs().amax((0, 1, axis)) > 0).sum()) for axis in (2, 3)] == [30, 30]


@pytest.mark.parametrize(("terms", "rival"), [(Terms(adversarial=0.1), False), (Terms(), True)])
def test_a_discriminator_goes_with_its_term(terms: Terms, rival: bool):
    modules = nn.ModuleDict({"vae": nn.Identity()} | ({"discriminator": Discriminator(8)} if rival else {}))
    with pytest.raises(ValueError, match="a discriminator goes with the adversarial term, and only with it"):
        FirstStage(modules, pictures, terms)


# --- the scale -----------------------------------------------------------------------------------


@torch.no_grad()
def test_whitened_latents_are_as_standard_code_expects_and_pictures_stay():
    own = vae()
    x = pictures(range(6), torch.Generator().manual_seed(2))
    mean, log_variance = own.moments(x)
    decoded = own.decode(mean)
    flat = mean.transpose(0, 1).flatten(1)
    whiten(own, flat.mean(1), flat.std(1), SCALE)

    white, white_log = own.moments(x)
    flat = white.transpose(0, 1).flatten(1)
    assert flat.mean(1).abs().max() < 1e-3 / SCALE
    torch.testing.assert_close(flat.std(1), torch.full((4,), 1 / SCALE), rtol=1e-4, atol=0)
    torch.testing.assert_close(own.decode(white), decoded, rtol=1e-4, atol=1e-5)
    # the spread of a latent grows as the latent does
    ratio = (white - flat.mean(1).view(1, -1, 1, 1)).std((0, 2, 3)) / mean.std((0, 2, 3))
    grown = ((white_log - log_variance) / 2).exp().mean((0, 2, 3))
    torch.testing.assert_close(grown, ratio, rtol=1e-4, atol=0)


@torch.no_grad()
def test_to_whiten_what_is_white_changes_nothing():
    own = vae()
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    whiten(own, torch.zeros(4), torch.full((4,), 1 / SCALE), SCALE)
    assert all(torch.allclose(tensor, before[name], atol=1e-6) for name, tensor in own.state_dict().items())
