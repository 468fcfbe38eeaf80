"""The tokenizer is CLIP's: compared with transformers, over the same merges."""

import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from diffusion import tokenizer
from diffusion.tokenizer import END, START, tokenize


def vocabulary() -> dict[str, int]:
    """Tokens by number, as the README of the vocabulary says they follow from the merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    merges = [a + b for a, b in pairs()]
    tokens = [*symbols, *(s + "</w>" for s in symbols), *merges, "<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}


def pairs() -> list[tuple[str, str]]:
    lines = gzip.decompress(tokenizer.MERGES.read_bytes()).decode().splitlines()
    return [(first, second) for first, second in (line.split(" ") for line in lines)]


@pytest.fixture(scope="module")
def reference() -> CLIPTokenizer:
    made: Any = CLIPTokenizer
    return made(vocab=vocabulary(), merges=pairs())


def test_there_are_49408_tokens():
    tokens = vocabulary()
    assert len(tokens) == 49408
    assert (tokens["<|startoftext|>"], tokens["<|endoftext|>"]) == (START, END)
    assert tokens["photo</w>"] == 1125


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cn", "Co"]), max_size=12)
ODDITIES = ["<|endoftext|>", "<|STARTOFTEXT|>!", "ΟΔΟΣ", "İstanbul", "e\u0301", "猫と犬", "👨‍👩‍👧", "ﬁ", "aaaaaaaaaaaa"]
USUAL = ["a photo of a cat", "don't", "THEY'LL", "1girl,", " ", "\t\n", "...!!", "''s", "12.5%", "!?!?!?"]
PROMPTS = st.lists(WORDS | st.sampled_from(USUAL + ODDITIES), max_size=6).map("".join)


@settings(max_examples=400, deadline=None)
@given(PROMPTS)
def test_tokens_are_those_of_transformers(reference: CLIPTokenizer, text: str):
    assert tokenize(text) == reference(text)["input_ids"][1:-1]


@pytest.mark.timeout(30)  # quadratic time would be minutes
def test_a_long_word_takes_linear_time(reference: CLIPTokenizer):
    word = "qwertyuiopasdfghjklzxcvbnm" * 4000
    assert tokenize(word) == reference(word)["input_ids"][1:-1]


def test_half_of_a_surrogate_pair_is_a_question_mark():
    assert tokenize("a \ud83d b") == tokenize("a ? b")
