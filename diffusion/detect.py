"""What a model file holds, from the names and shapes in its header. Without torch: known before anything is loaded.

Heads of attention are not in the shapes: see `heads`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from diffusion.header import Header, ModelFileError, Shapes, read_header
from diffusion.parts import TEXT_MARK, UNET_PREFIXES, Part, context_width, find_text, find_texts, find_unet, find_vae

Any4 = (None, None, None, None)


@dataclass(frozen=True)
class Mark:
    """A tensor that a family has; None is any size. `shape` None: a tensor that it does not have.

    A `*` at its beginning stands for anything; the first such name in the alphabet counts.
    """

    name: str
    shape: tuple[int | None, ...] | None

    def found(self, shapes: Shapes) -> str:
        """The tensor that the mark is about in a file."""
        if not self.name.startswith("*"):
            return self.name
        return min((name for name in shapes if name.endswith(self.name[1:])), default=self.name)

    def met(self, shapes: Shapes) -> bool:
        got = shapes.get(self.found(shapes))
        if self.shape is None or got is None:
            return got is self.shape
        return len(got) == len(self.shape) and all(want in (None, n) for n, want in zip(got, self.shape, strict=True))


Base = Literal["SD1", "SD2", "SDXL", "refiner"]
Shown = Literal["", "inpainting", "editing", "depth", "upscaling", "picture", "pixels"]
"""What a network is shown beside the noisy latent and the text; `pixels`: in place of the latent."""


@dataclass(frozen=True)
class Family:
    """A kind of denoising network, told by tensors of its UNet in our names, and by `when` where sizes must agree.

    base: how its text and its latents are used.
    """

    name: str
    base: Base
    marks: tuple[Mark, ...]
    shown: Shown = ""
    when: Callable[[Shapes], bool] = bool


TIME = Mark("time_embed.0.weight", (None, None))
UNET = (TIME, Mark("out.2.weight", (4, None, 3, 3)))
PIXELS = (TIME, Mark("out.2.weight", (3, None, 3, 3)))
CROSS = Mark("*.attn2.to_k.weight", (None, None))
CONV, MATRIX = Mark("*.1.proj_in.weight", Any4), Mark("*.1.proj_in.weight", (None, None))
LABEL, NO_LABEL = Mark("label_emb.0.0.weight", (None, None)), Mark("label_emb.0.0.weight", None)
CLASSES = Mark("label_emb.weight", (None, None))
SHALLOW = Mark("input_blocks.1.1.proj_in.weight", None)  # no attention at the first level
NUMBER = 256  # the width of the embedding of each number that Stable Diffusion XL is told
OUTER = Mark("input_blocks.1.1.proj_in.weight", (None, None))


def _refines(shapes: Shapes) -> bool:
    """The refiner is told the text of one encoder and five numbers, and its deepest level has no attention."""
    label, context = shapes[LABEL.name][1], shapes[CROSS.found(shapes)][1]
    deepest = max(int(name.split(".")[1]) for name in shapes if name.startswith("input_blocks."))
    return label == context + 5 * NUMBER and f"input_blocks.{deepest}.1.proj_in.weight" not in shapes


def _takes(channels: int) -> Mark:
    return Mark("input_blocks.0.0.weight", (None, channels, 3, 3))


SD1, SD2 = (*UNET, CROSS, CONV, NO_LABEL), (*UNET, CROSS, MATRIX, NO_LABEL)
SDXL = (*UNET, CROSS, MATRIX, LABEL, SHALLOW)
FAMILIES = (
    Family("Stable Diffusion 1", "SD1", (*SD1, _takes(4))),
    Family("Stable Diffusion 1 inpainting", "SD1", (*SD1, _takes(9)), "inpainting"),
    Family("Stable Diffusion 1 image editing", "SD1", (*SD1, _takes(8)), "editing"),
    Family("Stable Diffusion 1 of pixels", "SD1", (*PIXELS, CROSS, CONV, NO_LABEL, _takes(3)), "pixels"),
    Family("Stable Diffusion 2", "SD2", (*SD2, _takes(4))),
    Family("Stable Diffusion 2 inpainting", "SD2", (*SD2, _takes(9)), "inpainting"),
    Family("Stable Diffusion 2 depth", "SD2", (*SD2, _takes(5)), "depth"),
    Family("Stable Diffusion x4 upscaler", "SD2", (*UNET, CROSS, MATRIX, CLASSES, _takes(7)), "upscaling"),
    Family("Stable Diffusion 2 unCLIP", "SD2", (*UNET, CROSS, MATRIX, LABEL, OUTER, _takes(4)), "picture"),
    Family("Stable Diffusion XL refiner", "refiner", (*SDXL, _takes(4)), when=_refines),
    Family("Stable Diffusion XL", "SDXL", (*SDXL, _takes(4))),
    Family("Stable Diffusion XL inpainting", "SDXL", (*SDXL, _takes(9)), "inpainting"),
    Family("Stable Diffusion XL image editing", "SDXL", (*SDXL, _takes(8)), "editing"),
)

OTHERS = (
    ("a LoRA", r"lora_(up|down|A|B)\b|\.lora\.|lokr_w|hada_w|lora_unet_", "load it with Load LoRA"),
    ("a ControlNet", r"zero_convs\.|input_hint_block\.|controlnet_", "load it with Load ControlNet Model"),
    ("a T2I adapter", r"(^|adapter\.)body\.\d+\.(block1|in_conv|resnets)\b", "load it with Load ControlNet Model"),
    ("a textual-inversion embedding", r"^(emb_params|\*|clip_[lg])$", "it belongs into models/embeddings"),
    ("an IP-Adapter", r"^(ip_adapter|image_proj)\b", "load it with IPAdapter Model Loader, from models/ipadapter"),
    ("a GLIGEN model", r"position_net\.", "load it with GLIGENLoader"),
    ("a Stable Diffusion 3 model", r"joint_blocks\.\d", ""),
    ("a Flux model", r"double_blocks\.\d+\.img_attn|single_transformer_blocks\.\d", ""),
    ("an AuraFlow model", r"double_layers\.\d", ""),
    ("a HunyuanDiT model", r"mlp_t5\.", ""),
    ("a PixArt model", r"adaln_single\.|scale_shift_table$", ""),
    ("a Stable Cascade model", r"clip_txt_mapper|clip_txt_pooled_mapper|effnet_mapper", ""),
    ("a transformer diffusion model", r"(^|\.)blocks\.\d+\.(self_attn|cross_attn)\.", ""),
    ("a T5 text encoder", r"block\.0\.layer\.0\.SelfAttention", ""),
    ("a CLIP vision model", r"vision_model\.|^visual\.", "load it with Load CLIP Vision, from models/clip_vision"),
    ("a language model", r"^(model\.)?layers\.0\.self_attn\.q_proj|(^|\.)h\.0\.attn", ""),
    ("an upscaling model", r"^(conv_first|model\.0)\.weight$|RDB1|^body\.\d+\.rdb", "load it with Load Upscale Model"),
    ("a fast preview decoder", r"^(\w+\.)?\d+\.conv\.0\.weight$", "it belongs into models/vae_approx"),
)  # fmt: skip
"""Files that are something else, and what to do with them; the first pattern that occurs in a name wins."""


def family(header: Header) -> tuple[Family, Part]:
    """The family of the file's denoising network, and where it is.

    Raises ModelFileError where there is none, or none that we know; the message says what the file is instead.
    """
    part = find_unet(header.shapes)
    if part is None or "out.2.weight" not in part.shapes:  # a ControlNet is half a UNet
        raise ModelFileError(f"{header.path.name} is {what(header.shapes)}")
    found = family_of(part.shapes)
    if found:
        return found, part
    near = max(FAMILIES, key=lambda f: sum(mark.met(part.shapes) for mark in f.marks))
    mark = next(m for m in near.marks if not m.met(part.shapes))
    name = mark.found(part.shapes)
    got = _size(part.shapes.get(name))
    raise ModelFileError(
        f"{header.path.name} has an unknown architecture; nearest is {near.name}, where {name} is "
        f"{_size(mark.shape)}, but here it is {got}"
    )


def family_of(shapes: Shapes) -> Family | None:
    """The family of a denoising network by its tensors in our names."""
    return next((f for f in FAMILIES if all(mark.met(shapes) for mark in f.marks) and f.when(shapes)), None)


def what(shapes: Shapes) -> str:
    """In words, what a file is that holds no denoising network; begins with an article."""
    for name, pattern, remedy in OTHERS:
        if any(re.search(pattern, key) for key in shapes):
            return f"{name}, not a Stable Diffusion model" + (f"; {remedy}" if remedy else "")
    if find_vae(shapes):
        return "a VAE, not a Stable Diffusion model; load it with Load VAE, from models/vae"
    if find_text(shapes):
        return "a CLIP text encoder, not a Stable Diffusion model; load it with Load CLIP, from models/text_encoders"
    some = ", ".join(sorted(shapes)[:3]) or "nothing"
    known = f"nearest is {FAMILIES[0].name}, which has {UNET_PREFIXES[0]}{FAMILIES[0].marks[-1].name}"
    return f"of an unknown kind ({len(shapes)} tensors: {some}, ...); {known}"


def _size(shape: tuple[int | None, ...] | None) -> str:
    return "absent" if shape is None else "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"


def architecture(header: Header) -> dict[str, dict[str, Any]]:
    """What the file's metadata says of its networks, by `unet`, `vae` and `text`; empty where it says nothing."""
    try:
        table = json.loads(header.metadata.get("architecture", "{}"))
    except ValueError:
        return {}
    return {k: v for k, v in table.items() if isinstance(v, dict)} if isinstance(table, dict) else {}


