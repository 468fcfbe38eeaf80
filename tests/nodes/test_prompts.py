"""The nodes for prompts: what is shown, kept and keyed, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import main
from diffusion import schedules
from diffusion.clip import ClipConfig
from diffusion.text import Clip, stable_diffusion_1
from executor.files import Files
from executor.node import registry
from nodes.prompts import count_tokens, draw_prompt, encode_prompt, schedule_prompt, wildcard_state
from nodes.text import clip_text_encode
from tests.diffusion.test_clip import network
from tests.replay.toys import MODELS

CONFIG = ClipConfig(32, 3, 4, 48, 77, 49408, True, None)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip((stable_diffusion_1(network(CONFIG), CONFIG),))


def test_a_drawn_prompt_is_shown_and_keyed_by_its_files(tmp_path: Path):
    files = Files(tmp_path)
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards/colour.txt").write_text("red\nblue\n")
    shown = draw_prompt(text="a __colour__ {cat|dog}", seed=3, files=files)
    assert shown.ui == {"text": [shown.result]}
    assert shown.result in {f"a {c} {a}" for c in ("red", "blue") for a in ("cat", "dog")}
    before = wildcard_state(files)
    (tmp_path / "wildcards/colour.txt").write_text("green\n")
    assert wildcard_state(files) != before
    assert registry["DrawPrompt"].fingerprint is wildcard_state
    assert draw_prompt(text="a __colour__", seed=3, files=files).result == "a green"


def test_choices_are_left_to_the_node_not_to_the_editor():
    for name in ("DrawPrompt", "EncodePrompt", "SchedulePrompt", "CountTokens"):
        told = registry[name].inputs["text"].text
        assert told
        assert told.multiline
        assert not told.dynamic


def test_every_way_to_weigh_is_in_the_menu(clip: Clip):
    found = [
        encode_prompt(clip=clip, text="a (red:0.7) apple", weights=name)[0][0]
        for name in registry["EncodePrompt"].inputs["weights"].values(Files())
    ]
    assert len(found) == 4
    assert not any(a.equal(b) for i, a in enumerate(found) for b in found[:i])
    assert found[0].equal(clip_text_encode(text="a (red:0.7) apple", clip=clip)[0][0])


def test_a_schedule_is_shown(clip: Clip):
    shown = schedule_prompt(clip=clip, text="a [cat:dog:0.25]", steps=8, weights="A1111")
    assert shown.ui == {"text": ["1-2: a cat\n3-8: a dog"]}
    assert [(o["start_percent"], o["end_percent"]) for _, o in shown.result] == [(0.0, 0.249), (0.249, 1.0)]


def test_a_schedule_takes_its_steps_from_sigmas(clip: Clip):
    model: Any = MODELS["sd15"]()
    sigmas = schedules.schedule("karras", model.prediction, 4)
    shown = schedule_prompt(clip=clip, text="[cat:dog:2]", steps=99, weights="standard", model=model, sigmas=sigmas)
    assert shown.ui == {"text": ["1-2: cat\n3-4: dog"]}
    edge = model.prediction.percent_to_sigma(shown.result[0][1]["end_percent"])
    assert sigmas[2] < edge < sigmas[1]
    parts: list[dict[str, Any]] = [{"model": model}, {"sigmas": sigmas}]
    for given in parts:
        with pytest.raises(ValueError, match="is not connected: connect model and sigmas"):
            schedule_prompt(clip=clip, text="a", weights="standard", **given)


def test_tokens_are_counted_and_shown(clip: Clip):
    shown = count_tokens(clip=clip, text="a (red:1.2) apple BREAK b", weights="standard")
    assert shown.result[1:] == (4, 2)
    assert shown.ui == {"text": [shown.result.table]}
    changing = count_tokens(clip=clip, text="[a:b c:2]", weights="A1111", steps=4)
    assert changing.result.table.startswith("steps 1-2: a\n")
    assert changing.result.tokens == 2


def test_a_weight_that_is_no_number_is_told(clip: Clip):
    for encode in (encode_prompt, schedule_prompt, count_tokens):
        with pytest.raises(ValueError, match="the weight nan"):
            encode(clip=clip, text="(a:nan)", weights="standard")


def test_the_drawn_prompt_is_in_the_picture(tmp_path: Path):
    graph = """{
      "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 255}},
      "2": {"class_type": "DrawPrompt", "inputs": {"text": "{é|é} __w__", "seed": 1}},
      "3": {"class_type": "SaveImageWithPrompt", "inputs": {"images": ["1", 0], "text": ["2", 0]}}}"""
    (tmp_path / "graph.json").write_text(graph)
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards/w.txt").write_text("日本\n", encoding="utf-8")
    assert main.main(["run", str(tmp_path / "graph.json"), "--base-directory", str(tmp_path)]) == main.OK
    with Image.open(tmp_path / "output/mezzotint_00001_.png") as image:
        assert image.info["parameters"] == "é 日本"
        assert "DrawPrompt" in image.info["prompt"]


def test_an_empty_prompt_is_one(clip: Clip):
    assert schedule_prompt(clip=clip, text="", weights="A1111").result[0][0].equal(clip.encode("")[0])
    assert torch.equal(encode_prompt(clip=clip, text="")[0][0], clip.encode("")[0])
