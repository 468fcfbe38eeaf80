"""The networks of each family give the numbers that diffusers and transformers give from the same weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
    LatentConsistencyModelPipeline,
)
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from diffusion import augmentation, checkpoint, detect, encoders, families, inputs, layouts, settings
from diffusion.conditioned import Conditioned
from diffusion.header import ModelFileError, read_header
from diffusion.inputs import Scene, Start
from diffusion.model import PLAYGROUND, SD15, SDXL, Model
from diffusion.parts import Part
from diffusion.prediction import discrete
from diffusion.tokenizer import END, START, tokenize
from diffusion.weights import open_weights
from tests import make_models

L, G = make_models.L, make_models.G
SHAPE = (2, 4, 8, 12)
DOWN, UP, CROSS_DOWN, CROSS_UP = "DownBlock2D", "UpBlock2D", "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def error(ours: Tensor, reference: Tensor) -> float:
    return float((ours - reference).norm() / reference.norm())


# --- UNets ---------------------------------------------------------------------------------------

LINEAR: dict[str, Any] = {"use_linear_projection": True, "attention_head_dim": (1, 2), "block_out_channels": (64, 128)}
BOTH = {"down_block_types": (CROSS_DOWN,) * 2, "up_block_types": (CROSS_UP,) * 2}
DEEP = {"down_block_types": (DOWN, CROSS_DOWN), "up_block_types": (CROSS_UP, UP)}
SD1 = {"block_out_channels": (32, 64), "attention_head_dim": 8, "cross_attention_dim": L, **BOTH}
SD2 = {**LINEAR, **BOTH, "cross_attention_dim": L}
TOLD = {"addition_embed_type": "text_time", "addition_time_embed_dim": 256}
XL = {**LINEAR, **DEEP, **TOLD, "cross_attention_dim": L + G, "projection_class_embeddings_input_dim": G + 1536}
PRUNED = {**XL, "layers_per_block": 1, "reverse_transformer_layers_per_block": ((2, 1), 1)}
CONFIGS: dict[str, dict[str, Any]] = {
    "sd1_inpainting": {**SD1, "in_channels": 9},
    "sd1_editing": {**SD1, "in_channels": 8},
    "sd1_lcm": {**SD1, "time_cond_proj_dim": 256},
    "sd2": SD2,
    "sd2_depth": {**SD2, "in_channels": 5},
    "unclip": {**SD2, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 2 * L},
    "x4_upscaler": {
        **SD2, "in_channels": 7, "num_class_embeds": 1000, "attention_head_dim": 8,
        "only_cross_attention": (False, True),
    },
    "sdxl": {**XL, "transformer_layers_per_block": (1, 2)},
    "ssd": {**PRUNED, "transformer_layers_per_block": (1, 2), "mid_block_type": "UNetMidBlock2D"},
    "koala": {**PRUNED, "transformer_layers_per_block": (1, 2), "mid_block_type": None},
    "refiner": {
        **LINEAR, **TOLD, "block_out_channels": (64, 128, 128), "attention_head_dim": (1, 2, 2),
        "down_block_types": (DOWN, CROSS_DOWN, DOWN), "up_block_types": (UP, CROSS_UP, UP),
        "cross_attention_dim": G, "projection_class_embeddings_input_dim": G + 1280,
    },
}  # fmt: skip


def theirs(name: str, place: Path) -> UNet2DConditionModel:
    """diffusers' network with the weights of our file."""
    network = UNet2DConditionModel(sample_size=8, **CONFIGS[name]).eval().requires_grad_(False)
    names = layouts.unet_names({n: tuple(t.shape) for n, t in network.state_dict().items()})
    path = make_models.write(name, place)
    header = read_header(path)
    state = open_weights(path, header).of(detect.family(header)[1]).tensors
    assert set(names.values()) == set(state)
    network.load_state_dict({n: state[our].float() for n, our in names.items()})
    return network


def scene(side: str = "positive", **start: Any) -> Scene:
    return Scene(SHAPE, side, SD15, Start(**start))


