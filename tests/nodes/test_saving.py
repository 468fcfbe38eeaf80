"""Models come back from the files that they were saved in: the same networks, with what was merged into them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from diffusion import checkpoint, detect, prediction, saving
from diffusion.header import read_header
from diffusion.patches import Patch
from executor.files import Files
from executor.node import registry
from nodes import saving as _nodes

STARTER = Path(__file__).parents[2] / "models/checkpoints/starter-emoji-128.safetensors"
NAME = "input_blocks.0.0.bias"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


assert _nodes


def save(kind: str, files: Files, **inputs: Any) -> list[Path]:
    told = {"prompt": {"1": {"class_type": kind, "inputs": {}}}, "extra_pnginfo": {"workflow": {"nodes": []}}}
    registry[kind].function(**inputs, **told, files=files)
    return sorted(p for p in files.root("output").rglob("*") if p.is_file())


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata()


def test_a_checkpoint_comes_back_bit_for_bit(files: Files):
    model, clip, vae = checkpoint.load(STARTER)
    (path,) = save("CheckpointSave", files, model=model, clip=clip, vae=vae, filename_prefix="checkpoints/a")
    assert path.relative_to(files.base).as_posix() == "output/checkpoints/a_00001_.safetensors"
    want, got = load_file(STARTER), load_file(path)
    kept = {n: t for n, t in want.items() if n in got}
    assert all(torch.equal(got[n], t) and got[n].dtype == t.dtype for n, t in kept.items())
    assert {n.rpartition(".")[2] for n in want.keys() - got.keys()} <= {"position_ids", "betas", "alphas_cumprod"}
    assert not got.keys() - want.keys()
    told = metadata(path)
    assert json.loads(told["prompt"])["1"]["class_type"] == "CheckpointSave"
    assert told["modelspec.architecture"] == "stable-diffusion-v1"
    assert told["modelspec.predict_key"] == "epsilon"
    assert detect.heads(read_header(path), "unet") == detect.heads(read_header(STARTER), "unet")
    again = checkpoint.load(path)
    assert torch.equal(again[1].encode("a fox")[0], clip.encode("a fox")[0])
    x, sigma, context = torch.ones(1, 4, 8, 8), torch.tensor([3.0]), {"context": torch.ones(1, 77, 128)}
    with torch.no_grad():
        assert torch.equal(again[0].x0(x, sigma, context), model.x0(x, sigma, context))


def test_what_is_merged_is_saved_and_the_rest_as_it_was(files: Files):
    model, _, _ = checkpoint.load(STARTER)
    changed = replace(model, network=model.network.patched({NAME: (Patch("one", lambda w: w + 1),)}))  # type: ignore[union-attr]
    (path,) = save("ModelSave", files, model=changed, filename_prefix="diffusion_models/a")
    got, want = load_file(path), load_file(STARTER)
    key = f"model.diffusion_model.{NAME}"
    assert torch.equal(got[key], (want[key].float() + 1).to(want[key].dtype))
    other = key.replace("bias", "weight")
    assert torch.equal(got[other], want[other])
    assert checkpoint.load_unet(path).name == path.name


def test_parts_are_saved_alone(files: Files):
    _, clip, vae = checkpoint.load(STARTER)
    save("VAESave", files, vae=vae, filename_prefix="vae/a")
    paths = save("CLIPSave", files, clip=clip, filename_prefix="clip/a")
    assert [p.name for p in paths] == ["a_clip_l_00001_.safetensors", "a_00001_.safetensors"]
    assert torch.equal(checkpoint.load_clip(paths[0]).encode("a fox")[0], clip.encode("a fox")[0])
    latent = torch.ones(1, 4, 2, 2)
    assert torch.equal(checkpoint.load_vae(paths[1]).decode(latent), vae.decode(latent))


def test_what_a_network_predicts_is_told(files: Files, tmp_path: Path):
    model, _, _ = checkpoint.load(STARTER)
    for zero in (False, True):
        v = replace(model, prediction=prediction.discrete("v", zero_snr=zero))
        path = save("ModelSave", files, model=v, filename_prefix=f"a{zero}/a")[-1]
        again = checkpoint.load_unet(path).prediction
        assert again.kind == "v"
        assert torch.equal(again.sigmas, v.prediction.sigmas)


def test_openclip_networks_are_saved_in_its_layout():
    from diffusion.clip import ClipConfig, ClipText
    from diffusion.parts import find_texts
    from diffusion.tensor_files import stored
    from diffusion.weights import Weights

    torch.manual_seed(0)
    network = ClipText(ClipConfig(16, 2, 2, 64, 77, 100, quick=False, projection=16))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    state = {name: t.detach() for name, t in network.state_dict().items()}
    theirs = {name: t.read() for name, t in saving.open_clip({n: stored(t) for n, t in state.items()}).items()}
    assert {"text_projection", "positional_embedding", "transformer.resblocks.1.attn.in_proj_weight"} <= theirs.keys()
    (part,) = find_texts({name: tuple(t.shape) for name, t in theirs.items()})
    back = Weights(STARTER, theirs).of(part).tensors
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_what_has_no_weights_cannot_be_saved(files: Files):
    model, _, _ = checkpoint.load(STARTER)
    with pytest.raises(ValueError, match="this model has no weights that could be saved"):
        save("ModelSave", files, model=replace(model, network=lambda *_: None), filename_prefix="a")
    assert not list(files.root("output").rglob("*.safetensors"))


def test_a_write_that_fails_leaves_nothing(files: Files):
    model, _, _ = checkpoint.load(STARTER)

    def broken(weight: torch.Tensor) -> torch.Tensor:
        raise ValueError("no memory")

    changed = replace(model, network=model.network.patched({NAME: (Patch("one", broken),)}))  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="no memory"):
        save("ModelSave", files, model=changed, filename_prefix="a")
    assert not [p for p in files.root("output").rglob("*") if p.is_file()]


def test_a_difference_is_saved_as_a_lora_that_the_loader_takes(files: Files):
    model, clip, _ = checkpoint.load(STARTER)
    given = {"rank": 2, "bias_diff": False, "model_diff": model, "text_encoder_diff": clip}
    (path,) = save("LoraSave", files, filename_prefix="loras/a", lora_type="standard", **given)
    shapes = {name: tuple(t.shape) for name, t in load_file(path).items()}
    assert shapes["diffusion_model.input_blocks.0.0.lora_down.weight"][0] == 2
    assert "workflow" in metadata(path)
    patched = registry["LoraLoader"].function(
        model=model, clip=clip, lora_name=path.name, strength_model=1.0, strength_clip=1.0, files=_with_loras(path)
    )
    assert patched.model.network.patches
    with pytest.raises(ValueError, match="nothing to extract"):
        save("LoraSave", files, filename_prefix="a", lora_type="standard", rank=2, bias_diff=False)


def _with_loras(path: Path) -> Files:
    place = path.parent / "models/loras"
    place.mkdir(parents=True)
    path.replace(place / path.name)
    return Files(path.parent)
