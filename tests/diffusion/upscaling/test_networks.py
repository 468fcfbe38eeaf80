"""ESRGAN and compact networks compute what their papers say, whatever the names and widths in the file."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from diffusion.header import ModelFileError
from diffusion.upscaling import inspect, load
from tests.diffusion.upscaling.random_upscalers import Tensors, compact, first_layout, rrdb, xintao_layout

LAYOUTS = {"basicsr": dict[str, Tensor], "first": first_layout, "xintao": xintao_layout}


def saved(tensors: Tensors, folder: Path, name: str = "up.safetensors") -> Path:
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / name)
    return folder / name


def near(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and bool((got - want).norm() < 1e-5 * want.norm())


def reference_rrdb(t: Tensors, x: Tensor, doublings: int) -> Tensor:
    """Wang et al. 2018, figure 4, by functions alone, in BasicSR's names."""

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"], padding=1)

    def act(x: Tensor) -> Tensor:
        return F.leaky_relu(x, 0.2)

    def dense(at: str, x: Tensor) -> Tensor:
        found = [x]
        for k in range(1, 5):
            y = act(conv(f"{at}.conv{k}", torch.cat(found, 1)))
            if f"{at}.conv1x1.weight" in t and k in (2, 4):
                y = y + (F.conv2d(x, t[f"{at}.conv1x1.weight"]) if k == 2 else found[2])
            found.append(y)
        return x + 0.2 * conv(f"{at}.conv5", torch.cat(found, 1))

    first = y = conv("conv_first", x)
    for i in range(1 + max(int(n.split(".")[1]) for n in t if n.startswith("body."))):
        z = y
        for j in (1, 2, 3):
            z = dense(f"body.{i}.rdb{j}", z)
        y = y + 0.2 * z
    y = first + conv("conv_body", y)
    for i in range(doublings):
        y = act(conv(f"conv_up{i + 1}", F.interpolate(y, scale_factor=2, mode="nearest")))
    return conv("conv_last", act(conv("conv_hr", y)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
def test_esrgan_in_every_layout_and_scale(tmp_path: Path, layout: str, doublings: int):
    tensors, x = rrdb(doublings=doublings), torch.rand(2, 3, 7, 5)
    upscaler = load(saved(LAYOUTS[layout](tensors), tmp_path))
    assert upscaler.scale == 2**doublings
    assert near(upscaler.network(x), reference_rrdb(tensors, x, doublings))


@pytest.mark.parametrize("size", [{"f": 16, "g": 8, "blocks": 1}, {"f": 6, "g": 5, "blocks": 4}, {"plus": True}])
def test_esrgan_of_any_width(tmp_path: Path, size: dict[str, Any]):
    tensors, x = rrdb(**size), torch.rand(1, 3, 6, 6)
    assert near(load(saved(first_layout(tensors), tmp_path)).network(x), reference_rrdb(tensors, x, 2))


@pytest.mark.parametrize(("channels", "scale"), [(12, 2), (48, 1)])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 1)])
def test_real_esrgan_of_smaller_scales_shuffles_pixels_into_channels(
    tmp_path: Path, channels: int, scale: int, size: tuple[int, int]
):
    tensors, x, side = rrdb(channels=channels), torch.rand(1, 3, *size), 4 // scale
    rest = [-n % 4 for n in size]
    padded = F.pad(x, (0, rest[1], 0, rest[0]), "reflect" if size != (1, 1) else "replicate")
    want = reference_rrdb(tensors, F.pixel_unshuffle(padded, side), 2)[..., : scale * size[0], : scale * size[1]]
    upscaler = load(saved(tensors, tmp_path))
    assert (upscaler.scale, upscaler.channels) == (scale, 3)
    assert near(upscaler.network(x), want)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("convolutions", [0, 3])
def test_compact(tmp_path: Path, scale: int, convolutions: int):
    t, x = compact(scale=scale, convolutions=convolutions), torch.rand(2, 3, 6, 5)
    y = x
    for i in range(0, 2 * convolutions + 3, 2):
        y = F.conv2d(y, t[f"body.{i}.weight"], t[f"body.{i}.bias"], padding=1)
        y = F.prelu(y, t[f"body.{i + 1}.weight"]) if f"body.{i + 1}.weight" in t else y
    upscaler = load(saved(t, tmp_path))
    assert upscaler.scale == scale
    assert near(upscaler.network(x), F.pixel_shuffle(y, scale) + F.interpolate(x, scale_factor=scale, mode="nearest"))