POOLED = torch.randn(1, G, generator=torch.Generator().manual_seed(2))
SIZES = {"width": 768, "height": 512, "crop_w": 16, "crop_h": 8, "target_width": 1024, "target_height": 640}
LATENT = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(3))
PICTURE = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(4)) * 2 - 1
MASK = (torch.rand(1, 64, 96, generator=torch.Generator().manual_seed(5)) > 0.5).float()
OPTIONS: dict[str, dict[str, Any]] = {
    "sd1_inpainting": {"concat_latent_image": LATENT, "concat_mask": MASK},
    "sd1_editing": {"concat_latent_image": LATENT},
    "sd1_lcm": {"guidance": 6.5},
    "sd2_depth": {"concat_mask": MASK},
    "x4_upscaler": {"concat_image": PICTURE, "noise_augmentation": 0.2},
    "sdxl": {"pooled_output": POOLED, **SIZES},
    "ssd": {"pooled_output": POOLED, **SIZES},
    "koala": {"pooled_output": POOLED, **SIZES},
    "refiner": {"pooled_output": POOLED, "width": 768, "height": 512, "aesthetic_score": 7.25},
}


XL_IDS = (512, 768, 8, 16, 640, 1024)


def their_options(name: str, given: Mapping[str, Tensor]) -> dict[str, Any]:
    """What diffusers' network is called with, made of numbers as diffusers' pipelines do."""
    ids = {"sdxl": XL_IDS, "ssd": XL_IDS, "koala": XL_IDS, "refiner": (512, 768, 0, 0, 7.25)}
    if name in ids:
        times = torch.tensor([ids[name]] * 2, dtype=torch.float32)
        return {"added_cond_kwargs": {"text_embeds": POOLED.expand(2, -1), "time_ids": times}}
    if name == "sd1_lcm":
        embedding = LatentConsistencyModelPipeline.get_guidance_scale_embedding
        return {"timestep_cond": embedding(None, torch.full((2,), 5.5), 256)}  # pyright: ignore[reportArgumentType]
    if name == "x4_upscaler":
        return {"class_labels": torch.tensor([70, 70])}
    return {"class_labels": given["y"].expand(2, -1)} if "y" in given else {}


@pytest.mark.parametrize("name", CONFIGS)
def test_networks_are_diffusers(name: str, place: Path):
    his = theirs(name, place)
    model, _, _ = checkpoint.load(make_models.write(name, place))
    given = model.inputs(scene(seed=3), OPTIONS.get(name, {}))
    torch.manual_seed(0)
    x, context, times = (
        torch.randn(SHAPE),
        torch.randn(2, 9, CONFIGS[name]["cross_attention_dim"]),
        torch.tensor([3, 800.5]),
    )
    ours = {n: t.expand(2, *t.shape[1:]) for n, t in given.items()}
    shown = torch.cat((x, ours["concat"]), 1) if "concat" in ours else x
    with torch.no_grad():
        reference = his(shown, times, context, **their_options(name, given)).sample
        assert error(model.network(x, times, context=context, **ours), reference) < 1e-5


# --- what they are given -------------------------------------------------------------------------


def xl_numbers(y: Tensor, count: int) -> list[float]:
    """The numbers whose embeddings follow the pooled text."""
    found: list[float] = []
    candidates = torch.tensor([0.0, 2.5, 6.0, 7.25, 64, 96, 512, 768, 8, 16, 640, 1024])
    known = inputs.timestep_embedding(candidates, 256)
    for part in y[0, -256 * count :].split(256):
        found.append(float(candidates[(known - part).norm(dim=1).argmin()]))
    return found


def test_xl_is_told_the_size_of_the_latent_where_a_conditioning_tells_none():
    y = inputs.xl(G + 1536)(scene(), {"pooled_output": POOLED})["y"]
    assert xl_numbers(y, 6) == [64, 96, 0, 0, 64, 96]
    y = inputs.xl(G + 1536)(scene(), {"pooled_output": POOLED, "width": 1024, "height": 512})["y"]
    assert xl_numbers(y, 6) == [512, 1024, 0, 0, 512, 1024]


@pytest.mark.parametrize(("side", "score"), [("positive", 6.0), ("negative", 2.5), ("empty", 6.0)])
def test_the_refiner_is_told_a_low_score_on_the_negative_side(side: str, score: float):
    y = inputs.refiner(G + 1280)(scene(side), {"pooled_output": POOLED})["y"]
    assert xl_numbers(y, 5) == [64, 96, 0, 0, score]


def test_pooled_text_of_another_family_names_both_sides():
    with pytest.raises(ValueError, match="its own text encoder, 128 wide, but in the conditioning it is 64 wide"):
        inputs.xl(G + 1536)(scene(), {"pooled_output": torch.zeros(1, 64)})
    with pytest.raises(ValueError, match="in the conditioning there is none"):
        inputs.xl(G + 1536)(scene(), {})


