"""Files, masks and pictures that do not fit: each gives the right result, or one message that names what and why."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from diffusion.settings import Settings, use
from diffusion.vae import Autoencoder, VaeConfig
from executor.files import Files
from executor.graph import read
from executor.node import registry
from executor.plan import make_plan
from executor.run import execute
from tests import make_controls, make_models, make_prompts
from tests.diffusion.test_unet import error
from tests.nodes.test_control import Graph, node, plain, problems, run
from tests.nodes.test_ip_adapters import seen
from tests.random_models import layers, shapes_of


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("bad")
    for name in ("sd1", "sd1_inpainting", "sd2", "sdxl", "refiner"):
        make_models.write(name, base / "models/checkpoints")
    make_models.write("xl_lora", base / "models/loras")
    for name in ("controlnet_sd1", "controlnet_sdxl", "t2i_sd1", "gligen", "vision", "style"):
        make_controls.write(name, base / "models" / make_controls.MAKERS[name][0])
    for name in ("ip-adapter_sd15.safetensors", "ip-adapter_sdxl_vit-h.safetensors"):
        make_prompts.write(name, base / "models/ipadapter")
    save({"emb_params": torch.randn(2, 128)}, base / "models/embeddings/wide.safetensors")
    save(make_models.text(64, ""), base / "models/text_encoders/clip.safetensors")
    save(vae(16), base / "models/vae/sixteen.safetensors")
    save(vae(4), base / "models/vae/four.safetensors")
    (base / "input").mkdir()
    return base


@pytest.fixture(autouse=True)
def in_fp32(unchosen_settings: None) -> None:
    use(Settings("fp32", "cpu"))


def save(tensors: dict[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: t.contiguous().clone() for n, t in tensors.items()}, path)


def vae(channels: int) -> dict[str, Tensor]:
    """Of as many latent channels; those of 16 have no convolutions around the latent, as Flux's."""
    config = VaeConfig((32, 32, 32, 64), (32, 32, 32, 64), 1, 2, latent=channels, inner=channels, quant=channels == 4)
    return layers(shapes_of(lambda: Autoencoder(config), ""), 1)


def failures(graph: Graph, base: Path, target: str = "6") -> str:
    """What the run says that fails, with no problem told before it."""
    assert not problems(graph, base)
    files = Files(base)
    outcome = execute(make_plan(read(graph), registry, [target], files), files=files)
    return " | ".join(f"{f.node} {f.type}: {f.message}" for f in outcome.failed)


def told(graph: Graph, base: Path) -> str:
    """What is told before the run; one problem."""
    (problem,) = problems(graph, base)
    return problem.message


# --- of another family or width ------------------------------------------------------------------


def with_clip(model: str, clip: str) -> Graph:
    graph = plain(model)
    graph["7"] = node("CheckpointLoaderSimple", ckpt_name=f"{clip}.safetensors")
    for prompt in ("2", "3"):
        graph[prompt]["inputs"]["clip"] = ["7", 1]
    return graph


def with_vae(name: str, *, encodes: bool) -> Graph:
    graph = plain("sd1")
    graph["7"] = node("VAELoader", vae_name=name)
    if encodes:
        graph["8"] = node("EmptyImage", width=64, height=64, batch_size=1, color=3)
        graph["4"] = node("VAEEncode", pixels=["8", 0], vae=["7", 0])
    else:
        graph["6"] = node("VAEDecode", samples=["5", 0], vae=["7", 0])
        graph["9"] = node("PreviewImage", images=["6", 0])
    return graph


def with_lora(model: str) -> Graph:
    graph = plain(model)
    graph["7"] = node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="xl_lora.safetensors", **STRENGTHS)
    graph["5"]["inputs"]["model"] = ["7", 0]
    return graph