@pytest.mark.parametrize("kind", [rrdb, lambda: first_layout(rrdb()), compact])
def test_pickles_and_half_precision_and_what_trainers_put_around(tmp_path: Path, kind: Any):
    tensors, x = {name: t.half() for name, t in kind().items()}, torch.rand(1, 3, 6, 6)
    torch.save({"params_ema": {f"module.{name}": t for name, t in tensors.items()}}, tmp_path / "a.pth")
    want = load(saved({name: t.float() for name, t in tensors.items()}, tmp_path))
    assert near(load(tmp_path / "a.pth").network(x), want.network(x))


def test_as_spandrel_computes(tmp_path: Path):
    spandrel = pytest.importorskip("spandrel", exc_type=ImportError)
    x = torch.rand(1, 3, 9, 10)
    esrgan = rrdb(g=32)  # the growth that it knows
    for tensors in (esrgan, first_layout(esrgan), rrdb(g=32, channels=12), compact()):
        theirs, ours = spandrel.ModelLoader("cpu").load_from_state_dict(dict(tensors)), load(saved(tensors, tmp_path))
        assert (ours.scale, ours.channels) == (theirs.scale, theirs.input_channels)
        assert near(ours.network(x).clamp(0, 1), theirs(x))


OTHER_KINDS: dict[str, dict[str, Any]] = {
    "HAT": {
        "compress_ratio": 3,
        "squeeze_factor": 6,
        "embed_dim": 24,
        "depths": (2,),
        "num_heads": (2,),
        "window_size": 8,
        "upsampler": "pixelshuffle",
    },
    "DAT": {"embed_dim": 24, "depth": [2], "num_heads": [2], "split_size": [4, 8], "upsampler": "pixelshuffle"},
    "SwinIR": {"embed_dim": 24, "depths": [2], "num_heads": [2], "window_size": 8, "upsampler": "pixelshuffle"},
    "SPAN": {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 24, "norm": False},
}


@pytest.mark.filterwarnings("ignore")  # of networks that are not ours
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_kinds_by_way_of_spandrel(tmp_path: Path, kind: str):
    spandrel = pytest.importorskip("spandrel", exc_type=ImportError)
    made = importlib.import_module(f"spandrel.architectures.{kind}")
    network = getattr(made, kind)(upscale=2, **OTHER_KINDS[kind]).eval()
    tensors, image = dict(network.state_dict()), torch.rand(1, 21, 34, 3)
    inspect(path := saved(tensors, tmp_path))
    ours, theirs = load(path), spandrel.ModelLoader("cpu").load_from_state_dict(dict(tensors))
    want = theirs(image.movedim(-1, 1)).detach().movedim(1, -1)
    assert ours.scale == theirs.scale == 2
    assert near(ours.enlarge(image), want)


def test_a_spandrel_that_cannot_be_imported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("diffusion.upscaling.foreign.import_module", broken)
    path = saved(OTHERS["swinir"][0], tmp_path, "that.safetensors")
    with pytest.raises(ModelFileError, match=r"that\.safetensors .* spandrel, .* cannot be used: No module .*vision"):
        load(path)


# --- what is no upscaler -------------------------------------------------------------------------

OTHERS: dict[str, tuple[Tensors, str]] = {
    "lora": ({"lora_unet_a.lora_up.weight": torch.zeros(2)}, "no upscaler; it is a LoRA"),
    "vae": (
        {"decoder.conv_in.weight": torch.zeros(2, 2, 3, 3), "decoder.mid.block_1.norm1.weight": torch.zeros(2)},
        "no upscaler; it is a VAE",
    ),
    "swinir": (
        {"conv_first.weight": torch.zeros(2, 3, 3, 3), "layers.0.norm1.weight": torch.zeros(2)},
        "neither an ESRGAN nor a compact upscaler.*pip install spandrel",
    ),
    "no scale": (compact() | {"body.8.weight": torch.zeros(7, 8, 3, 3)}, "damaged: its upscaler makes no sense"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_files_are_named(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # whatever is installed here
    tensors, words = OTHERS[case]
    path = saved(tensors, tmp_path, "that.safetensors")
    for read in (inspect, load):
        with pytest.raises(ModelFileError, match=rf"^that\.safetensors.*{words}"):
            read(path)


def test_a_network_that_lacks_a_layer(tmp_path: Path):
    tensors = rrdb()
    del tensors["body.1.rdb2.conv3.bias"]
    with pytest.raises(ModelFileError, match=r"missing body\.1\.rdb2\.conv3\.bias"):
        load(saved(tensors, tmp_path))


def test_half_a_file(tmp_path: Path):
    path = saved(rrdb(), tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelFileError, match="truncated"):
        inspect(path)
