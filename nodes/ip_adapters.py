"""Nodes that let a model see pictures beside the prompt. Names and inputs are those of the workflows people share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
from executor.files import Files
from executor.node import Folder, Range, node
from executor.types import Facts
from nodes.model_files import problem, state, told
from nodes.sockets import ClipVision, Image, IpAdapter, Mask, Model

FOLDER = "ipadapter"
CATEGORY = "ipadapter"
SIMPLE = {"standard": "linear", "prompt is more important": "ease out", "style transfer": "style transfer"}

Start = Annotated[float, Range(0.0, 1.0, step=0.001), "Where in the run the picture begins to count."]
End = Annotated[float, Range(0.0, 1.0, step=0.001), "Where in the run it ceases to count."]
Where = Annotated[Mask | None, "Where the picture counts: white."]
WeightType = Annotated[
    Literal[
        "linear", "ease in", "ease out", "ease in-out", "reverse in-out", "weak input", "weak output", "weak middle",
        "strong middle", "style transfer", "composition", "style and composition",
    ],
    "In which layers it counts: in all alike, more or less on the way through the model, or only in those that draw "
    "the style or the composition (Stable Diffusion XL).",
]  # fmt: skip
Combining = Annotated[
    Literal["concat", "add", "subtract", "average", "norm average"],
    "How several pictures become one prompt; `concat` keeps them apart.",
]
Scaling = Annotated[Literal["V only", "K+V"], "Whether the weight changes what is seen, or also how much is looked at."]


def adapter_state(files: Files, ipadapter_file: str) -> Any:
    return state(files, FOLDER, ipadapter_file)


def adapter_problem(files: Files, ipadapter_file: str) -> str | None:
    return problem(lambda: diffusion.vision.ip_files.inspect(files.model(FOLDER, ipadapter_file)))


def adapter_facts(files: Files, ipadapter_file: str) -> Sequence[Facts]:
    return (told(lambda: diffusion.vision.ip_files.inspect(files.model(FOLDER, ipadapter_file)), ipadapter_file),)


@node(
    "IPAdapterModelLoader",
    category=f"{CATEGORY}/loaders",
    display_name="IPAdapter Model Loader",
    fingerprint=adapter_state,
    validate=adapter_problem,
    facts=adapter_facts,
)
def ip_adapter_model_loader(
    *, ipadapter_file: Annotated[str, Folder(FOLDER), "A file of models/ipadapter."], files: Files
) -> IpAdapter:
    """Open an IP-Adapter, which lets a model see pictures beside the prompt."""
    return diffusion.vision.ip_adapter.load(files.model(FOLDER, ipadapter_file))


class ModelAndAdapter(NamedTuple):
    model: Model
    ipadapter: IpAdapter


def _visions(files: Files) -> list[Path]:
    return [files.model("clip_vision", name) for name in files.names("clip_vision")]


def preset_state(files: Files, preset: str) -> Any:
    """All files of which the preset may pick some."""
    adapters = [state(files, FOLDER, name) for name in files.names(FOLDER)]
    return preset, adapters, [state(files, "clip_vision", name) for name in files.names("clip_vision")]


def preset_problem(files: Files, preset: str) -> str | None:
    """Which family it is for is known when the model is there; that no family has its file is told before."""
    return problem(lambda: diffusion.vision.ip_choice.require_any(preset, files.names(FOLDER)))


@node(
    "IPAdapterUnifiedLoader",
    category=CATEGORY,
    display_name="IPAdapter Unified Loader",
    fingerprint=preset_state,
    validate=preset_problem,
)
def ip_adapter_unified_loader(
    *,
    model: Model,
    preset: Annotated[
        Literal[
            "LIGHT - SD1.5 only (low strength)", "STANDARD (medium strength)", "VIT-G (medium strength)",
            "PLUS (high strength)", "PLUS FACE (portraits)", "FULL FACE - SD1.5 only (portraits stronger)",
        ],
        "The kind of IP-Adapter. Its file is found in models/ipadapter by its published name.",
    ],
    ipadapter: Annotated[IpAdapter | None, "Of another such loader, to share its vision network."] = None,
    files: Files,
) -> ModelAndAdapter:  # fmt: skip
    """Open the IP-Adapter of a kind that fits the model, and the CLIP vision network that it needs."""
    choice, adapters = diffusion.vision.ip_choice, diffusion.vision.ip_adapter
    name = choice.adapter(preset, adapters.family(model), files.names(FOLDER))
    found = adapters.load(files.model(FOLDER, name))
    vision = ipadapter.vision if ipadapter else None
    if vision is None or not adapters.reads(found, vision):
        path = choice.vision(found.parts, _visions(files), name, adapters.vision_for(found.parts))
        vision = diffusion.vision.encode.load(path)
    return ModelAndAdapter(model, replace(found, vision=vision))


@node("IPAdapter", category=CATEGORY, display_name="IPAdapter")
def ip_adapter(
    *,
    model: Model,
    ipadapter: IpAdapter,
    image: Image,
    weight: Annotated[float, Range(-1.0, 3.0, step=0.05), "How much the picture counts."] = 1.0,
    start_at: Start = 0.0,
    end_at: End = 1.0,
    weight_type: Annotated[
        Literal["standard", "prompt is more important", "style transfer"],
        "Whether it counts in all layers alike, less in the first ones, or only in those that draw the style.",
    ],
    attn_mask: Where = None,
) -> Model:
    """Let a model see a picture beside the prompt. The adapter comes from IPAdapter Unified Loader."""
    return ip_adapter_advanced(
        model=model,
        ipadapter=ipadapter,
        image=image,
        weight=weight,
        weight_type=SIMPLE[weight_type],  # type: ignore[arg-type]
        combine_embeds="concat",
        start_at=start_at,
        end_at=end_at,
        embeds_scaling="V only",
        attn_mask=attn_mask,
    )


@node("IPAdapterAdvanced", category=CATEGORY, display_name="IPAdapter Advanced")
def ip_adapter_advanced(
    *,
    model: Model,
    ipadapter: IpAdapter,
    image: Image,
    weight: Annotated[float, Range(-1.0, 5.0, step=0.05), "How much the picture counts."] = 1.0,
    weight_type: WeightType,
    combine_embeds: Combining,
    start_at: Start = 0.0,
    end_at: End = 1.0,
    embeds_scaling: Scaling,
    image_negative: Annotated[Image | None, "What the negative prompt sees; nothing by default."] = None,
    attn_mask: Where = None,
    clip_vision: Annotated[ClipVision | None, "Sees for the adapter, if that brings no such network."] = None,
) -> Model:
    """Let a model see pictures beside the prompt, in some of its layers, places and steps."""
    adapters = diffusion.vision.ip_adapter
    vision = adapters.eyes(ipadapter, clip_vision)
    shown = adapters.tokens(ipadapter, vision, image, combine_embeds)
    hidden = adapters.no_tokens(ipadapter, vision, shown)
    if image_negative is not None:
        hidden = adapters.as_many(adapters.tokens(ipadapter, vision, image_negative, combine_embeds), shown)
    return adapters.apply(
        model,
        ipadapter,
        shown,
        hidden,
        weight=weight,
        between=(start_at, end_at),
        weight_type=weight_type,
        keys_too=embeds_scaling == "K+V",
        mask=attn_mask,
    )


@node("PrepImageForClipVision", category=f"{CATEGORY}/utils", display_name="Prep Image For ClipVision")
def prep_image_for_clip_vision(
    *,
    image: Image,
    interpolation: Annotated[
        Literal["LANCZOS", "BICUBIC", "HAMMING", "BILINEAR", "BOX", "NEAREST"], "How it is made smaller."
    ],
    crop_position: Annotated[
        Literal["top", "bottom", "left", "right", "center", "pad"], "Which square of it is kept; or all, in black."
    ],
    sharpening: Annotated[float, Range(0.0, 1.0, step=0.05), "How much its edges are made stronger."] = 0.0,
) -> Image:
    """A square of a picture, as small as vision networks see it."""
    return diffusion.vision.prepare.prepare(image, interpolation, crop_position, sharpening)
