"""A model in several files is the model in one; what is missing of it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion import checkpoint, folders, settings
from diffusion.header import ModelFileError, read_header
from diffusion.weights import open_weights
from tests import make_models
from tests.diffusion.test_families import write_folder

STEM = "diffusion_pytorch_model"


def split(folder: Path, stem: str, variant: str = "") -> None:
    """The only file of a folder, in three, as diffusers splits large ones."""
    (whole,) = folder.glob("*.safetensors")
    tensors = {name: t.clone() for name, t in open_weights(whole).tensors.items()}
    whole.unlink()
    table: dict[str, str] = {}
    for i in range(3):
        mine: dict[str, Tensor] = {name: tensors[name] for name in sorted(tensors)[i::3]}
        name = f"{stem}-0000{i + 1}-of-00003.{variant}safetensors"
        save_file(mine, folder / name, {"format": "pt"})
        table |= dict.fromkeys(mine, name)
    index = {"metadata": {"total_size": 1}, "weight_map": table}
    (folder / f"{stem}.safetensors.index.{variant}json").write_text(json.dumps(index))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings.use(settings.Settings("fp32", "cpu"))
    texts = {"text_encoder": make_models.text(64, "")}
    return write_folder(tmp_path / "sd1", "sd1", texts)


@pytest.mark.parametrize("variant", ["", "fp16."])
def test_split_networks_are_the_whole_ones(folder: Path, variant: str):
    model, clip, vae = checkpoint.load_folder(folder)
    context = clip.encode("a fox")[0]
    x, times = torch.randn(1, 4, 4, 6), torch.tensor([500.0])
    want = model.network(x, times, context=context), context, vae.decode(x)
    split(folder / "unet", STEM, variant)
    split(folder / "vae", STEM, variant)
    split(folder / "text_encoder", "model", variant)
    model, clip, vae = checkpoint.load_folder(folder)
    context = clip.encode("a fox")[0]
    got = model.network(x, times, context=context), context, vae.decode(x)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
    assert folders.inspect(folder) == {"context width": 64, "latent channels": 4}


def test_a_missing_file_is_named(folder: Path):
    split(folder / "unet", STEM)
    (folder / f"unet/{STEM}-00002-of-00003.safetensors").unlink()
    message = rf"{STEM}\.safetensors\.index\.json names {STEM}-00002-of-00003\.safetensors, which is not beside it"
    with pytest.raises(ModelFileError, match=message):
        folders.inspect(folder)


def test_a_cut_file_is_named(folder: Path):
    split(folder / "unet", STEM)
    cut = folder / f"unet/{STEM}-00003-of-00003.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=r"00003-of-00003\.safetensors is truncated: 100 of"):
        folders.inspect(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', '{"weight_map": {"a": ']
)
def test_nonsense_is_damage(tmp_path: Path, text: str):
    path = tmp_path / f"{STEM}.safetensors.index.json"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=r"index\.json is damaged: it names no files of weights"):
        read_header(path)


def test_an_index_leads_to_no_other_folder(tmp_path: Path):
    (tmp_path / "inner").mkdir()
    save_file({"a": torch.ones(1)}, tmp_path / "secret.safetensors")
    path = tmp_path / "inner/m.safetensors.index.json"
    path.write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(ModelFileError, match=r"names secret\.safetensors, which is not beside it"):
        read_header(path)
