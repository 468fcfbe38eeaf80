"""What a training asks: latents in their variants, captions as often as each other, and now and then none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffusion.prediction import discrete
from diffusion.training.draws import generator
from diffusion.training.objective import snr_weight
from diffusion.training.tasks import Denoising, Objective, Texts, contexts, learnt
from tests.diffusion import test_clip
from tests.diffusion.test_clip import error
from tests.diffusion.training.test_gradients import WORDS

EPS = discrete("eps")


class Answers(nn.Module):
    """Says the same of everything, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.said = nn.Parameter(torch.tensor(0.5))
        self.frozen = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.asked: dict[str, Tensor] = {}

    def forward(self, x: Tensor, timesteps: Tensor, **conditions: Tensor) -> Tensor:
        self.asked = {"x": x, "timesteps": timesteps, **conditions}
        return self.said.expand_as(x)


def task(how: Objective, prior: Sequence[bool] = (), **more: Tensor) -> Denoising:
    """Examples of three variants each, whose latents are all the same number: 10 x example + variant."""
    numbers = torch.arange(4.0)[:, None] * 10 + torch.arange(3.0)
    latents = numbers[:, :, None, None, None].expand(4, 3, 2, 3, 3)
    examples = [{"latent": latent} | {n: t[i] for n, t in more.items()} for i, latent in enumerate(latents)]
    told = lambda batch, random: {"context": torch.tensor(list(batch)).float()[:, None, None]}  # noqa: E731
    return Denoising(nn.ModuleDict({"unet": Answers()}), EPS, examples, told, how, prior)


def asked(it: Denoising, batch: Sequence[int], seed: int = 0) -> dict[str, Tensor]:
    return it.question(batch, generator(1, seed))


def test_each_variant_is_asked_as_often():
    it = task(Objective())
    found = torch.cat([asked(it, [0, 1, 2, 3], seed)["x0"][:, 0, 0, 0] for seed in range(300)]).view(300, 4)
    assert torch.equal(found // 10, torch.arange(4.0).expand(300, 4))
    shares = torch.histc(found % 10, 3, 0, 2) / found.numel()
    assert (shares - 1 / 3).abs().max() < 0.05


def test_what_comes_with_a_latent_is_of_the_same_variant():
    concat = (torch.arange(4.0)[:, None] * 10 + torch.arange(3.0))[:, :, None].expand(4, 3, 5)
    it = task(Objective(), concat=concat)
    for seed in range(20):
        question = asked(it, [3, 1], seed)
        assert torch.equal(question["concat"][:, 0], question["x0"][:, 0, 0, 0])
    it.loss(it.modules, asked(it, [3, 1]))
    unet: Any = it.modules["unet"]
    assert set(unet.asked) == {"x", "timesteps", "context", "concat"}
    assert unet.asked["context"].flatten().tolist() == [3, 1]


def test_a_question_is_a_function_of_the_seed_and_the_step():
    it = task(Objective(offset_noise=0.1))
    one, same, other = (asked(it, [0, 1], seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["noise"], other["noise"])


def test_the_loss_is_the_mean_over_latents_by_their_weights():
    how = Objective(min_snr=5.0, prior_weight=0.25)
    it = task(how, prior=[False, True, False, True])
    question = asked(it, [0, 1, 2])
    assert question["weights"].tolist() == [1.0, 0.25, 1.0]
    each = (0.5 - question["noise"]).pow(2).mean((1, 2, 3)) * snr_weight(EPS, question["sigma"], 5.0)
    want = (each * torch.tensor([1.0, 0.25, 1.0])).mean()
    torch.testing.assert_close(it.loss(it.modules, question), want)
    assert "weights" not in asked(task(how, prior=[False] * 4), [0])


def test_levels_and_the_kind_of_loss_are_those_that_were_chosen():
    it = task(Objective(loss="L1", levels=(0.4, 0.6)))
    found = torch.cat([asked(it, [0, 1, 2, 3], seed)["sigma"] for seed in range(50)])
    places = torch.searchsorted(EPS.sigmas, found)
    assert places.min() >= 400
    assert places.max() < 600
    question = asked(it, [0])
    torch.testing.assert_close(it.loss(it.modules, question), (0.5 - question["noise"]).abs().mean())


def test_only_what_wants_gradients_is_learnt():
    assert list(learnt(task(Objective()).modules)) == ["unet.said"]


# --- texts ---------------------------------------------------------------------------------------

CAPTIONS = [["one"], ["two", "zwei", "deux"], [], ["one"]]


def texts(dropout: float = 0.0) -> tuple[Texts, list[str]]:
    encoded: list[str] = []

    def encode(some: Sequence[str]) -> dict[str, Tensor]:
        encoded.extend(some)
        return {"context": torch.arange(float(len(some)))[:, None]}

    return Texts(CAPTIONS, encode, dropout), encoded


def told(it: Texts, example: int, times: int = 600) -> Tensor:
    return it([example] * times, torch.Generator().manual_seed(3))["context"].flatten()


def test_each_text_is_encoded_once_and_the_empty_one_first():
    _, encoded = texts()
    assert encoded == ["", "one", "two", "zwei", "deux"]


def test_captions_come_as_often_as_each_other_and_none_means_nothing():
    it, encoded = texts()
    shares = [float((told(it, 1) == encoded.index(text)).float().mean()) for text in ("two", "zwei", "deux")]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.06)
    assert told(it, 2).eq(0).all()
    assert told(it, 0).eq(1).all()


@pytest.mark.parametrize("dropout", [0.0, 0.15, 1.0])
def test_nothing_is_told_as_often_as_was_chosen(dropout: float):
    it, _ = texts(dropout)
    assert float(told(it, 0, 4000).eq(0).float().mean()) == pytest.approx(dropout, abs=0.02)


def test_states_of_texts_are_those_of_transformers_at_each_layer():
    text = test_clip.network(WORDS)
    theirs = test_clip.reference(WORDS, dict(text.state_dict()))
    tokens = test_clip.tokens()
    with torch.no_grad():
        want: Any = theirs(tokens, output_hidden_states=True)
        assert error(contexts(text, tokens)[0], want.last_hidden_state) < 1e-5
        assert error(contexts(text, tokens, layer=-2, norm=False)[0], want.hidden_states[-2]) < 1e-5
