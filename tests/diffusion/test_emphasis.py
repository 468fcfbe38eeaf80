"""Ways to weigh words: what A1111's WebUI reads, what the weights do, long prompts and BREAK."""

import math

import pytest
import torch

from diffusion import text
from diffusion.clip import ClipConfig
from diffusion.emphasis import COMMA, LANGUAGES, STANDARD, Group, bracketed, cut_at_commas
from diffusion.prompt import Vector
from diffusion.text import Clip
from diffusion.tokenizer import END, tokenize
from tests.diffusion.test_clip import network

CONFIG = ClipConfig(32, 3, 4, 48, 77, 49408, True, None)
LARGE = ClipConfig(40, 3, 4, 48, 77, 49408, False, 24)
A1111, NO_NORM, DOWN = LANGUAGES["A1111"], LANGUAGES["A1111, no norm"], LANGUAGES["down-weight"]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip((text.stable_diffusion_1(network(CONFIG), CONFIG),))


@pytest.fixture(scope="module")
def double() -> Clip:
    return Clip((text.xl_small(network(CONFIG), CONFIG), text.xl_large(network(LARGE), LARGE)))


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [  # those that the function is documented with, in A1111's WebUI and the pipelines that took it over
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.5730000000000004),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641000000000006),
                (".", 1.1),
            ],
        ),
        ("", []),
        ("a) b]", [("a) b]", 1.0)]),
        ("(a:x)", [("a:x", 1.1)]),
        ("(a:1.2.3)", [("a:1.2.3)", 1.1)]),
        ("(a:-1)", [("a", -1.0)]),
        ("(a: 1.5 )", [("a", 1.5)]),
    ],
)
def test_a1111s_brackets(prompt: str, expected: list[tuple[str, float]]):
    assert bracketed(prompt) == expected


def test_the_time_of_deep_brackets_is_short_and_a_weight_beyond_numbers_is_told(clip: Clip):
    assert len(bracketed("(a" * 3000 + ")" * 3000)) == 3000
    with pytest.raises(ValueError, match="the weight inf"):
        clip.encode("(" * 9000 + "a", A1111)


def test_brackets_that_are_text_are_text_in_every_language(clip: Clip):
    for name, language in LANGUAGES.items():
        assert clip.tokenize(r"a \[b\]", clip.encoders[0], language)[0][1:5] == [
            (token, 1.0) for token in tokenize("a [b]")
        ], name


# --- what weights do -----------------------------------------------------------------------------


@pytest.mark.parametrize("language", [*LANGUAGES.values(), STANDARD])
def test_weights_of_one_change_nothing(clip: Clip, double: Clip, language: text.Language):
    for each in (clip, double):
        assert each.encode("a (red:1.0) apple", language)[0].equal(each.encode("a red apple")[0])


def test_a1111_multiplies_and_restores_the_mean_of_each_chunk(clip: Clip):
    z, got = clip.encode("a red apple")[0], clip.encode("a (red:1.5) apple", A1111)[0]
    weighted = z.clone()
    weighted[0, 2] *= 1.5
    torch.testing.assert_close(got, weighted * (z.mean() / weighted.mean()))
    torch.testing.assert_close(got.mean(), z.mean())
    torch.testing.assert_close(clip.encode("a (red:1.5) apple", NO_NORM)[0], weighted)
    two = clip.encode("a red apple BREAK a (red:1.5) apple", A1111)[0]
    torch.testing.assert_close(two, torch.cat((z, got), 1))


def test_each_network_of_xl_has_its_own_mean(double: Clip):
    states = double.encode("a (red:1.5) apple", A1111)[0]
    plain = double.encode("a red apple")[0]
    for part in (slice(0, 32), slice(32, None)):
        torch.testing.assert_close(states[..., part].mean(), plain[..., part].mean())


def test_weights_of_zero_everywhere_leave_numbers(clip: Clip):
    for language in LANGUAGES.values():
        assert clip.encode("(a:0)", language)[0].isfinite().all()


def test_low_weights_take_words_away(clip: Clip):
    whole, less = clip.encode("a red apple", DOWN)[0], clip.encode("a apple", DOWN)[0]
    gone = clip.encode("a (red:0) apple", DOWN)[0]
    torch.testing.assert_close(gone, less, atol=1e-4, rtol=1e-4)
    half, standard = clip.encode("a (red:0.5) apple", DOWN)[0], clip.encode("a (red:0.5) apple")[0]
    torch.testing.assert_close(half, (standard + less) / 2)
    assert not half.isclose(whole).all()
    share = math.tan(0.8 * math.pi / 2)
    two = clip.encode("a (red:0.5) apple BREAK a (red:0.2) apple", DOWN)[0][:, 77:]
    standard = clip.encode("a (red:0.2) apple")[0]
    torch.testing.assert_close(two, (standard + share * less) / (1 + share))
    assert clip.encode("a (red:1.4) apple", DOWN)[0].equal(clip.encode("a (red:1.4) apple")[0])


def test_the_pooled_text_is_unweighted(double: Clip):
    plain = double.encode("a red apple")[1]["pooled_output"]
    for language in LANGUAGES.values():
        torch.testing.assert_close(double.encode("a (red:0.3) apple", language)[1]["pooled_output"], plain)


# --- chunks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LANGUAGES)
def test_break_begins_a_chunk(double: Clip, name: str):
    states = double.encode("a cat BREAK a (dog:1.0)\nBREAK", LANGUAGES[name])[0]
    parts = [double.encode(part)[0] for part in ("a cat", "a dog", "")]
    torch.testing.assert_close(states, torch.cat(parts, 1))
    assert double.encode("a cat BREAK a dog")[0].shape[1] == 77  # to the standard it is a word
    assert double.encode("a BREAKFAST", LANGUAGES[name])[0].shape[1] == 77


def test_the_comma():
    assert tokenize(",") == [COMMA]


def words(clip: Clip, prompt: str) -> list[int]:
    """How many tokens each chunk has."""
    found = clip.tokenize(prompt, clip.encoders[0], A1111)
    return [next(i for i, (token, _) in enumerate(chunk) if token == END) - 1 for chunk in found]


def test_long_prompts_are_cut_behind_a_comma_that_is_near(clip: Clip):
    assert words(clip, "cat " * 75) == [75]
    assert words(clip, "cat " * 80) == [75, 5]
    assert words(clip, "cat " * 60 + ", " + "dog " * 30) == [61, 30]
    assert words(clip, "cat " * 40 + ", " + "dog " * 50) == [75, 16]
    assert words(clip, "cat " * 75 + ", " + "dog") == [75, 2]
    assert words(clip, "cat, " * 50) == [75, 25]
    assert words(clip, "(cat:1.2) " * 80) == [75, 5]


def test_an_embedding_is_not_cut_unless_it_is_longer_than_a_chunk():
    cats: Group = [(token, 1.0) for token in tokenize("cat " * 70)]

    def lengths(count: int) -> list[int]:
        vectors: Group = [(Vector("e", i, torch.zeros(4)), 1.0) for i in range(count)]
        return [sum(token != END for token, _ in chunk) - 1 for chunk in cut_at_commas([cats, vectors], END)]

    assert lengths(5) == [75]
    assert lengths(6) == [70, 6]
    assert lengths(80) == [75, 75]