def test_inpainting_networks_see_the_run_where_the_conditioning_shows_nothing():
    mask = torch.zeros(2, 1, 8, 12).index_fill(3, torch.arange(6), 0.6)
    latent = torch.randn(SHAPE)
    shown = inputs.inpainting(scene(latent=latent, mask=mask), {})["concat"]
    assert torch.equal(shown, torch.cat((mask.round(), latent), 1))
    blank = inputs.inpainting(scene(latent=latent), {})["concat"]
    assert blank[:, 0].eq(1).all()
    assert blank[1, 1:, 3, 4].tolist() == pytest.approx(inputs.BLANK)


def test_inpainting_networks_see_the_conditionings_picture_scaled():
    options = {"concat_latent_image": LATENT, "concat_mask": MASK}
    shown = inputs.inpainting(scene(), options)["concat"]
    assert torch.allclose(shown[1, 1:], LATENT[0] * 0.18215)
    assert set(shown[:, 0].unique().tolist()) <= {0.0, 1.0}


def test_editing_networks_see_the_latent_as_it_is_or_scaled():
    assert torch.equal(inputs.editing(scaled=False)(scene(), {"concat_latent_image": LATENT})["concat"][1], LATENT[0])
    scaled = inputs.editing(scaled=True)(scene(), {"concat_latent_image": LATENT})["concat"]
    assert torch.equal(scaled[0], SD15.encode(LATENT)[0])
    assert not inputs.editing(scaled=False)(scene(), {})["concat"].any()


def test_depth_is_spread_over_its_range():
    shown = inputs.depth(scene(), {"concat_mask": torch.linspace(0.2, 0.6, 96).view(1, 8, 12)})["concat"]
    assert (float(shown.min()), float(shown.max()), shown.shape) == (-1, 1, (2, 1, 8, 12))
    with pytest.raises(ValueError, match="needs the depth of the picture"):
        inputs.depth(scene(), {})


def test_noise_of_shown_pictures_is_as_in_diffusers():
    cosine = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2").alphas_cumprod
    own = [augmentation._cosine_signal(level) for level in (0, 100, 999)]  # pyright: ignore[reportPrivateUsage]
    assert own == pytest.approx([float(cosine[level]) for level in (0, 100, 999)], rel=1e-3)
    low = DDPMScheduler(1000, beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear")
    given = augmentation.upscaling(scene(seed=3), {"concat_image": PICTURE, "noise_augmentation": 0.2})
    noise = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(2**64 - 7))
    want = low.add_noise(PICTURE.expand(2, -1, -1, -1), noise, torch.tensor([70, 70]))  # pyright: ignore
    assert given["y"].tolist() == [70]
    assert error(given["concat"], want) < 1e-5


