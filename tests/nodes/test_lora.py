"""Loading adapters in a graph: what is wrong with a file is said before anything runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffusion.adapters.load import LoraModel
from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import registry
from nodes import lora

ROOT = Path(__file__).parents[2]
STARTER = "starter-emoji-128.safetensors"
LAYER = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"


def write(path: Path, width: int, layer: str = LAYER) -> None:
    up, down = torch.ones(128, 2), torch.ones(2, width)
    save_file({f"{layer}.lora_up.weight": up, f"{layer}.lora_down.weight": down}, path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for folder in ("checkpoints", "loras"):
        (tmp_path / "models" / folder).mkdir(parents=True)
    os.symlink(ROOT / "models/checkpoints" / STARTER, tmp_path / "models/checkpoints" / STARTER)
    loras = tmp_path / "models/loras"
    write(loras / "fits.safetensors", 128)
    write(loras / "xl.safetensors", 2048)
    write(loras / "other.safetensors", 128, "lora_unet_double_blocks_0_img_attn_qkv")
    save_file({"conv_in.weight": torch.ones(2)}, loras / "none.safetensors")
    (loras / "page.safetensors").write_text("<!DOCTYPE html>")
    return Files(tmp_path)


def graph(name: str, kind: str = "LoraLoader") -> dict[str, Any]:
    clip = {"clip": ["1", 1], "strength_clip": 1.0} if kind == "LoraLoader" else {}
    inputs = {"model": ["1", 0], **clip, "lora_name": name, "strength_model": 1.0}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": STARTER}},
        "2": {"class_type": kind, "inputs": inputs},
        "3": {"class_type": "ModelSave", "inputs": {"model": ["2", 0], "filename_prefix": "a"}},
    }


@pytest.mark.parametrize("kind", ["LoraLoader", "LoraLoaderModelOnly"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fits.safetensors", []),
        ("other.safetensors", []),  # only known when it is loaded
        ("xl.safetensors", [f"xl.safetensors has context width 2048, {STARTER} has 128"]),
        ("none.safetensors", ["none.safetensors is no LoRA nor another adapter, but of an unknown kind"]),
        ("page.safetensors", ["page.safetensors is a web page"]),
        ("gone.safetensors", ["gone.safetensors"]),
    ],
)
def test_a_file_that_does_not_fit_is_a_problem_before_the_run(files: Files, kind: str, name: str, said: list[str]):
    problems = check(read(graph(name, kind)), registry, files)
    assert [p.node for p in problems] == ["2"] * len(said)
    assert all(text in p.message for p, text in zip(problems, said, strict=True))


def loader(name: str) -> Any:
    return registry[name].function


def test_loaders_give_patched_handles(files: Files):
    model, clip, _ = loader("CheckpointLoaderSimple")(ckpt_name=STARTER, files=files)
    patched = loader("LoraLoader")(
        model=model, clip=clip, lora_name="fits.safetensors", strength_model=0.5, strength_clip=0.5, files=files
    )
    only = loader("LoraLoaderModelOnly")(model=model, lora_name="fits.safetensors", strength_model=0.5, files=files)
    name = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    assert only.network.state(name) == patched.model.network.state(name) != model.network.state(name)
    assert torch.equal(patched.model.network.value(name), model.network.value(name) + 1.0)
    assert 0 < patched.model.nbytes < 3000 < model.nbytes
    assert not patched.clip.encoders[0].network.patches
    with pytest.raises(ValueError, match="fits nothing in starter"):
        loader("LoraLoaderModelOnly")(model=model, lora_name="other.safetensors", strength_model=1.0, files=files)


def test_an_adapter_of_the_graph_is_saved_and_is_the_same_when_it_is_loaded_again(files: Files):
    model, _, _ = loader("CheckpointLoaderSimple")(ckpt_name=STARTER, files=files)
    lora_model = LoraModel("trained", load_file(files.base / "models/loras/fits.safetensors"))
    merged = loader("LoraModelLoader")(model=model, lora=lora_model, strength_model=0.5)
    assert loader("LoraModelLoader")(model=model, lora=lora_model, strength_model=0.0) is model
    for steps in (None, 20):
        loader("SaveLoRANode")(lora=lora_model, prefix="loras/mine", steps=steps, files=files)
    saved = sorted((files.base / "output/loras").iterdir())
    assert [path.name for path in saved] == ["mine_00001_.safetensors", "mine_20_steps_00001_.safetensors"]
    (files.base / "models/loras/again.safetensors").write_bytes(saved[0].read_bytes())
    again = loader("LoraLoaderModelOnly")(model=model, lora_name="again.safetensors", strength_model=0.5, files=files)
    name = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    assert torch.equal(merged.network.value(name), again.network.value(name))
    assert torch.equal(merged.network.value(name), model.network.value(name) + 1.0)


def test_strengths_of_nothing_give_the_model_back_and_open_no_file(files: Files):
    model, clip = object(), object()
    given = {"lora_name": "gone.safetensors", "strength_model": 0.0, "files": files}
    assert loader("LoraLoader")(model=model, clip=clip, strength_clip=0.0, **given) == (model, clip)
    assert loader("LoraLoaderModelOnly")(model=model, **given) is model


def test_the_key_follows_the_file(files: Files):
    before = lora.lora_state(files, "fits.safetensors")
    os.utime(files.base / "models/loras/fits.safetensors", ns=(1, 1))
    assert lora.lora_state(files, "fits.safetensors") != before


def test_hooks_need_no_torch(files: Files):
    code = (
        "import sys; from pathlib import Path; from executor.files import Files; from nodes import lora; "
        f"files = Files(Path({str(files.base)!r})); assert lora.lora_facts(files, 'xl.safetensors')[0]; "
        "lora.lora_problem(files, 'xl.safetensors'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
