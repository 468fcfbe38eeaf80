"""Loaders: what is known of a file before it is loaded, and what they make of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from diffusion.header import ModelFileError
from executor.files import Files
from executor.node import registry
from executor.types import Fact
from nodes import loaders
from tests import make_models

ROOT = Path(__file__).parents[2]
NAME = "starter-emoji-128.safetensors"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An installation where the starter is in every folder that a loader reads, beside a LoRA."""
    for folder in ("checkpoints", "diffusion_models", "vae", "text_encoders"):
        place = tmp_path / "models" / folder
        place.mkdir(parents=True)
        os.symlink(ROOT / "models/checkpoints" / NAME, place / NAME)
        save_file({"lora_unet_mid.lora_up.weight": torch.ones(2, 2)}, place / "lora.safetensors")
        (place / "page.safetensors").write_text("<!DOCTYPE html>")
    return Files(base=tmp_path)


WIDTH, CHANNELS = "context width", "latent channels"
INPUTS: dict[str, tuple[str, dict[str, Any], list[set[str]]]] = {
    "CheckpointLoaderSimple": ("ckpt_name", {}, [{WIDTH, CHANNELS}, {WIDTH}, {CHANNELS}]),
    "UNETLoader": ("unet_name", {}, [{WIDTH, CHANNELS}]),
    "VAELoader": ("vae_name", {}, [{CHANNELS}]),
    "CLIPLoader": ("clip_name", {"type": "stable_diffusion"}, [{WIDTH}]),
}
SIZES = {WIDTH: 128, CHANNELS: 4}


def hook(kind: str, name: str, files: Files, value: str) -> Any:
    """Call a hook as the engine does: with `files` and the literals that its parameters name."""
    function = getattr(registry[kind], name)
    given = {INPUTS[kind][0]: value, **INPUTS[kind][1], "files": files}
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    return function(**{key: given[key] for key in wanted})


@pytest.mark.parametrize("kind", INPUTS)
def test_facts_are_the_headers_and_name_the_file(kind: str, files: Files):
    expected = [{name: Fact(SIZES[name], NAME) for name in names} for names in INPUTS[kind][2]]
    assert list(hook(kind, "facts", files, NAME)) == expected


@pytest.mark.parametrize("kind", INPUTS)
def test_a_wrong_file_is_a_problem_before_it_is_loaded(kind: str, files: Files):
    assert hook(kind, "validate", files, NAME) is None
    assert "a LoRA, not a Stable Diffusion model" in hook(kind, "validate", files, "lora.safetensors")
    assert "page.safetensors is a web page" in hook(kind, "validate", files, "page.safetensors")
    assert hook(kind, "validate", files, "gone.safetensors") is None  # that it is missing is told by the menu
    assert not any(hook(kind, "facts", files, "lora.safetensors"))
    assert not any(hook(kind, "facts", files, "gone.safetensors"))


@pytest.mark.parametrize("kind", INPUTS)
def test_the_key_follows_the_file_and_the_precision(kind: str, files: Files, monkeypatch: pytest.MonkeyPatch):
    def key() -> Any:
        return hook(kind, "fingerprint", files, "lora.safetensors")

    before = key()
    assert key() == before
    monkeypatch.setenv("MEZZOTINT_PRECISION", "bf16")
    assert key() != before
    monkeypatch.undo()
    for place in (files.base / "models").iterdir():
        os.utime(place / "lora.safetensors", ns=(1, 1))
    assert key() != before


def test_encoders_of_other_families_are_a_problem(files: Files):
    assert "type 'sd3' cannot be run yet" in str(loaders.clip_problem(files, NAME, "sd3"))
    assert "type 'flux' cannot be run yet" in str(loaders.dual_clip_problem(files, NAME, NAME, "flux"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Text encoders of two widths, and of one kind twice."""
    base = tmp_path_factory.mktemp("texts")
    (base / "models/text_encoders").mkdir(parents=True)
    for name, width in (("l", 64), ("again", 64), ("g", 128)):
        tensors = make_models.text(width, "", projected=width == 128)
        save_file(tensors, base / f"models/text_encoders/{name}.safetensors")
    return Files(base)


def test_two_text_encoders_open_as_one(texts: Files):
    one, two = "g.safetensors", "l.safetensors"
    assert loaders.dual_clip_problem(texts, one, two, "sdxl") is None
    assert loaders.dual_clip_facts(texts, one, two) == ({WIDTH: Fact(192, f"{one} and {two}")},)
    clip = loaders.dual_clip_loader(clip_name1=one, clip_name2=two, type="sdxl", files=texts)
    assert [e.name for e in clip.encoders] == ["clip_l", "clip_g"]
    assert clip.encode("a fox")[0].shape == (1, 77, 192)


def test_two_text_encoders_of_one_kind_are_a_problem(texts: Files):
    said = loaders.dual_clip_problem(texts, "l.safetensors", "again.safetensors", "sdxl")
    assert "again.safetensors and l.safetensors hold text encoders of one kind, 64 wide" in str(said)


def test_the_key_of_two_encoders_follows_both_files(texts: Files):
    before = loaders.dual_clip_state(texts, "l.safetensors", "g.safetensors")
    os.utime(texts.model("text_encoders", "g.safetensors"), ns=(1, 1))
    assert loaders.dual_clip_state(texts, "l.safetensors", "g.safetensors") != before


def test_a_config_says_only_what_is_predicted(files: Files):
    (files.base / "models/configs").mkdir()
    (files.base / "models/configs/v.yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    model, clip, vae = loaders.checkpoint_loader(config_name="v.yaml", ckpt_name=NAME, files=files)
    assert (model.prediction.kind, len(clip.encoders), vae.channels) == ("v", 1, 4)


def test_a_checkpoint_without_a_vision_network_says_so_when_it_is_used(files: Files):
    made = loaders.unclip_checkpoint_loader(ckpt_name=NAME, files=files)
    with pytest.raises(ModelFileError, match="holds no CLIP vision network; it is a Stable Diffusion 1 model"):
        made.clip_vision.encode(torch.zeros(1, 8, 8, 3))


def test_hooks_need_no_torch():
    code = (
        f"import sys; from executor.files import Files; from nodes import loaders; "
        f"assert loaders.checkpoint_facts(Files(), {NAME!r}); loaders.checkpoint_problem(Files(), {NAME!r}); "
        f"loaders.checkpoint_state(Files(), {NAME!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_each_loader_opens_its_part(files: Files):
    model, clip, vae = loaders.checkpoint_loader_simple(ckpt_name=NAME, files=files)
    assert loaders.unet_loader(unet_name=NAME, weight_dtype="default", files=files).name == model.name == NAME
    assert loaders.vae_loader(vae_name=NAME, files=files).channels == vae.channels == 4
    own = loaders.clip_loader(clip_name=NAME, type="stable_diffusion", files=files)
    assert torch.equal(own.encode("a fox")[0], clip.encode("a fox")[0])
    assert own.embeddings == tuple(files.folders("embeddings"))
