"""A file's kind is told from its header; what cannot be run is named, with what would be needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.random_checkpoint import SD1, SD2, SDXL, build
from diffusion import detect, parts
from diffusion.header import Entry, Header, ModelFileError, Shapes, read_header
from diffusion.unet_config import UNetConfig, stable_diffusion

UNET = "model.diffusion_model."


def header(shapes: Shapes, **metadata: str) -> Header:
    return Header(Path("file.safetensors"), {n: Entry("F16", s, 0) for n, s in shapes.items()}, metadata)


def unet(config: UNetConfig, prefix: str = UNET) -> dict[str, tuple[int, ...]]:
    return {prefix + name: tuple(t.shape) for name, t in build(config).state_dict().items()}


INPAINTING = stable_diffusion(in_channels=9)
REFINER = stable_diffusion(
    384, (1, 2, 4, 4), (0, 4, 4, 0), context=1280, label=2560, linear=True, heads=0, middle_depth=4
)
NARROW_REFINER = stable_diffusion(32, (1, 2), (0, 0), context=40, label=40 + 1280, linear=True, heads=0, middle_depth=1)


def sd2_of(channels: int) -> UNetConfig:
    return stable_diffusion(64, (1, 2), (1, 1), context=32, linear=True, heads=0, in_channels=channels)


def xl_of(channels: int) -> UNetConfig:
    options: dict[str, Any] = {"context": 72, "label": 40 + 1536, "linear": True, "heads": 0, "in_channels": channels}
    return stable_diffusion(64, (1, 2), (0, 1), **options)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (SD1, "Stable Diffusion 1"),
        (stable_diffusion(32, (1, 2), (1, 0), context=16), "Stable Diffusion 1"),
        (INPAINTING, "Stable Diffusion 1 inpainting"),
        (stable_diffusion(in_channels=8), "Stable Diffusion 1 image editing"),
        (SD2, "Stable Diffusion 2"),
        (sd2_of(9), "Stable Diffusion 2 inpainting"),
        (sd2_of(5), "Stable Diffusion 2 depth"),
        (stable_diffusion(64, (1, 2), (1, 1), context=32, label=48, linear=True, heads=0), "Stable Diffusion 2 unCLIP"),
        (SDXL, "Stable Diffusion XL"),
        (xl_of(9), "Stable Diffusion XL inpainting"),
        (xl_of(8), "Stable Diffusion XL image editing"),
        (REFINER, "Stable Diffusion XL refiner"),
        (NARROW_REFINER, "Stable Diffusion XL refiner"),
    ],
)
@pytest.mark.parametrize("prefix", [UNET, ""])
def test_families_are_told_by_shapes(config: UNetConfig, name: str, prefix: str):
    family, part = detect.family(header(unet(config, prefix)))
    assert (family.name, part.prefix) == (name, prefix)
    assert UNetConfig.from_shapes(part.shapes, config.heads) == config


def test_averaged_weights_are_taken_only_where_there_are_no_others():
    averaged = {"model_ema.diffusion_model" + n.replace(".", ""): s for n, s in unet(SD1, "").items()}
    both = parts.find_unet(averaged | unet(SD1))
    alone = parts.find_unet(averaged | {"model_ema.decay": (), "model_ema.num_updates": ()})
    assert both is not None
    assert both.prefix == UNET
    assert alone is not None
    assert alone.shapes == unet(SD1, "")


def test_an_unknown_architecture_names_the_nearest_and_the_difference():
    shapes = unet(SD1) | {f"{UNET}input_blocks.0.0.weight": (320, 5, 3, 3)}
    with pytest.raises(ModelFileError) as error:
        detect.family(header(shapes))
    assert str(error.value) == (
        "file.safetensors has an unknown architecture; nearest is Stable Diffusion 1, where input_blocks.0.0.weight is "
        "(any, 4, 3, 3), but here it is (320, 5, 3, 3)"
    )


OTHERS = {
    "a LoRA": "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight",
    "a ControlNet": "controlnet_cond_embedding.conv_in.weight",
    "a textual-inversion embedding": "emb_params",
    "a Stable Diffusion 3 model": "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight",
    "a Flux model": "double_blocks.0.img_attn.qkv.weight",
    "a T5 text encoder": "encoder.block.0.layer.0.SelfAttention.q.weight",
    "a CLIP vision model": "vision_model.encoder.layers.0.self_attn.q_proj.weight",
    "a language model": "model.layers.0.self_attn.q_proj.weight",
    "an upscaling model": "model.0.weight",
    "a CLIP text encoder": "text_model.embeddings.token_embedding.weight",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_named_as_what_they_are(kind: str):
    with pytest.raises(ModelFileError, match=f"file.safetensors is {kind}, not a Stable Diffusion model"):
        detect.family(header({OTHERS[kind]: (4, 4)}))


def test_a_controlnet_is_not_taken_for_half_a_unet():
    half = {n: s for n, s in unet(SD1, "").items() if not n.startswith(("output_blocks.", "out."))}
    with pytest.raises(ModelFileError, match="is a ControlNet"):
        detect.family(header(half | {"zero_convs.0.0.weight": (320, 320, 1, 1)}))


def test_a_vae_is_named(starter: Path):
    part = parts.find_vae(read_header(starter).shapes)
    assert part is not None
    with pytest.raises(ModelFileError, match="is a VAE, not a Stable Diffusion model; load it with Load VAE"):
        detect.family(header(part.shapes))


def test_the_unknown_is_shown():
    with pytest.raises(
        ModelFileError, match=r"of an unknown kind \(2 tensors: a, b, ...\); nearest is Stable Diffusion 1"
    ):
        detect.family(header({"a": (1,), "b": (2,)}))


def test_the_starter_is_all_three_networks(starter: Path):
    header = read_header(starter)
    found = [detect.family(header)[1], parts.find_vae(header.shapes), parts.find_text(header.shapes)]
    assert [part and part.prefix for part in found] == [UNET, "first_stage_model.", "cond_stage_model.transformer."]
    assert sum(len(part.names) for part in found if part) == len(header.entries)
    assert (detect.heads(header, "unet"), detect.heads(header, "text")) == (8, 8)
    assert parts.context_width(found[0]) == 128  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "cond_stage_model.transformer.", "text_encoder."])
@pytest.mark.parametrize("word", ["text_model.", ""])
def test_text_networks_of_all_ages(prefix: str, word: str):
    names = ("embeddings.token_embedding.weight", "encoder.layers.0.mlp.fc1.bias", "final_layer_norm.weight")
    part = parts.find_text({f"{prefix}{word}{name}": (3,) for name in names})
    assert part is not None
    assert part.shapes == {f"text_model.{name}": (3,) for name in names}


@pytest.mark.parametrize(
    "told", ["no json", "[]", '{"unet": 3}', '{"unet": {"num_heads": true}}', '{"unet": {"num_heads": -1}}']
)
def test_nonsense_in_metadata_tells_nothing(told: str):
    assert detect.heads(header({}, architecture=told), "unet") == 0
    assert detect.heads(header({}, architecture=json.dumps({"unet": {"num_heads": 4}})), "unet") == 4


def test_v_prediction_is_told_by_key_or_metadata():
    told = (
        header({"v_pred": ()}),
        header({}, architecture='{"unet": {"prediction": "v_prediction"}}'),
        header({}, **{"modelspec.prediction_type": "v"}),
    )
    assert [detect.told_prediction(h) for h in told] == ["v"] * 3
    assert detect.told_prediction(header({}, architecture='{"unet": {"prediction": "epsilon"}}')) == "eps"
    assert not detect.told_prediction(header({}))