def heads(header: Header, network: str) -> int:
    """The number of attention heads of `unet` or `text` from the metadata; 0 = not told, so the convention holds."""
    told = architecture(header).get(network, {})
    count = told.get("num_heads", told.get("num_attention_heads", 0))
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0


def told_prediction(header: Header) -> str:
    """What the file says that its network predicts: `v` (Salimans and Ho 2022), `eps`, `flow`, or nothing: ``."""
    told = architecture(header).get("unet", {}).get("prediction", header.metadata.get("modelspec.prediction_type", ""))
    return "v" if "v_pred" in header.entries else PREDICTIONS.get(str(told), "")


PREDICTIONS = {"v": "v", "v_prediction": "v", "eps": "eps", "epsilon": "eps", "flow": "flow"}


def inspect(path: Path) -> dict[str, int]:
    """The sizes of a file's denoising network. Raises ModelFileError if it has none."""
    _, part = family(read_header(path))
    return {"context width": context_width(part), "latent channels": part.shapes["out.2.weight"][0]}


def inspect_vae(path: Path) -> dict[str, int]:
    """The sizes of a file's autoencoder. Raises ModelFileError if it has none."""
    header = read_header(path)
    if is_tiny(header.shapes):
        return {"latent channels": header.shapes["1.weight"][1]}
    return {"latent channels": vae(header).shapes["decoder.conv_in.weight"][1]}


