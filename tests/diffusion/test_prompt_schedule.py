"""Prompts that change: the examples of A1111's wiki, every syntax, and each step has the text that is meant for it."""

from collections.abc import Mapping

import pytest
import torch

from diffusion.clip import ClipConfig
from diffusion.conditioning import Conditioning
from diffusion.emphasis import LANGUAGES, Language
from diffusion.names import SCHEDULES
from diffusion.prediction import Prediction
from diffusion.prompt_schedule import DEEPEST, stretches
from diffusion.prompt_timing import encoded, even_starts, starts_of
from diffusion.regions import resolve
from diffusion.schedules import schedule
from diffusion.text import Clip, stable_diffusion_1
from tests.diffusion.test_clip import network
from tests.replay.toys import MODELS

CONFIG = ClipConfig(32, 3, 4, 48, 77, 49408, True, None)
LANGUAGE = LANGUAGES["A1111"]


def said(text: str, steps: int = 5) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.text) for one in stretches(text, steps)]


def test_the_example_of_the_wiki():
    text = (
        "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75]"
        "[ in foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]"
    )
    assert said(text, 100) == [
        (0, 25, "fantasy landscape with a mountain and an oak in foreground shoddy"),
        (25, 50, "fantasy landscape with a lake and an oak in foreground in background shoddy"),
        (50, 60, "fantasy landscape with a lake and an oak in foreground in background masterful"),
        (60, 75, "fantasy landscape with a lake and an oak in background masterful"),
        (75, 100, "fantasy landscape with a lake and a christmas tree in background masterful"),
    ]


def test_the_alternation_of_the_wiki():
    assert [t for *_, t in said("[cow|horse] in a field", 4)] == ["cow in a field", "horse in a field"] * 2
    words = ["cow", "cow", "horse", "man", "siberian tiger", "ox", "man"]
    by_step = [t for a, b, t in said(f"[{'|'.join(words)}]", 9) for _ in range(a, b)]
    assert by_step == [*words, *words[:2]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", [(0, 5, "a cat")]),
        ("", [(0, 5, "")]),
        ("[a:b:3]", [(0, 3, "a"), (3, 5, "b")]),
        ("[b:3]", [(0, 3, ""), (3, 5, "b")]),
        ("[:b:3]", [(0, 3, ""), (3, 5, "b")]),
        ("[a::3]", [(0, 3, "a"), (3, 5, "")]),
        ("[a:b:0]", [(0, 5, "b")]),
        ("[a:b: .5 ]", [(0, 2, "a"), (2, 5, "b")]),
        ("[a:b:1]", [(0, 1, "a"), (1, 5, "b")]),  # one step
        ("[a:b:1.0]", [(0, 5, "a")]),  # all of them
        ("[a:b:9]", [(0, 5, "a")]),
        ("[a|]", [(0, 1, "a"), (1, 2, ""), (2, 3, "a"), (3, 4, ""), (4, 5, "a")]),
        ("([a:b:3]:1.2)", [(0, 3, "(a:1.2)"), (3, 5, "(b:1.2)")]),
        ("[(a:1.2):[b|c]:2]", [(0, 2, "(a:1.2)"), (2, 3, "b"), (3, 4, "c"), (4, 5, "b")]),
        ("[[a:b:1]:c:3]", [(0, 1, "a"), (1, 3, "b"), (3, 5, "c")]),
        ("[a:b:3", [(0, 5, "[a:b:3")]),
        ("a:b:3]", [(0, 5, "a:b:3]")]),
        ("[a]", [(0, 5, "[a]")]),
        ("[a:b:soon]", [(0, 5, "[a:b:soon]")]),
        ("[a:b:-1]", [(0, 5, "[a:b:-1]")]),
        ("[a:b:c:2]", [(0, 5, "[a:b:c:2]")]),
        ("[a:b:nan]", [(0, 5, "[a:b:nan]")]),
        ("(a [b) c:2]", [(0, 5, "(a [b) c:2]")]),
        (r"\[a:b:2\]", [(0, 5, r"\[a:b:2\]")]),
    ],
)
def test_each_syntax(text: str, expected: list[tuple[int, int, str]]):
    assert said(text) == expected


