"""The tiny decoder against diffusers' on the same random weights, in the layouts in which it is published."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file
from torch import Tensor

from diffusion.header import ModelFileError
from diffusion.placement import Place
from diffusion.taesd import decoder, load

CPU = Place(torch.device("cpu"), torch.float32)


def their(channels: int) -> Any:
    torch.manual_seed(channels)
    make: Any = AutoencoderTiny
    return make(latent_channels=channels).eval().requires_grad_(False)


def published(his: Any, first: str = "") -> dict[str, Tensor]:
    """The decoder's tensors as taesd_decoder.safetensors names them."""
    theirs = his.decoder.layers.state_dict()
    split = {name: name.partition(".") for name in theirs}
    return {f"{first}{int(n) + 1}.{rest}": theirs[name] for name, (n, _, rest) in split.items()}


@pytest.mark.parametrize("channels", [4, 16])
def test_the_published_file_decodes_as_with_diffusers(channels: int, tmp_path: Path):
    his, path = their(channels), tmp_path / "taesd_decoder.safetensors"
    save_file(published(his), path)
    x = torch.randn(2, channels, 6, 9) * 4
    want = (his.decode(x).sample + 1) / 2
    got = load(path, CPU)(x)
    assert got.shape == (2, 3, 48, 72)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_files_that_hold_the_encoder_too(tmp_path: Path):
    his, x = their(4), torch.randn(1, 4, 4, 4)
    both = published(his, "decoder.") | {f"encoder.{n}": t for n, t in his.encoder.layers.state_dict().items()}
    for name, tensors in (("theirs", his.state_dict()), ("original", both)):
        path = tmp_path / f"{name}.safetensors"
        save_file(tensors, path)
        torch.testing.assert_close(load(path, CPU)(x), (his.decode(x).sample + 1) / 2, rtol=1e-5, atol=1e-5)


def test_the_pickled_file(tmp_path: Path):
    his, x = their(4), torch.randn(1, 4, 4, 4)
    torch.save(published(his), tmp_path / "taesd_decoder.pth")
    got = load(tmp_path / "taesd_decoder.pth", CPU)(x)
    torch.testing.assert_close(got, (his.decode(x).sample + 1) / 2, rtol=1e-5, atol=1e-5)


def test_a_file_is_read_once_until_it_changes(tmp_path: Path):
    path = tmp_path / "taesd_decoder.safetensors"
    save_file(published(their(4)), path)
    first = load(path, CPU)
    assert load(path, CPU) is first
    path.unlink()
    save_file(published(their(16)), path)
    assert load(path, CPU) is not first


def test_half_precision_is_near(tmp_path: Path):
    path = tmp_path / "taesd_decoder.safetensors"
    save_file({n: t.half() for n, t in published(their(4)).items()}, path)
    x = torch.randn(1, 4, 4, 4)
    near = load(path, Place(torch.device("cpu"), torch.bfloat16))(x)
    torch.testing.assert_close(near, load(path, CPU)(x), rtol=0.05, atol=0.05)


def test_another_file_is_refused(tmp_path: Path):
    path = tmp_path / "taesd_decoder.safetensors"
    save_file({"layers.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelFileError, match=r"taesd_decoder\.safetensors is no TAESD decoder; get the file"):
        load(path, CPU)
    encoder = tmp_path / "taesd_encoder.safetensors"
    save_file(their(4).encoder.layers.state_dict(), encoder)
    with pytest.raises(ModelFileError, match=r"taesd_encoder\.safetensors "):
        load(encoder, CPU)


def test_its_size():
    assert sum(p.numel() for p in decoder(4).parameters()) == 1_222_531  # as its author counts