def test_pictures_for_unclip():
    mean, deviation = torch.full((1, L), 0.5), torch.full((1, L), 2.0)
    of = augmentation.Pictures(mean, deviation, 2 * L)

    class Seen:
        image_embeds = torch.ones(1, L)

    def picture(strength: float, noise: float) -> dict[str, Any]:
        return {"clip_vision_output": Seen, "strength": strength, "noise_augmentation": noise}

    assert not of(scene(), {})["y"].any()
    exact = of(scene(), {"unclip_conditioning": [picture(0.5, 0.0)]})["y"]
    assert exact.shape == (1, 2 * L)
    assert exact[0, :L].mean() == pytest.approx(0.5, abs=0.05)
    assert exact[0, L : L + L // 2].tolist() == pytest.approx([0.5] * (L // 2))  # cosines of level 0, times strength
    several = of(scene(), {"unclip_conditioning": [picture(1.0, 0.0), picture(1.0, 0.0)]})["y"]
    level = inputs.timestep_embedding(torch.tensor([50]), L)
    assert torch.equal(several[:, L:], level)
    Seen.image_embeds = torch.ones(1, 3)
    with pytest.raises(ValueError, match="3 wide, but the model takes 64"):
        of(scene(), {"unclip_conditioning": [picture(1.0, 0.0)]})


def test_a_network_that_sees_a_part_sees_that_part_of_its_picture():
    seen: list[tuple[Tensor, Tensor]] = []

    def network(x: Tensor, timestep: Tensor, *, context: Tensor, concat: Tensor) -> Tensor:
        seen.append((x, concat))
        return torch.zeros_like(x)

    model = Model(network=network, prediction=discrete("eps"), latent_format=SD15, inputs=inputs.editing(scaled=False))
    options = {"concat_latent_image": LATENT, "area": (4, 6, 2, 5), "strength": 1.0}
    answers = Conditioned(model, {"positive": [(torch.zeros(1, 3, 5), options)]}, SHAPE)
    x = torch.randn(SHAPE)
    answers(x, torch.tensor(2.0), ["positive"])
    assert seen[0][0].shape == (2, 4, 4, 6)
    assert torch.equal(seen[0][1], LATENT[:, :, 2:6, 5:11].expand(2, -1, -1, -1))


def test_a_lone_text_encoder_is_told_by_its_depth():
    def part(layers: int) -> Part:
        return Part("", {}, {f"text_model.encoder.layers.{i}.mlp.fc1.weight": (2, 2) for i in range(layers)})

    bases = [encoders._base(part(n)) for n in (12, 23, 24, 32)]  # pyright: ignore[reportPrivateUsage]
    assert bases == ["SD1", "SD2", "SD2", "refiner"]


# --- text encoders -------------------------------------------------------------------------------


def transformers_text(weights: Mapping[str, Tensor], width: int, quick: bool) -> CLIPTextModelWithProjection:
    config = CLIPTextConfig(
        vocab_size=make_models.TOKENS, hidden_size=width, intermediate_size=2 * width, projection_dim=width,
        num_hidden_layers=2, num_attention_heads=width // 64, hidden_act="quick_gelu" if quick else "gelu",
        bos_token_id=START, eos_token_id=END,
    )  # fmt: skip
    network = CLIPTextModelWithProjection(config).eval()
    state = {n: t.float() for n, t in weights.items() if "position_ids" not in n}
    network.load_state_dict({"text_projection.weight": torch.eye(width)} | state)
    return network


def states(weights: Mapping[str, Tensor], width: int, quick: bool, pad: int) -> tuple[Tensor, Tensor, Any]:
    """The states before the last layer, the pooled and projected text, and the network."""
    words = [START, *tokenize("a fox"), END]
    network = transformers_text(weights, width, quick)
    with torch.no_grad():
        out = network(torch.tensor([[*words, *[pad] * (77 - len(words))]]), output_hidden_states=True)
    return out.hidden_states[-2], out.text_embeds, network


def small_text() -> dict[str, Tensor]:
    prefix = "conditioner.embedders.0.transformer."  # which the numbers follow
    return {name.removeprefix(prefix): t for name, t in make_models.text(L, prefix).items()}


def test_two_text_encoders_are_transformers(place: Path):
    small = states(small_text(), L, True, END)
    large = states(make_models.text(G, "", projected=True), G, False, 0)
    _, clip, _ = checkpoint.load(make_models.write("sdxl", place))
    embedding, options = clip.encode("a fox")
    assert error(embedding, torch.cat((small[0], large[0]), -1)) < 1e-5
    assert error(options["pooled_output"], large[1]) < 1e-5
    _, refiner, _ = checkpoint.load(make_models.write("refiner", place))
    assert error(refiner.encode("a fox")[0], large[0]) < 1e-5


def test_open_clips_text_encoder_is_transformers(place: Path):
    before, pooled, network = states(make_models.text(L, "", projected=True), L, False, 0)
    _, clip, _ = checkpoint.load(make_models.write("sd2", place))
    embedding, options = clip.encode("a fox")
    with torch.no_grad():
        assert error(embedding, network.text_model.final_layer_norm(before)) < 1e-5
    assert error(options["pooled_output"], pooled) < 1e-5


def test_two_files_of_text_encoders_in_any_order(tmp_path: Path, place: Path):
    save_file(small_text(), tmp_path / "l.safetensors")
    large = make_models.open_clip(make_models.text(G, "", projected=True), "")
    save_file({n: t.contiguous() for n, t in large.items()}, tmp_path / "g.safetensors")
    one, two = tmp_path / "l.safetensors", tmp_path / "g.safetensors"
    _, clip, _ = checkpoint.load(make_models.write("sdxl", place))
    want, options = clip.encode("a fox")
    for pair in ((one, two), (two, one)):
        got, own = checkpoint.load_two_clips(*pair).encode("a fox")
        assert torch.equal(got, want)
        assert torch.equal(own["pooled_output"], options["pooled_output"])
    with pytest.raises(ModelFileError, match=r"l\.safetensors and l\.safetensors hold text encoders of one kind, 64"):
        checkpoint.load_two_clips(one, one)


# --- what files say of themselves ----------------------------------------------------------------


def test_a_config_tells_what_is_predicted():
    assert detect.config_prediction('model:\n  params:\n    parameterization: "v"\n') == "v"
    assert detect.config_prediction("parameterization: eps") == "eps"
    assert detect.config_prediction("nothing: v") == ""


def test_latents_by_family(place: Path):
    formats = {n: checkpoint.load(make_models.write(n, place))[0].latent_format for n in ("sd2", "sdxl", "playground")}
    assert formats == {"sd2": SD15, "sdxl": SDXL, "playground": PLAYGROUND}
    latent = torch.randn(SHAPE)
    torch.testing.assert_close(PLAYGROUND.decode(PLAYGROUND.encode(latent)), latent)
    seen = PLAYGROUND.encode(torch.tensor(PLAYGROUND.mean).view(1, 4, 1, 1) + 1)
    assert seen.flatten().tolist() == pytest.approx([0.5 / d for d in PLAYGROUND.deviation])


def test_the_sign_of_v_is_the_last_transformers(place: Path):
    header = read_header(make_models.write("sd2_v", place))
    weights = open_weights(header.path, header)
    family, part = detect.family(header)
    biases = sorted(n for n in weights.of(part).tensors if re.fullmatch(r"output_blocks\.\d+\.1\..*norm1\.bias", n))
    assert float(weights.of(part).tensors[biases[-1]].float().std()) > families.V_DEVIATION
    assert families.use(header, family, part, weights).prediction.kind == "v"
    assert families.use(header, family, part, weights, "eps").prediction.kind == "eps"


# --- folders -------------------------------------------------------------------------------------


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t.contiguous() for n, t in tensors.items() if n.startswith(prefix)}