def test_brackets_that_nest_too_deep_are_told():
    with pytest.raises(ValueError, match=f"more than {DEEPEST} deep"):
        stretches("[" * 60 + "a" + "]" * 60, 5)
    assert said("[" * 60 + "a") == [(0, 5, "[" * 60 + "a")]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip((stable_diffusion_1(network(CONFIG), CONFIG),))


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return MODELS["sd15"]().prediction


def held(text: str, clip: Clip, prediction: Prediction, sigmas: torch.Tensor, starts: list[float]) -> list[list[str]]:
    """The texts that hold in each step of a run."""
    told = stretches(text, len(starts) - 1)
    known = {one.text: clip.conditioning(one.text, LANGUAGE)[0][0] for one in told}
    regions = resolve(encoded(clip, told, LANGUAGE, starts), prediction, (1, 4, 8, 8))
    return [
        [t for t, e in known.items() for r in regions if r.holds(sigma) and r.conditions["context"].equal(e)]
        for sigma in sigmas.tolist()[:-1]
    ]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [4, 20, 50])
def test_with_the_schedule_each_step_has_exactly_its_text(name: str, steps: int, clip: Clip, prediction: Prediction):
    sigmas = schedule(name, prediction, steps)
    text = "a [cat:dog:0.4] [red|blue]"
    starts = starts_of(sigmas, prediction)
    meant = [one.text for one in stretches(text, len(sigmas) - 1) for _ in range(one.start, one.end)]
    assert held(text, clip, prediction, sigmas, starts) == [[t] for t in meant]


@pytest.mark.parametrize("name", ["normal", "simple", "sgm_uniform"])
@pytest.mark.parametrize("steps", [4, 12, 20, 30])
def test_without_it_schedules_of_even_steps_are_met(name: str, steps: int, clip: Clip, prediction: Prediction):
    sigmas = schedule(name, prediction, steps)
    text = "a [cat:dog:0.4] [red|blue]"
    meant = [one.text for one in stretches(text, steps) for _ in range(one.start, one.end)]
    assert held(text, clip, prediction, sigmas, even_starts(steps)) == [[t] for t in meant]


def test_a_prompt_that_does_not_change_has_no_range(clip: Clip):
    [(_, options)] = encoded(clip, stretches("a cat", 20), LANGUAGE, even_starts(20))
    assert list(options) == ["pooled_output"]


def test_each_text_is_encoded_once(clip: Clip, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    real = Clip.encode
    monkeypatch.setattr(Clip, "encode", lambda self, text, *rest: (asked.append(text), real(self, text, *rest))[1])
    found = encoded(clip, stretches("[a|b|c]", 30), LANGUAGE, even_starts(30))
    assert len(found) == 30
    assert sorted(asked) == ["a", "b", "c"]


def test_a_schedule_without_steps_is_told(prediction: Prediction):
    with pytest.raises(ValueError, match="sigmas holds no step"):
        starts_of(torch.zeros(1), prediction)


class Halved(Clip):
    """Gives two conditionings for a prompt, as text networks with hooks may: one for each half of the run."""

    def conditioning(self, text: str | Mapping[str, str], language: Language = LANGUAGE) -> Conditioning:
        states, options = self.encode(text, language)
        halves = ((0.0, 0.5), (0.5, 1.0))
        return [(states, {**options, "start_percent": start, "end_percent": end}) for start, end in halves]


def test_ranges_of_the_text_networks_own_are_kept_within_those_of_the_steps(clip: Clip):
    found = encoded(Halved(clip.encoders), stretches("[a:b:1]", 5), LANGUAGE, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [(o["start_percent"], o["end_percent"]) for _, o in found] == [(0.0, 0.2), (0.2, 0.5), (0.5, 1.0)]
