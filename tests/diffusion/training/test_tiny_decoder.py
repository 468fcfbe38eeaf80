"""The tiny decoder's loss, what it changes, and its file as diffusers reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import load_file
from torch import Tensor, nn

from diffusion.model import SD15
from diffusion.training import tiny_decoder
from diffusion.training.first_stage import Discriminator, Terms, reconstruction
from diffusion.training.optimize import Learning, Optimization
from diffusion.training.tasks import learnt
from diffusion.vae import Autoencoder, VaeConfig

ONLY_MSE = Terms(l1=0, mse=1, scales=0)


def frozen_vae() -> Autoencoder:
    torch.manual_seed(3)
    widths = (32,) * 4
    return Autoencoder(VaeConfig(widths, widths, 1, 1, 4, 4, True)).requires_grad_(False)


def task(terms: Terms, decoded: float, seed: int = 1, *, colors: bool = False) -> tiny_decoder.Decoding:
    modules: dict[str, nn.Module] = {"decoder": tiny_decoder.new(4, seed)}
    modules |= {"vae": frozen_vae()} if decoded else {}
    modules |= {"discriminator": Discriminator(8)} if terms.adversarial else {}
    return tiny_decoder.Decoding(nn.ModuleDict(modules), SD15, _colored if colors else _random, terms, decoded)


def _random(batch: Any, random: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(len(batch), 4, 4, 4, generator=random), torch.rand(len(batch), 3, 32, 32, generator=random)


def _colored(batch: Any, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Latents of one colour, which their pictures have."""
    color = torch.rand(len(batch), 3, 1, 1, generator=random) * 2 - 1
    latent = torch.cat((color, torch.zeros(len(batch), 1, 1, 1)), 1).expand(-1, -1, 2, 2)
    return latent, color.expand(-1, -1, 16, 16)


def test_a_seed_means_one_network():
    one, same, other = (tiny_decoder.new(4, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["1.weight"], other["1.weight"])


@pytest.mark.parametrize("decoded", [0.0, 0.25, 1.0])
def test_the_loss_is_the_distance_to_the_picture_and_to_what_the_vae_decodes(decoded: float):
    terms = Terms(l1=0.5, mse=2, scales=1)
    it = task(terms, decoded)
    question = it.question(range(3), torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = it.modules["decoder"](question["latent"]) * 2 - 1
        own = frozen_vae().decode(question["latent"] / 0.18215).clamp(-1, 1)
    want = (1 - decoded) * reconstruction(y, question["x"], terms) + decoded * reconstruction(y, own, terms)
    torch.testing.assert_close(it.loss(it.modules, question).detach(), want)


def test_the_vae_learns_nothing():
    it = task(Terms(adversarial=0.1), 0.5)
    it.loss(it.modules, it.question(range(2), torch.Generator().manual_seed(1))).backward()
    assert {name.split(".")[0] for name in learnt(it.modules)} == {"decoder", "discriminator"}
    assert all(p.grad is not None for p in learnt(it.modules).values())
    assert all(p.grad is None for p in it.modules["vae"].parameters())


def test_it_learns_to_show_the_colours_of_latents():
    it = task(ONLY_MSE, 0.0, colors=True)
    learning = Learning(learnt(it.modules), Optimization(steps=100, learning_rate=1e-3, clip=0))

    def backward(i: int, scale: Any) -> float:
        loss = it.loss(it.modules, it.question(range(8), torch.Generator().manual_seed(learning.done)))
        scale(loss).backward()
        return float(loss.detach())

    losses = [learning.step(backward) for _ in range(100)]
    assert losses[0] > 0.3  # the variance of a colour is 1/3
    assert sum(losses[-10:]) / 10 < 0.06


def test_modules_and_terms_that_do_not_belong_together_are_refused():
    decoder = nn.ModuleDict({"decoder": tiny_decoder.new(4, 1)})
    with pytest.raises(ValueError, match="a VAE goes with what it decodes"):
        tiny_decoder.Decoding(decoder, SD15, _random, Terms(), 0.5)
    with pytest.raises(ValueError, match="a discriminator goes with the adversarial term"):
        tiny_decoder.Decoding(decoder, SD15, _random, Terms(adversarial=1.0))


def test_the_file_decodes_the_same_with_diffusers(tmp_path: Path):
    ours, path = tiny_decoder.new(4, 1), tmp_path / "taesd_decoder.safetensors"
    with torch.no_grad():
        for p in ours.parameters():
            p.copy_(p.half())
    path.write_bytes(b"".join(tiny_decoder.file(ours, {"steps": "3"})))
    his: Any = AutoencoderTiny(latent_channels=4).eval()
    theirs = {f"layers.{int(n.split('.')[0]) - 1}.{n.partition('.')[2]}": t.float() for n, t in load_file(path).items()}
    his.decoder.load_state_dict(theirs)  # diffusers does not count the bounding
    x = torch.randn(1, 4, 3, 5)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), (his.decode(x).sample + 1) / 2, rtol=1e-5, atol=1e-5)
