"""The table of a prompt's tokens: their words, counts, weights and chunks, for every kind of text encoder."""

import pytest
import torch
from safetensors.torch import save_file

from diffusion import text
from diffusion.emphasis import LANGUAGES
from diffusion.text import Clip
from diffusion.token_table import counted, counted_by_step, spelled
from diffusion.tokenizer import tokenize
from tests.diffusion.test_clip import network
from tests.diffusion.test_text import CONFIG, LARGE

ENCODERS = {
    "sd1": (text.stable_diffusion_1(network(CONFIG), CONFIG),),
    "sd2": (text.stable_diffusion_2(network(LARGE), LARGE),),
    "xl": (text.xl_small(network(CONFIG), CONFIG), text.xl_large(network(LARGE), LARGE)),
}


@pytest.mark.parametrize("family", ENCODERS)
def test_the_table_of_a_prompt(family: str):
    table, tokens, chunks = counted(Clip(ENCODERS[family]), "a (red apple:1.5), mezzotinting")
    assert (tokens, chunks) == (8, 1)
    head, empty, *rows = table.splitlines()
    names = " and ".join(e.name for e in ENCODERS[family])
    assert (head, empty) == (f"{names}: 8 tokens in 1 chunk of 75", "")
    assert [row.split()[1:3] for row in rows] == [
        ["a", "1.000"],
        ["red", "1.500"],
        ["apple", "1.500"],
        [",", "1.000"],
        ["mezz-", "1.000"],
        ["o-", "1.000"],
        ["tin-", "1.000"],
        ["ting", "1.000"],
    ]
    assert [row.count("▪") for row in rows] == [10, 15, 15, 10, 10, 10, 10, 10]


@pytest.mark.parametrize("family", ENCODERS)
def test_long_prompts_have_several_chunks(family: str):
    table, tokens, chunks = counted(Clip(ENCODERS[family]), "cat " * 80 + "BREAK dog", LANGUAGES["A1111"])
    assert (tokens, chunks) == (81, 3)
    assert "81 tokens in 3 chunks of 75" in table
    assert [line for line in table.splitlines() if line.startswith("chunk")] == [
        "chunk 1: 75 of 75",
        "chunk 2: 5 of 75",
        "chunk 3: 1 of 75",
    ]


def test_an_empty_prompt_has_none():
    assert counted(Clip(ENCODERS["sd1"]), "") == ("clip_l: 0 tokens in 1 chunk of 75", 0, 1)


def test_networks_that_get_different_tokens_are_told_of_apart(tmp_path):
    save_file({"clip_l": torch.zeros(2, 32), "clip_g": torch.zeros(3, 40)}, tmp_path / "ink.safetensors")
    table, tokens, _ = counted(Clip(ENCODERS["xl"], (tmp_path,)), "a embedding:ink cat")
    assert tokens == 5
    assert "clip_l: 4 tokens" in table
    assert "clip_g: 5 tokens" in table
    assert "<ink 3>" in table


def test_tokens_spell_their_text():
    for word in ("unbelievable", "日本", "😀", "naïve", "3", "'s"):
        joined = "".join(spelled(t).removesuffix("-") for t in tokenize(word))
        assert joined == word or "\ufffd" in joined, word
    assert [spelled(t) for t in tokenize("a photograph")] == ["a", "photograph"]


def test_a_heavy_word_has_a_bar_that_ends():
    table, *_ = counted(Clip(ENCODERS["sd1"]), "(a:100) (b:-1)")
    assert [line.count("▪") for line in table.splitlines()[2:]] == [30, 10]


def test_each_text_of_a_prompt_that_changes_is_counted_once():
    clip, language = Clip(ENCODERS["sd1"]), LANGUAGES["A1111"]
    table, tokens, chunks = counted_by_step(clip, "[cat|red dog]", language, 6)
    assert (tokens, chunks) == (2, 1)
    assert [line for line in table.splitlines() if line.startswith("steps")] == ["steps 1-1: cat", "steps 2-2: red dog"]
    assert counted(clip, "cat", language).table in table