def hinted(
    net: str, size: tuple[int, int] = (64, 64), hints: int = 1, batch: int = 1, checkpoint: str = "sd1"
) -> Graph:
    graph = plain(checkpoint)
    graph["4"]["inputs"]["batch_size"] = batch
    graph["7"] = node("ControlNetLoader", control_net_name=f"{net}.safetensors")
    graph["8"] = node("EmptyImage", width=size[0], height=size[1], batch_size=hints, color=0x80FF20)
    links = {"positive": ["2", 0], "negative": ["3", 0], "control_net": ["7", 0], "image": ["8", 0]}
    graph["9"] = node("ControlNetApplyAdvanced", **links, strength=1.0, start_percent=0.0, end_percent=1.0)
    graph["5"]["inputs"] |= {"positive": ["9", 0], "negative": ["9", 1]}
    return graph


NO_FIT: dict[str, tuple[Callable[[], Graph], str]] = {
    "text of XL": (lambda: with_clip("sd1", "sdxl"), "sdxl.safetensors has context width 192, sd1.safetensors has 64"),
    "text of 1": (lambda: with_clip("sdxl", "sd1"), "sd1.safetensors has context width 64, sdxl.safetensors has 192"),
    "half of XL's text": (
        lambda: with_clip("sdxl", "refiner"),
        "refiner.safetensors has context width 128, sdxl.safetensors has 192",
    ),
    "a VAE of 16 channels decodes": (
        lambda: with_vae("sixteen.safetensors", encodes=False),
        "sixteen.safetensors has latent channels 16, sd1.safetensors has 4",
    ),
    "a VAE of 16 channels encodes": (
        lambda: with_vae("sixteen.safetensors", encodes=True),
        "sixteen.safetensors has latent channels 16, sd1.safetensors has 4",
    ),
    "a ControlNet": (
        lambda: hinted("controlnet_sdxl"),
        "controlnet_sdxl.safetensors has context width 192, sd1.safetensors has 64",
    ),
    "an IP-Adapter": (
        lambda: seen(plain("sd1"), "ip-adapter_sdxl_vit-h.safetensors"),
        "ip-adapter_sdxl_vit-h.safetensors has context width 192, sd1.safetensors has 64",
    ),
}


@pytest.mark.parametrize("what", NO_FIT)
def test_files_of_another_family_are_told_before_the_run(what: str, base: Path):
    graph, words = NO_FIT[what]
    assert words in told(graph(), base)


def test_a_lora_of_another_family_says_how_much_of_it_fits(base: Path):
    said = failures(with_lora("sd1"), base)
    assert said.startswith("7 LoraLoader: xl_lora.safetensors fits nothing in sd1.safetensors: 0 of its 1 layers match")
    assert "use an adapter that was made for this family of models" in said


def test_an_embedding_of_another_width_is_left_out(base: Path):
    graph = plain("sd1")
    graph["2"]["inputs"]["text"] = "a embedding:wide cat"
    with pytest.warns(UserWarning, match="embedding 'wide' is 128 wide, but the text encoder 64; it is left out"):
        without = run(graph, base)
    graph["2"]["inputs"]["text"] = "a cat"
    assert torch.equal(without, run(graph, base))


def test_a_vae_of_the_same_kind_is_exchanged(base: Path):
    assert failures(with_vae("four.safetensors", encodes=False), base, "9") == ""


# --- half downloaded -----------------------------------------------------------------------------