def write_folder(folder: Path, name: str, texts: Mapping[str, Mapping[str, Tensor]]) -> Path:
    """A family in diffusers' folders; the names inside its files may be anybody's."""
    made = make_models.MAKERS[name]()
    parts = {"unet": under(made, make_models.UNET), "vae": under(made, make_models.VAE), **texts}
    for part, tensors in parts.items():
        (folder / part).mkdir(parents=True)
        file = "model" if part.startswith("text") else "diffusion_pytorch_model"
        save_file({n: t.contiguous() for n, t in tensors.items()}, folder / part / f"{file}.safetensors")
    return folder


def test_a_folder_of_xl_is_the_checkpoint(tmp_path: Path, place: Path):
    texts = {"text_encoder": small_text(), "text_encoder_2": make_models.text(G, "", projected=True)}
    model, clip, _ = checkpoint.load_folder(write_folder(tmp_path / "xl", "sdxl", texts))
    one, whole, _ = checkpoint.load(make_models.write("sdxl", place))
    got, want = clip.encode("a fox"), whole.encode("a fox")
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1]["pooled_output"], want[1]["pooled_output"])
    x, times, y = torch.randn(SHAPE), torch.tensor([3, 800.5]), torch.randn(2, G + 1536)
    assert torch.equal(model.network(x, times, context=got[0], y=y), one.network(x, times, context=got[0], y=y))


def test_a_folder_of_sd2_lacks_the_text_encoders_last_layer(tmp_path: Path, place: Path):
    cut = {n: t for n, t in make_models.text(L, "", projected=True).items() if ".layers.1." not in n}
    folder = write_folder(tmp_path / "sd2", "sd2", {"text_encoder": cut})
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    model, clip, _ = checkpoint.load_folder(folder)
    _, whole, _ = checkpoint.load(make_models.write("sd2", place))
    assert torch.equal(clip.encode("a fox")[0], whole.encode("a fox")[0])
    assert model.prediction.kind == "v"


def test_a_folder_of_xl_without_its_second_encoder_names_it(tmp_path: Path):
    folder = write_folder(tmp_path / "xl", "sdxl", {"text_encoder": small_text()})
    with pytest.raises(ModelFileError, match="xl lacks text_encoder or text_encoder_2"):
        checkpoint.load_folder(folder)


# --- what does not fit ---------------------------------------------------------------------------


def test_xl_without_its_second_encoder_says_so_when_it_is_used(tmp_path: Path):
    made = make_models.MAKERS["sdxl"]()
    save_file(
        {n: t.contiguous() for n, t in made.items() if not n.startswith("conditioner.embedders.1.")},
        tmp_path / "half.safetensors",
    )
    _, clip, _ = checkpoint.load(tmp_path / "half.safetensors")
    with pytest.raises(ModelFileError, match=r"half\.safetensors holds one text encoder, but Stable Diffusion XL has"):
        clip.encode("a fox")