def is_tiny(shapes: Shapes) -> bool:
    """Whether a file is the decoder of a TAESD, as its author publishes it."""
    return len(shapes.get("1.weight", ())) == 4 and "3.conv.0.weight" in shapes


def inspect_text(path: Path) -> dict[str, int]:
    """The sizes of a file's text network. Raises ModelFileError if it has none."""
    return {"context width": sum(part.shapes[TEXT_MARK][1] for part in texts(read_header(path)))}


def inspect_two_texts(one: Path, other: Path) -> dict[str, int]:
    """The sizes of two files' text networks together. Raises ModelFileError if one has none, or both are of a kind."""
    (narrow, small), (wide, large) = sorted((text_size(read_header(path)), path.name) for path in (one, other))
    if narrow == wide:
        raise ModelFileError(
            f"{small} and {large} hold text encoders of one kind, {narrow[0]} wide; "
            "Stable Diffusion XL needs a CLIP-L (768 wide) and an OpenCLIP-G (1280 wide)"
        )
    return {"context width": narrow[0] + wide[0]}


def text_size(header: Header) -> tuple[int, int]:
    """Width and layers of a file's first text network."""
    part = text(header)
    return part.shapes[TEXT_MARK][1], text_layers(part)


def text_layers(part: Part) -> int:
    start = "text_model.encoder.layers."
    return len({name.split(".")[3] for name in part.shapes if name.startswith(start)})


def config_prediction(config: str) -> str:
    """What a config in YAML, of those that were once beside checkpoints, says that the network predicts."""
    found = re.search(r"^\s*parameterization:\s*[\"']?(\w+)", config, re.MULTILINE)
    return PREDICTIONS.get(found[1], "") if found else ""


def vae(header: Header) -> Part:
    """The file's autoencoder. Raises ModelFileError, which says what the file is, if it has none."""
    part = find_vae(header.shapes)
    if part is None:
        raise ModelFileError(f"{header.path.name} holds no VAE; it is {_kind(header)}")
    return part


def texts(header: Header) -> list[Part]:
    """The file's text networks, CLIP-L first. Raises ModelFileError, which says what the file is, if it has none."""
    found = find_texts(header.shapes)
    if not found:
        raise ModelFileError(f"{header.path.name} holds no CLIP text encoder; it is {_kind(header)}")
    return found


def text(header: Header) -> Part:
    """The first of them."""
    return texts(header)[0]


def _kind(header: Header) -> str:
    try:
        return f"a {family(header)[0].name} model"
    except ModelFileError:
        return what(header.shapes)