STRENGTHS = {"strength_model": 1.0, "strength_clip": 1.0}
LOADERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "CheckpointLoaderSimple": ("checkpoints/sd1", "ckpt_name", {}),
    "unCLIPCheckpointLoader": ("checkpoints/sd1", "ckpt_name", {}),
    "UNETLoader": ("diffusion_models/sd1", "unet_name", {"weight_dtype": "default"}),
    "VAELoader": ("vae/four", "vae_name", {}),
    "CLIPLoader": ("text_encoders/clip", "clip_name", {"type": "stable_diffusion"}),
    "CLIPVisionLoader": ("clip_vision/vision", "clip_name", {}),
    "LoraLoader": ("loras/xl_lora", "lora_name", {"model": ["1", 0], "clip": ["1", 1], **STRENGTHS}),
    "ControlNetLoader": ("controlnet/controlnet_sd1", "control_net_name", {}),
    "GLIGENLoader": ("gligen/gligen", "gligen_name", {}),
    "StyleModelLoader": ("style_models/style", "style_model_name", {}),
    "PhotoMakerLoader": ("photomaker/photomaker", "photomaker_model_name", {}),
    "UpscaleModelLoader": ("upscale_models/upscaler", "model_name", {}),
    "HypernetworkLoader": ("hypernetworks/net", "hypernetwork_name", {"model": ["1", 0], "strength": 1.0}),
    "IPAdapterModelLoader": ("ipadapter/ip-adapter_sd15", "ipadapter_file", {}),
}  # fmt: skip
CUTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "in the body": (lambda b: b[: len(b) // 2], "is truncated: "),
    "at the last byte": (lambda b: b[:-1], "is truncated: 1 of"),
    "in the header": (lambda b: b[:60], "is truncated: its header alone is"),
    "in the length": (lambda b: b[:5], "is no model file: it has only 5 bytes"),
    "before anything": (lambda b: b"", "is empty; get the file again"),
    "a page instead": (lambda b: b"<!DOCTYPE html><title>Log in</title>", "is a web page, not a model"),
    "a pointer instead": (
        lambda b: b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "is a git-lfs pointer",
    ),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("loader", LOADERS)
def test_half_a_file_is_told(loader: str, cut: str, base: Path):
    place, name, inputs = LOADERS[loader]
    whole = base / f"models/{place}.safetensors"
    if not whole.exists():  # any safetensors file is cut alike
        whole = base / "models/checkpoints/sd1.safetensors"
    change, words = CUTS[cut]
    half = base / f"models/{place.split('/')[0]}/half.safetensors"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(change(whole.read_bytes()))
    graph = {"1": node("CheckpointLoaderSimple", ckpt_name="sd1.safetensors")} if "model" in inputs else {}
    graph["7"] = node(loader, **{name: half.name}, **inputs)
    graph["8"] = node("PreviewAny", source=["7", 0])
    said = problems(graph, base)
    message = f"7 {said[0].type}: {said[0].message}" if said else failures(graph, base, "8")
    assert message.startswith(f"7 {loader}: half.safetensors {words}")
    assert bool(said) == (loader != "HypernetworkLoader")  # told before the run by all others
    half.unlink()


@pytest.mark.parametrize("share", [0.3, 0.999])
def test_half_a_pickle_is_told_before_the_run(share: float, base: Path):
    torch.save({n: t for n, t in make_models.sd1().items() if "model.diff" in n}, base / "whole.ckpt")
    whole, half = (base / "whole.ckpt").read_bytes(), base / "models/checkpoints/half.ckpt"
    half.write_bytes(whole[: int(len(whole) * share)])
    graph = plain("sd1")
    graph["1"]["inputs"]["ckpt_name"] = "half.ckpt"
    assert "half.ckpt is truncated or damaged; get the file again" in told(graph, base)
    half.unlink()


def test_a_pickle_that_would_run_something_is_refused(base: Path):
    class Trap:
        def __reduce__(self) -> Any:
            return shutil.rmtree, (str(base),)

    path = base / "models/checkpoints/trap.ckpt"
    path.write_bytes(pickle.dumps({"state_dict": {"a": Trap()}}, protocol=2))
    graph = plain("sd1")
    graph["1"]["inputs"]["ckpt_name"] = path.name
    assert path.name in told(graph, base)
    assert path.exists()
    path.unlink()


@pytest.mark.parametrize("cut", [40, 1090])
def test_half_an_embedding_is_told(cut: int, base: Path):
    whole = (base / "models/embeddings/wide.safetensors").read_bytes()
    (base / "models/embeddings/half.safetensors").write_bytes(whole[:-cut])
    graph = plain("sd1")
    graph["2"]["inputs"]["text"] = "a embedding:half cat"
    assert "2 CLIPTextEncode: half.safetensors is" in failures(graph, base)


# --- checkpoints that lack something -------------------------------------------------------------

LACKING = {
    "VAE": ("first_stage_model.", "9 VAEDecode: part.safetensors holds no VAE; use a Load VAE node"),
    "text": ("cond_stage_model.", "2 CLIPTextEncode: part.safetensors holds no text encoder; use a Load CLIP node"),
}


@pytest.mark.parametrize("what", LACKING)
def test_a_checkpoint_without_a_part_runs_with_another_one(what: str, base: Path):
    prefix, words = LACKING[what]
    kept = {n: t for n, t in make_models.sd1().items() if not n.startswith(prefix)}
    save(kept, base / "models/checkpoints/part.safetensors")
    graph = plain("part")
    graph["9"] = node("VAEDecode", samples=["5", 0], vae=["1", 2])
    graph["10"] = node("PreviewImage", images=["9", 0])
    assert words in failures(graph, base, "10")
    graph["20"] = node("VAELoader", vae_name="four.safetensors")
    graph["21"] = node("CLIPLoader", clip_name="clip.safetensors", type="stable_diffusion")
    graph["9"]["inputs"]["vae"] = ["20", 0]
    for prompt in ("2", "3"):
        graph[prompt]["inputs"]["clip"] = ["21", 0]
    assert failures(graph, base, "10") == ""


def test_a_checkpoint_without_a_model_says_what_it_is(base: Path):
    kept = {n: t for n, t in make_models.sd1().items() if n.startswith("first_stage_model.")}
    save(kept, base / "models/checkpoints/only_vae.safetensors")
    said = told(plain("only_vae"), base)
    assert "only_vae.safetensors is a VAE, not a Stable Diffusion model; load it with Load VAE" in said


# --- masks and hints of another size or number ---------------------------------------------------


def masked(size: tuple[int, int], masks: int, batch: int) -> Graph:
    """A run that keeps what the mask leaves: its left half is white."""
    graph = plain("sd1")
    graph["4"]["inputs"]["batch_size"] = batch
    width, height = size
    graph["10"] = node("SolidMask", value=0.0, width=width, height=height)
    graph["11"] = node("SolidMask", value=1.0, width=max(1, width // 2), height=height)
    both = {"destination": ["10", 0], "source": ["11", 0]}
    graph["12"] = node("MaskComposite", **both, x=0, y=0, operation="add")
    graph["13"] = node("MaskToImage", mask=["12", 0])
    graph["14"] = node("RepeatImageBatch", image=["13", 0], amount=masks)
    graph["15"] = node("ImageToMask", image=["14", 0], channel="red")
    graph["16"] = node("SetLatentNoiseMask", samples=["4", 0], mask=["15", 0])
    graph["5"]["inputs"]["latent_image"] = ["16", 0]
    return graph


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (32, 96), (2048, 16)])
@pytest.mark.parametrize(("masks", "batch"), [(1, 1), (1, 2), (3, 2), (2, 3)])
def test_a_noise_mask_of_any_size_and_number(size: tuple[int, int], masks: int, batch: int, base: Path):
    made = run(masked(size, masks, batch), base)
    assert made.shape == (batch, 4, 8, 8)
    assert (made[..., 5:] == 0).all()  # the latent was empty
    assert (made[..., :3] != 0).any()


HINTS = [((64, 64), 1, 1), ((30, 99), 1, 1), ((1, 1), 1, 1), ((512, 8), 1, 1), ((64, 64), 3, 2), ((64, 64), 2, 3)]


@pytest.mark.parametrize("net", ["controlnet_sd1", "t2i_sd1"])
@pytest.mark.parametrize(("size", "hints", "batch"), HINTS)
def test_a_hint_of_any_size_and_number(net: str, size: tuple[int, int], hints: int, batch: int, base: Path):
    made = run(hinted(net, size, hints, batch), base)
    assert made.shape == (batch, 4, 8, 8)
    assert made.isfinite().all()
    assert error(made, run(hinted(net, size, 1, batch), base)) < 1e-5  # all hints are alike


def inpainting(picture: tuple[int, int], mask: tuple[int, int], pictures: int = 1) -> Graph:
    graph = plain("sd1_inpainting")
    graph["10"] = node("EmptyImage", width=picture[0], height=picture[1], batch_size=pictures, color=0x336699)
    graph["11"] = node("SolidMask", value=1.0, width=mask[0], height=mask[1])
    links = {"positive": ["2", 0], "negative": ["3", 0], "vae": ["1", 2], "pixels": ["10", 0], "mask": ["11", 0]}
    graph["12"] = node("InpaintModelConditioning", **links, noise_mask=True)
    graph["5"]["inputs"] |= {"positive": ["12", 0], "negative": ["12", 1], "latent_image": ["12", 2]}
    return graph


@pytest.mark.parametrize(
    ("picture", "mask", "pictures"), [((64, 64), (64, 64), 2), ((64, 64), (30, 90), 1), ((67, 73), (64, 64), 1)]
)
def test_a_mask_of_another_size_than_its_picture(
    picture: tuple[int, int], mask: tuple[int, int], pictures: int, base: Path
):
    made = run(inpainting(picture, mask, pictures), base)
    assert made.shape == (pictures, 4, picture[1] // 8, picture[0] // 8)
    assert made.isfinite().all()


# --- pictures ------------------------------------------------------------------------------------


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


def write_turned(path: Path) -> None:
    image = Image.fromarray(noise(48, 40, 3))
    exif = image.getexif()
    exif[0x112] = 6  # a quarter turn
    image.save(path, exif=exif)


def write_moving(path: Path) -> None:
    frames = [Image.fromarray(noise(40, 48, 3)[::step]) for step in (1, -1, 1)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


PICTURES: dict[str, tuple[Callable[[Path], None], int]] = {  # how it is written, and how many frames it has
    "grey16.png": (lambda p: Image.fromarray(noise(40, 48).astype(np.uint16) * 257).save(p), 1),
    "palette.png": (lambda p: Image.fromarray(noise(40, 48, 3)).quantize(16).save(p), 1),
    "cmyk.jpg": (lambda p: Image.frombytes("CMYK", (48, 40), noise(40, 48, 4).tobytes()).save(p), 1),
    "turned.jpg": (write_turned, 1),
    "moving.gif": (write_moving, 3),
    "moving.webp": (write_moving, 3),
    "bits.png": (lambda p: Image.fromarray(noise(40, 48) > 100).save(p), 1),
    "grey_alpha.png": (lambda p: Image.frombytes("LA", (48, 40), noise(40, 48, 2).tobytes()).save(p), 1),
}


def repainted(name: str) -> Graph:
    """A loaded picture, and what its alpha leaves out, painted anew."""
    graph = plain("sd1")
    graph["10"] = node("LoadImage", image=name)
    graph["4"] = node("VAEEncodeForInpaint", pixels=["10", 0], vae=["1", 2], mask=["10", 1], grow_mask_by=6)
    return graph


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_all_kinds_are_painted_anew(name: str, base: Path):
    write, frames = PICTURES[name]
    write(base / "input" / name)
    made = run(repainted(name), base)
    assert made.shape == (frames, 4, 5, 6)
    assert made.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (7, 64), (64, 7)])
def test_a_picture_that_is_too_small_for_a_latent_is_told_with_its_size(size: tuple[int, int], base: Path):
    Image.new("RGB", size, (9, 200, 3)).save(base / "input/small.png")
    shape = rf"(1, {size[1]}, {size[0]}, 3)"
    said = failures(repainted("small.png"), base)
    assert f"4 VAEEncodeForInpaint: a picture of shape {shape} is too small; each side needs 8 pixels" in said
    graph = repainted("small.png")
    graph["4"] = node("VAEEncode", pixels=["10", 0], vae=["1", 2])
    assert f"4 VAEEncode: a picture of shape {shape} is too small" in failures(graph, base)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (1500, 1200)])
def test_any_picture_can_be_a_prompt(size: tuple[int, int], base: Path):
    graph = seen(plain("sd1"), "ip-adapter_sd15.safetensors")
    graph["11"]["inputs"] |= {"width": size[0], "height": size[1]}
    made = run(graph, base)
    assert made.isfinite().all()
    assert (made - run(plain("sd1"), base)).abs().max() > 1e-3


def test_a_huge_picture_is_refused_before_it_is_unpacked(base: Path):
    """20000 x 20000 pixels in a small file."""
    Image.new("1", (20000, 20000)).save(base / "input/huge.png")
    graph = repainted("huge.png")
    said = failures(graph, base) if not problems(graph, base) else told(graph, base)
    assert "huge.png" in said
    assert "pixels" in said
