"""From prompts to conditioning: the records, and laws of weights and chunks."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from diffusion import text
from diffusion.clip import ClipConfig
from diffusion.text import Clip
from tests.diffusion.test_clip import network
from tests.replay.text import replay

CONFIG = ClipConfig(32, 3, 4, 48, 77, 49408, True, None)
LARGE = ClipConfig(40, 3, 4, 48, 77, 49408, False, 24)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip((text.stable_diffusion_1(network(CONFIG), CONFIG),))


@pytest.fixture(scope="module")
def double() -> Clip:
    return Clip((text.xl_small(network(CONFIG), CONFIG), text.xl_large(network(LARGE), LARGE)))


def test_records(conformance: Path):
    data = json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))
    found = list(replay(data, conformance))
    assert len(found) > 90
    assert not [(label, problem) for label, problem in found if problem]


def test_weights_of_one_change_nothing(clip: Clip):
    assert clip.encode("a (red:1.0) apple")[0].equal(clip.encode("a red apple")[0])


def test_weights_move_tokens_away_from_the_empty_prompt(clip: Clip):
    z, empty = clip.encode("a red apple")[0], clip.encode("")[0]
    for weight in (-1.0, 0.0, 0.5, 3.0):
        got = clip.encode(f"a (red:{weight}) apple")[0]
        torch.testing.assert_close(got[0, 2], empty[0, 2] + weight * (z - empty)[0, 2])
        others = [i for i in range(77) if i != 2]
        assert got[0, others].equal(z[0, others])


def test_weights_do_not_touch_the_pooled_text(clip: Clip):
    plain, heavy = (clip.encode(p)[1]["pooled_output"] for p in ("a red apple", "a (red apple:1.7)"))
    torch.testing.assert_close(plain, heavy)


def test_long_prompts_are_encoded_in_chunks(clip: Clip):
    first, second = " ".join(["apple"] * 75), "a red tree"
    both = clip.encode(f"{first} {second}")[0]
    assert both.shape == (1, 154, 32)
    torch.testing.assert_close(both[:, :77], clip.encode(first)[0])
    torch.testing.assert_close(both[:, 77:], clip.encode(second)[0])


def test_skipping_deeper_than_the_network_is_the_last_layer(clip: Clip):
    last = clip.encode("a cat")[0]
    assert clip.with_layer(-1).encode("a cat")[0].equal(last)
    assert clip.with_layer(-4).encode("a cat")[0].equal(last)
    assert not clip.with_layer(-3).encode("a cat")[0].equal(last)
    assert clip.skip is None


def test_two_networks_are_joined(double: Clip):
    states, options = double.encode("a cat")
    assert states.shape == (1, 77, 72)
    assert options["pooled_output"].shape == (1, 24)
    alone = Clip(double.encoders[:1]).encode("a cat")[0]
    assert states[..., :32].equal(alone)


def test_of_two_texts_the_shorter_is_filled_with_empty_chunks(double: Clip):
    long = " ".join(["apple"] * 80)
    states, _ = double.encode({"clip_l": "a cat", "clip_g": long})
    small = Clip(double.encoders[:1])
    assert states.shape == (1, 154, 72)
    torch.testing.assert_close(states[:, 77:, :32], small.encode("")[0])


@pytest.mark.parametrize("weight", ["inf", "nan", "1e999"])
def test_a_weight_that_is_no_number_is_told(clip: Clip, weight: str):
    with pytest.raises(ValueError, match=r"'to' the weight (inf|nan).*\\\("):
        clip.encode(f"(to:{weight})")


def test_the_size_of_a_handle_is_that_of_its_weights(double: Clip):
    expected = sum(p.nbytes for e in double.encoders for p in _module(e.network).parameters())
    assert double.nbytes == expected


def _module(network: Any) -> torch.nn.Module:
    assert isinstance(network, torch.nn.Module)
    return network


def test_encoding_keeps_no_gradient_and_warns_of_nothing(clip: Clip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        states, options = clip.encode("a (cat:1.2)")
    assert not states.requires_grad
    assert not options["pooled_output"].requires_grad
    assert states._version == 0  # counted, as the engine wants it: not so under inference mode
