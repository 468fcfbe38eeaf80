"""TAESD as a VAE, compared with diffusers', and asked for by name as the standard does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file

from diffusion import checkpoint, detect
from diffusion.header import ModelFileError
from executor.files import Files
from nodes import loaders


def pair(folder: Path, name: str) -> Any:
    """Writes both files of a random network; diffusers' model of it."""
    torch.manual_seed(5)
    his: Any = AutoencoderTiny(latent_channels=16 if name in ("taesd3", "taef1") else 4).eval().requires_grad_(False)
    folder.mkdir(parents=True, exist_ok=True)
    for side, first in (("encoder", 0), ("decoder", 1)):  # diffusers does not count the decoder's bounding
        state = getattr(his, side).state_dict()
        numbered = {f"{int(n.split('.')[1]) + first}.{n.split('.', 2)[2]}": t for n, t in state.items()}
        save_file(numbered, folder / f"{name}_{side}.safetensors")
    return his


@pytest.mark.parametrize(("name", "scale", "shift"), [("taesd", 0.18215, 0), ("taef1", 0.3611, 0.1159)])
def test_codes_as_diffusers(tmp_path: Path, name: str, scale: float, shift: float):
    his = pair(tmp_path, name)
    vae = checkpoint.load_vae(tmp_path / f"{name}_decoder.safetensors")
    image, latent = torch.rand(1, 24, 16, 3), torch.randn(1, vae.channels, 3, 2)
    coded = his.encode(image.movedim(-1, 1) * 2 - 1).latents / scale + shift
    assert (vae.encode(image) - coded).norm() / coded.norm() < 1e-5
    picture = (his.decode((latent - shift) * scale).sample / 2 + 0.5).clamp(0, 1).movedim(1, -1)
    assert (vae.decode(latent) - picture).norm() / picture.norm() < 1e-5
    assert vae.nbytes > 0


def test_a_pair_is_in_the_menu_and_opens(tmp_path: Path):
    files = Files(tmp_path)
    assert files.names("vae") == []
    pair(tmp_path / "models/vae_approx", "taesdxl")
    assert files.names("vae") == ["taesdxl"]
    path = files.model("vae", "taesdxl")
    assert detect.inspect_vae(path) == {"latent channels": 4}
    assert loaders.vae_problem(files, "taesdxl") is None
    assert loaders.vae_loader(vae_name="taesdxl", files=files).channels == 4
    (tmp_path / "models/vae_approx/taesdxl_encoder.safetensors").unlink()
    assert files.names("vae") == []
    with pytest.raises(ModelFileError, match=r"taesdxl_decoder\.safetensors decodes only"):
        checkpoint.load_vae(path)
