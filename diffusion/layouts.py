"""Other people's names for the same tensors: tables of pattern -> pattern, applied to names only. Without torch.

Ours are the names of the original (LDM) checkpoints. `{n}` in a rule is a number that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from diffusion.header import Shapes

Names = Mapping[str, str]
"""name in the file -> our name, one to one."""

RES = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "class_embedding": "label_emb",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
MIDDLE = {"resnets.0": "middle_block.0", "attentions.0": "middle_block.1", "resnets.1": "middle_block.2"}
VAE_ATTENTION = {
    "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    "query": "q", "key": "k", "value": "v", "proj_attn": "proj_out",
}  # fmt: skip
VAE_MIDDLE = {"resnets.0": "block_1", "attentions.0": "attn_1", "resnets.1": "block_2"}


PROJECTION, TURNED = "text_projection.weight", "text_projection"
OPEN_CLIP = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    TURNED: PROJECTION,
    "text_projection.weight": PROJECTION,
}
OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}  # fmt: skip
JOINED = ("q_proj", "k_proj", "v_proj")


def open_clip_names(shapes: Shapes) -> tuple[dict[str, str], dict[str, tuple[str, int]]]:
    """OpenCLIP's names of a text network -> ours, and ours of the thirds of its joined projections -> its and which.

    What belongs to no text network (the picture's half, the temperature) is left out.
    """
    names = {theirs: ours for theirs, ours in OPEN_CLIP.items() if theirs in shapes}
    thirds: dict[str, tuple[str, int]] = {}
    for name in shapes:
        layer = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", name)
        if layer and layer[2] == "attn.in_proj":
            at = f"text_model.encoder.layers.{layer[1]}.self_attn"
            thirds |= {f"{at}.{part}.{layer[3]}": (name, i) for i, part in enumerate(JOINED)}
        elif layer and layer[2] in OPEN_CLIP_LAYER:
            names[name] = f"text_model.encoder.layers.{layer[1]}.{OPEN_CLIP_LAYER[layer[2]]}.{layer[3]}"
    return names, thirds


def is_diffusers_unet(shapes: Shapes) -> bool:
    return "conv_in.weight" in shapes and "time_embedding.linear_1.weight" in shapes


def is_diffusers_vae(shapes: Shapes) -> bool:
    return any(name.startswith(("encoder.down_blocks.", "decoder.up_blocks.")) for name in shapes)


def unet_names(shapes: Shapes) -> dict[str, str]:
    """diffusers' names of a UNet -> ours. A name that no rule knows stays, and is reported when loading."""
    places = _unet_places(shapes)
    return {name: _unet_name(name, places) for name in shapes}


def _unet_places(shapes: Shapes) -> dict[str, str]:
    """`down_blocks.1.resnets.0` -> `input_blocks.4.0`: the original counts blocks through, diffusers by level."""
    places: dict[str, str] = {}
    block = 0
    for level in range(_count(shapes, "down_blocks")):
        at = f"down_blocks.{level}"
        for i in range(_count(shapes, f"{at}.resnets")):
            block += 1
            places[f"{at}.resnets.{i}"] = f"input_blocks.{block}.0"
            places[f"{at}.attentions.{i}"] = f"input_blocks.{block}.1"
        block += 1
        places[f"{at}.downsamplers.0.conv"] = f"input_blocks.{block}.0.op"
    block = -1
    for level in range(_count(shapes, "up_blocks")):
        at = f"up_blocks.{level}"
        for i in range(_count(shapes, f"{at}.resnets")):
            block += 1
            places[f"{at}.resnets.{i}"] = f"output_blocks.{block}.0"
            places[f"{at}.attentions.{i}"] = f"output_blocks.{block}.1"
        after = 2 if _count(shapes, f"{at}.attentions") else 1
        places[f"{at}.upsamplers.0.conv"] = f"output_blocks.{block}.{after}.conv"
    return places | {f"mid_block.{theirs}": ours for theirs, ours in MIDDLE.items()} | UNET_ENDS


PLACE = re.compile(
    r"((?:down|up)_blocks\.\d+\.(?:resnets|attentions)\.\d+"
    r"|(?:down|up)_blocks\.\d+\.(?:down|up)samplers\.0\.conv"
    r"|mid_block\.(?:resnets|attentions)\.\d+"
    r"|(?:time|add|class)_embedding\.linear_\d|time_embedding\.cond_proj|class_embedding|conv_\w+)\.(.+)"
)


def _unet_name(name: str, places: Mapping[str, str]) -> str:
    match = PLACE.fullmatch(name)
    if not match or match[1] not in places:
        return name
    part, dot, last = match[2].rpartition(".")
    inner = RES.get(part, part) if ".resnets." in match[1] else part
    return f"{places[match[1]]}.{inner}{dot}{last}"


def vae_names(shapes: Shapes) -> dict[str, str]:
    """diffusers' names of an autoencoder -> ours."""
    top = _count(shapes, "decoder.up_blocks") - 1
    return {name: _vae_name(name, top) for name in shapes}


def _vae_name(name: str, top: int) -> str:
    level = re.fullmatch(r"(en|de)coder\.(?:down|up)_blocks\.(\d+)\.(\w+?)s\.(\d+)\.(.+)", name)
    if level:
        side, number, kind, i, inner = level.groups()
        at = f"encoder.down.{number}" if side == "en" else f"decoder.up.{top - int(number)}"
        inner = inner.replace("conv_shortcut", "nin_shortcut")
        return f"{at}.block.{i}.{inner}" if kind == "resnet" else f"{at}.{kind.replace('sampler', 'sample')}.{inner}"
    middle = re.fullmatch(r"(\w+)\.mid_block\.(\w+\.\d+)\.(.+)\.(weight|bias)", name)
    if middle and middle[2] in VAE_MIDDLE:
        inner = VAE_ATTENTION.get(middle[3], middle[3]) if middle[2] == "attentions.0" else middle[3]
        return f"{middle[1]}.mid.{VAE_MIDDLE[middle[2]]}.{inner.replace('conv_shortcut', 'nin_shortcut')}.{middle[4]}"
    return name.replace("conv_norm_out", "norm_out")


def _count(names: Iterable[str], prefix: str) -> int:
    """How many numbered children a name has."""
    start = len(prefix) + 1
    inside = (name[start:].partition(".")[0] for name in names if name.startswith(f"{prefix}."))
    return max((int(number) + 1 for number in inside if number.isdecimal()), default=0)


EMA = re.compile(r"diffusion_model(?:(input_blocks|output_blocks)(\d+)(\d)|(middle_block|out|time_embed)(\d))(.*)")
EMA_INNER = (
    (r"^(in_layers|emb_layers|out_layers)(\d)(?=weight|bias)", r"\1.\2."),
    (r"^(skip_connection|norm|proj_in|proj_out|op|conv)(?=weight|bias)", r"\1."),
    (r"^transformer_blocks(\d+)(attn[12])to_out0", r"transformer_blocks.\1.\2.to_out.0."),
    (r"^transformer_blocks(\d+)(attn[12])(to_[qkv])", r"transformer_blocks.\1.\2.\3."),
    (r"^transformer_blocks(\d+)ffnet(\d)(proj)?", r"transformer_blocks.\1.ff.net.\2.\3."),
    (r"^transformer_blocks(\d+)(norm\d)", r"transformer_blocks.\1.\2."),
)


def ema_name(name: str) -> str:
    """`diffusion_modelinput_blocks10in_layers0weight` -> `input_blocks.1.0.in_layers.0.weight`.

    Training keeps the averaged weights under names from which the dots were taken.
    """
    match = EMA.fullmatch(name)
    if not match:
        return name
    group, number, layer, single, place, inner = match.groups()
    for pattern, ours in EMA_INNER:
        inner = re.sub(pattern, ours, inner).replace("..", ".")
    return f"{group}.{number}.{layer}.{inner}" if group else f"{single}.{place}.{inner}"
