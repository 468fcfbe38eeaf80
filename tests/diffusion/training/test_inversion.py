"""Textual inversion: a word is learnt while all else stays, and other tools and our prompts read its file alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from diffusion.clip import ClipText
from diffusion.text import Clip, Encoder, stable_diffusion_1, xl_small
from diffusion.tokenizer import END, START, tokenize
from diffusion.training.adapter_files import Told
from diffusion.training.inversion import Inversion, embedding_file
from diffusion.training.parallel import replica
from tests.diffusion.test_clip import network
from tests.diffusion.test_unet import error
from tests.diffusion.training.test_adapter_files import CONFIG, WIDTH, pipeline


@pytest.fixture
def text() -> ClipText:
    return network(CONFIG)


def made(text: nn.Module, word: str = "<plate>", vectors: int = 2, begin: str = "plate") -> Inversion:
    inversion = Inversion(stable_diffusion_1(text, CONFIG), word, vectors, begin)
    random = torch.Generator().manual_seed(5)
    inversion.embedding.data.add_(torch.randn(inversion.embedding.shape, generator=random), alpha=0.1)
    return inversion


def table(text: ClipText) -> Tensor:
    return text.text_model.embeddings.token_embedding.weight


def written(path: Path, *words: Inversion, told: Told = Told()) -> Path:  # noqa: B008
    path.write_bytes(b"".join(embedding_file(words, {}, told)))
    return path


def test_a_word_begins_as_the_words_that_are_given(text: ClipText):
    encoder = stable_diffusion_1(text, CONFIG)
    [plate], [red, blue] = tokenize("plate"), tokenize("red blue")
    assert torch.equal(Inversion(encoder, "x", 2, "plate").embedding, table(text)[[plate, plate]])
    assert torch.equal(Inversion(encoder, "x", 3, "red blue").embedding, table(text)[[red, blue, red]])
    assert torch.equal(Inversion(encoder, "x").embedding, table(text)[tokenize("*")])


def test_at_first_it_means_what_it_began_as(text: ClipText):
    inversion = Inversion(stable_diffusion_1(text, CONFIG), "plt", 1, "plate")
    got, pooled = inversion.contexts(inversion.tokens(["a photo of plt, red"]))
    want, told = Clip((stable_diffusion_1(text, CONFIG),)).encode("a photo of plate, red")
    assert error(got.detach(), want) < 1e-6
    assert error(pooled.detach(), told["pooled_output"]) < 1e-6


@pytest.mark.parametrize(
    ("caption", "rest"),
    [
        ("<plate>", []),
        ("a photo of <plate>", tokenize("a photo of")),
        ("a <PLATE>, red", [*tokenize("a"), None, *tokenize(", red")]),
        ("<plate> and <plate>", [None, *tokenize("and"), None]),
        ("(red:1.5) embedding:x <plate>", [*tokenize("(red:1.5) embedding:x"), None]),
    ],
)
def test_tokens_of_a_caption(text: ClipText, caption: str, rest: list[int | None]):
    own = [49408, 49409]
    ids = made(text).tokens([caption])[0].tolist()
    whole = rest if None in rest else [*rest, None]
    inner = [i for token in whole for i in (own if token is None else [token])]
    assert ids == [START, *inner, *[END] * (76 - len(inner))]


def test_parts_of_other_words_are_not_the_word(text: ClipText):
    rows = made(text, "sks").tokens(["a sks dog", "a skset dog", "asks", ""])
    assert (rows >= 49408).sum(1).tolist() == [2, 0, 0, 0]
    assert rows.shape == (4, 77)


def test_long_captions_lose_their_ends(text: ClipText):
    rows = made(text).tokens(["<plate> " + "red " * 100])
    assert rows.shape == (1, 77)
    assert rows[0, -1] == END


@pytest.mark.parametrize("family", [stable_diffusion_1, xl_small])
@pytest.mark.parametrize("caption", ["a photo of <plate>, red", "<plate> <plate>"])
def test_our_prompts_read_its_file(text: ClipText, caption: str, family: Any, tmp_path: Path):
    encoder: Encoder = family(text, CONFIG)
    inversion = Inversion(encoder, "<plate>", 2, "plate")
    inversion.embedding.data.add_(0.05)
    got, _ = inversion.contexts(inversion.tokens([caption]))
    written(tmp_path / "plt.safetensors", inversion)
    want, _ = Clip((encoder,), (tmp_path,)).encode(
        caption.replace("<plate>,", "<plate> ,").replace("<plate>", "embedding:plt")
    )
    assert error(got.detach(), want) < 1e-6


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("vectors", [1, 3])
def test_diffusers_reads_its_file(vectors: int, tmp_path: Path):
    _, clip, pipe = pipeline()
    inversion = made(clip.encoders[0].network.module, "<plate>", vectors)  # type: ignore[attr-defined]
    got, _ = inversion.contexts(inversion.tokens(["a photo of <plate> on a table"]))
    written(tmp_path / "plt.safetensors", inversion)
    theirs: Any = pipe
    theirs.load_textual_inversion(str(tmp_path), weight_name="plt.safetensors", token="<plate>")
    with torch.no_grad():
        want, _ = theirs.encode_prompt("a photo of <plate> on a table", "cpu", 1, False)
    assert error(got.detach(), want) < 1e-5


def test_its_file_is_that_of_the_tools(text: ClipText, tmp_path: Path):
    inversion = made(text)
    told = Told(name="plt", steps=5, seed=3, more={"ss_lr_scheduler": "constant"})
    path = written(tmp_path / "plt.safetensors", inversion, told=told)
    assert torch.equal(load_file(path)["emb_params"], inversion.embedding)
    with safe_open(path, "pt") as file:
        texts = file.metadata()
    assert texts == {
        "format": "pt", "ss_output_name": "plt", "ss_steps": "5", "ss_seed": "3", "ss_lr_scheduler": "constant",
    }  # fmt: skip


def test_a_file_says_for_which_models_it_is():
    model, clip, _ = pipeline()
    inversion = made(clip.encoders[0].network.module)  # type: ignore[attr-defined]
    head = next(iter(embedding_file([inversion], model.network.shapes, Told(name="plt", prediction="eps"))))  # type: ignore[attr-defined]
    assert b'"modelspec.architecture":"stable-diffusion-v1/textual-inversion"' in bytes(head)
    assert b'"ss_base_model_version":"sd_v1"' in bytes(head)


def test_words_of_two_networks_have_a_table_each(text: ClipText, tmp_path: Path):
    both = made(text), Inversion(replace(stable_diffusion_1(text, CONFIG), name="clip_g"), "<plate>")
    tables = load_file(written(tmp_path / "plt.safetensors", *both))
    assert {name: tuple(t.shape) for name, t in tables.items()} == {"clip_l": (2, WIDTH), "clip_g": (1, WIDTH)}


def test_the_word_alone_learns(text: ClipText):
    """What a text of ordinary words means is met by a word that began as another."""
    goal, _ = Clip((stable_diffusion_1(text, CONFIG),)).encode("a photo of a red apple")
    inversion = Inversion(stable_diffusion_1(text, CONFIG), "plt", 2, "blue")
    before = {name: t.clone() for name, t in text.state_dict().items()}
    learnt = [(name, p) for name, p in inversion.named_parameters() if p.requires_grad]
    assert [name for name, _ in learnt] == ["embedding"]
    optimizer = torch.optim.Adam([p for _, p in learnt], lr=0.02)
    tokens, losses = inversion.tokens(["a photo of a plt"]), []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (inversion.contexts(tokens)[0] - goal).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.05 * losses[0]
    assert all(torch.equal(t, before[name]) for name, t in text.state_dict().items())


def test_gradients_are_those_of_finite_differences(text: ClipText):
    inversion = made(text).double()
    tokens = inversion.tokens(["a <plate>, red"])

    def value() -> Tensor:
        return inversion.contexts(tokens)[0].square().sum()

    value().backward()
    gradient = inversion.embedding.grad
    assert gradient is not None
    direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            inversion.embedding.add_(direction, alpha=sign * 1e-5)
            ends.append(value())
            inversion.embedding.add_(direction, alpha=-sign * 1e-5)
    slope = (ends[0] - ends[1]) / 2e-5
    assert abs(float(slope) - float((gradient * direction).sum())) < 1e-6 * abs(float(slope))


def test_vectors_may_stand_beside_the_word(text: ClipText):
    """Embeddings that a caption names are given as `ClipText` is given them."""
    inversion = made(text, vectors=1)
    tokens = inversion.tokens(["<plate> red <plate>"])
    where = torch.zeros_like(tokens, dtype=torch.bool)
    where[0, 2] = True
    other = torch.randn(1, WIDTH)
    got, _ = inversion(tokens, where, other, layer=2, norm=True, project=False)
    new = tokens >= 49408
    rows = torch.cat((inversion.embedding, other, inversion.embedding))
    want, _ = text(tokens.masked_fill(new, 0), new | where, rows, layer=2, norm=True, project=False)
    assert torch.equal(got, want)


def test_copies_for_threads_share_the_word_and_not_its_gradient(text: ClipText):
    modules = nn.ModuleDict({"text": made(text)})
    other = replica(modules)["text"]
    assert isinstance(other, Inversion)
    other.contexts(other.tokens(["<plate>"]))[0].sum().backward()
    mine: Any = modules["text"]
    assert mine.embedding.grad is None
    assert other.embedding.grad is not None
    assert other.embedding.data_ptr() == mine.embedding.data_ptr()
    assert table(other.network).data_ptr() == table(text).data_ptr()


def test_networks_of_sixteen_bits_learn_in_thirty_two(text: ClipText):
    inversion = made(text.to(torch.bfloat16))
    assert inversion.embedding.dtype == torch.float32
    inversion.contexts(inversion.tokens(["<plate>"]))[0].float().sum().backward()
    assert inversion.embedding.grad is not None
    assert inversion.embedding.grad.dtype == torch.float32


def test_what_cannot_be_learnt_is_told(text: ClipText, tmp_path: Path):
    encoder = stable_diffusion_1(text, CONFIG)
    for match, options in (
        ("the word to be learnt is empty", {"word": " "}),
        ("'x' is to be learnt of 0 vectors; give it one at least", {"word": "x", "vectors": 0}),
        ("'x' is to be learnt begun as ' ', which has no token", {"word": "x", "begin": " "}),
        ("clip_l is no CLIP text network", {"encoder": stable_diffusion_1(nn.Linear(2, 2), CONFIG), "word": "x"}),
    ):
        given: dict[str, Any] = {"encoder": encoder, **options}
        with pytest.raises(ValueError, match=match):
            Inversion(**given)
    inversion = made(text)
    with pytest.raises(ValueError, match=r"none of 2 captions has the word '<plate>'.*write it"):
        inversion.tokens(["a plate", "red " * 80 + "<plate>"])
    assert inversion.tokens(["a plate"], required=False).shape == (1, 77)
    inversion.embedding.data[0, 0] = torch.inf
    with pytest.raises(ValueError, match="'<plate>' has values that are no numbers"):
        written(tmp_path / "plt.safetensors", inversion)
