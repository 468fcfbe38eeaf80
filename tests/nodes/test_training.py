"""Training as a graph: the starter learns a folder of pictures, the adapter is saved, and training goes on from it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import nodes
from executor.cache import Cache
from executor.check import check
from executor.events import Event, Progressed
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.outcome import Outcome
from executor.plan import make_plan
from executor.previews import Preview, Sketch, Wanted
from executor.run import execute
from nodes.training import Curve

ROOT = Path(__file__).parents[2]
STARTER = "starter-emoji-128.safetensors"
assert nodes.__name__ == "nodes"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "models/checkpoints").mkdir(parents=True)
    os.symlink(ROOT / "models/checkpoints" / STARTER, tmp_path / "models/checkpoints" / STARTER)
    folder = tmp_path / "input" / "plain"
    folder.mkdir(parents=True)
    for i, color in enumerate(((200, 30, 30), (30, 160, 60))):
        Image.new("RGB", (64, 64), color).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text("a plain plate")
    return Files(tmp_path)


def graph(**training: Any) -> dict[str, Any]:
    sizes = {"batch_size": 1, "grad_accumulation_steps": 1, "steps": 3, "learning_rate": 1e-3, "rank": 2}
    choices = {"optimizer": "AdamW", "loss_function": "MSE", "seed": 1, "training_dtype": "fp32", "lora_dtype": "fp32"}
    rest = {"algorithm": "LoRA", "gradient_checkpointing": True, "existing_lora": "[None]"}
    links = {"model": ["1", 0], "latents": ["3", 0], "positive": ["2", 1]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": STARTER}},
        "2": {"class_type": "LoadImageTextSetFromFolderNode", "inputs": {"folder": "plain", "clip": ["1", 1]}},
        "3": {"class_type": "VAEEncode", "inputs": {"pixels": ["2", 0], "vae": ["1", 2]}},
        "4": {"class_type": "TrainLoraNode", "inputs": links | sizes | choices | rest | training},
        "5": {"class_type": "SaveLoRANode", "inputs": {"lora": ["4", 1], "prefix": "loras/plain", "steps": ["4", 3]}},
        "6": {"class_type": "LossGraphNode", "inputs": {"loss": ["4", 2], "filename_prefix": "loss"}},
    }


def run(files: Files, **training: Any) -> tuple[Outcome, list[Event]]:
    log: list[Event] = []
    plan = make_plan(read(graph(**training)), registry, ["5", "6"], files)
    return execute(plan, files=files, cache=Cache(), emit=log.append, preview=Preview(size=200)), log


def test_a_folder_of_pictures_becomes_an_adapter_that_a_loader_takes_and_training_goes_on_from(files: Files):
    outcome, log = run(files)
    assert outcome.ok
    steps = [(e.value, e.total) for e in log if isinstance(e, Progressed) and e.node == "4"]
    assert steps[-1] == (3, 3)
    saved = files.base / "output/loras/plain_3_steps_00001_.safetensors"
    tensors = load_file(saved)
    assert len(tensors) % 3 == 0
    assert all(name.startswith(("lora_unet_down", "lora_unet_mid", "lora_unet_up")) for name in tensors)
    assert any(t.any() for name, t in tensors.items() if name.endswith("lora_up.weight"))
    with Image.open(files.base / "output/loss_00001_.png") as picture:
        assert picture.size == (640, 400)
        assert json.loads(picture.info["prompt"])["4"]["inputs"]["steps"] == 3

    outcome, _ = run(files, existing_lora=saved.name, steps=2)
    assert outcome.ok
    assert (files.base / "output/loras/plain_5_steps_00001_.safetensors").is_file(), "the steps are counted on"


def test_what_was_saved_changes_the_model(files: Files):
    outcome, _ = run(files)
    assert outcome.ok
    load = registry["LoraLoaderModelOnly"].function
    model = registry["CheckpointLoaderSimple"].function(ckpt_name=STARTER, files=files)[0]
    (files.base / "models/loras").mkdir()
    os.symlink(files.base / "output/loras/plain_3_steps_00001_.safetensors", files.base / "models/loras/x.safetensors")
    x, time, context = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), torch.randn(1, 77, 128)
    with torch.no_grad():
        plain = model.network(x, time, context)
        adapted = load(model=model, lora_name="x.safetensors", strength_model=1.0, files=files).network(
            x, time, context
        )
    assert not torch.equal(plain, adapted)


def test_what_is_wrong_is_said(files: Files):
    (files.base / "models/loras").mkdir()
    save_file({"conv_in.weight": torch.ones(2)}, files.base / "models/loras/none.safetensors")
    problems = check(read(graph(existing_lora="none.safetensors")), registry, files)
    assert [(p.node, p.severity) for p in problems] == [("4", "error")]
    other = {"a.lora_up.weight": torch.ones(2, 1), "a.lora_down.weight": torch.ones(1, 2)}
    save_file(other, files.base / "models/loras/o.safetensors")
    outcome, _ = run(files, existing_lora="o.safetensors")
    assert "the existing adapter does not fit" in outcome.failed[0].message


def test_what_was_saved_says_how_it_was_made(files: Files):
    outcome, _ = run(files, seed=5)
    assert outcome.ok
    with safe_open(files.base / "output/loras/plain_3_steps_00001_.safetensors", "pt") as file:
        told: dict[str, str] = file.metadata()
    assert {name: told[name] for name in (
        "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_learning_rate", "ss_steps", "ss_seed",
        "ss_num_train_images", "ss_sd_model_name", "ss_base_model_version", "modelspec.architecture",
    )} == {
        "ss_network_module": "networks.lora", "ss_network_dim": "2", "ss_network_alpha": "2.0",
        "ss_learning_rate": "0.001", "ss_steps": "3", "ss_seed": "5", "ss_num_train_images": "2",
        "ss_sd_model_name": STARTER, "ss_base_model_version": "sd_v1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
    }  # fmt: skip
    assert len(told["sshs_model_hash"]) == 64
    assert "ss_output_name" not in told


def test_the_curve_is_shown_while_it_learns(files: Files):
    outcome, log = run(files)
    assert outcome.ok
    pictures = [e.preview for e in log if isinstance(e, Progressed) and e.node == "4" and e.preview]
    assert pictures
    with Image.open(io.BytesIO(pictures[0])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (200, 125))


class Watch:
    """Takes every picture that is offered; `now` is the time that the curve is told."""

    def __init__(self):
        self.now, self.drawn, self.told = 0.0, list[int](), list[tuple[int, int]]()

    def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None:
        self.told.append((value, total))
        if preview:
            wanted = Wanted("auto", 300, Files(Path()), lambda: None, lambda message: None)
            assert preview(wanted)
            self.drawn.append(value)

    def check(self) -> None: ...


def test_a_curve_is_drawn_every_two_seconds_and_at_the_end_with_the_time_that_is_left():
    watch = Watch()
    curve = Curve(watch, 20, lambda: watch.now)
    assert curve.left() == ""
    for done in range(1, 21):
        watch.now += 0.5
        curve.step(done, 1 / done)
        assert curve.left() == ("" if done == 1 else f"2 steps/s, 0:{round((20 - done) / 2):02} left")
    assert watch.told == [(done, 20) for done in range(1, 21)]
    assert watch.drawn == [1, 5, 9, 13, 17, 20]


def test_slow_steps_are_told_in_seconds():
    watch = Watch()
    curve = Curve(watch, 100, lambda: watch.now)
    for done in range(1, 4):
        watch.now += 2.5
        curve.step(done, 0.1)
    assert curve.left() == "2.5 s/step, 4:02 left"


def test_of_an_adapter_that_changes_texts_too_the_model_alone_is_trained(files: Files):
    assert run(files)[0].ok
    saved = load_file(files.base / "output/loras/plain_3_steps_00001_.safetensors")
    text = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    (files.base / "models/loras").mkdir()
    more = {f"{text}.lora_up.weight": torch.ones(4, 2), f"{text}.lora_down.weight": torch.ones(2, 4)}
    save_file(saved | more, files.base / "models/loras/both.safetensors")
    with pytest.warns(UserWarning, match=r"both\.safetensors changes the text encoder too"):
        existing = nodes.training._existing(files, "both.safetensors")  # pyright: ignore[reportPrivateUsage]
    assert existing is not None
    assert existing.keys() == (saved | more).keys()


def test_a_loss_that_is_no_number_is_told_and_nothing_is_saved(files: Files):
    assert run(files)[0].ok
    saved = files.base / "output/loras/plain_3_steps_00001_.safetensors"
    large = {n: t if n.endswith(".alpha") else torch.full_like(t, 1e30) for n, t in load_file(saved).items()}
    (files.base / "models/loras").mkdir()
    save_file(large, files.base / "models/loras/large.safetensors")
    outcome, _ = run(files, existing_lora="large.safetensors", steps=9)
    assert "loss of step 1 is nan: take a smaller learning_rate, or fp32" in outcome.failed[0].message
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
