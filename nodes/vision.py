"""Nodes that take pictures as prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import diffusion
from executor.files import Files
from executor.node import Folder, Range, Text, node
from executor.types import Facts
from nodes.model_files import problem, state, told
from nodes.sockets import Clip, ClipVision, ClipVisionOutput, Conditioning, Image, PhotoMaker, StyleModel
from nodes.text import embedding_state


def vision_state(files: Files, clip_name: str) -> Any:
    return state(files, "clip_vision", clip_name)


def vision_problem(files: Files, clip_name: str) -> str | None:
    return problem(lambda: diffusion.vision.files.inspect(files.model("clip_vision", clip_name)))


@node(
    "CLIPVisionLoader",
    category="loaders",
    display_name="Load CLIP Vision",
    fingerprint=vision_state,
    validate=vision_problem,
)
def clip_vision_loader(
    *, clip_name: Annotated[str, Folder("clip_vision"), "A file of models/clip_vision."], files: Files
) -> ClipVision:
    """Open a network that sees pictures."""
    return diffusion.vision.encode.load(files.model("clip_vision", clip_name))


@node("CLIPVisionEncode", category="conditioning", display_name="CLIP Vision Encode")
def clip_vision_encode(
    *,
    clip_vision: ClipVision,
    image: Image,
    crop: Annotated[Literal["center", "none"], "The middle square, or all of the picture out of shape."],
) -> ClipVisionOutput:
    """Describe pictures in the terms of CLIP."""
    return clip_vision.encode(image, crop=crop == "center")


@node("unCLIPConditioning", category="conditioning")
def unclip_conditioning(
    *,
    conditioning: Conditioning,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(-10.0, 10.0, step=0.01), "How much the picture counts."] = 1.0,
    noise_augmentation: Annotated[float, Range(0.0, 1.0, step=0.01), "How far the result may be from it."] = 0.0,
) -> Conditioning:
    """A picture as a prompt, for unCLIP checkpoints."""
    return diffusion.vision.encode.as_prompt(conditioning, clip_vision_output, strength, noise_augmentation)


def style_state(files: Files, style_model_name: str) -> Any:
    return state(files, "style_models", style_model_name)


def style_problem(files: Files, style_model_name: str) -> str | None:
    return problem(lambda: diffusion.vision.files.style_shapes(files.model("style_models", style_model_name)))


@node(
    "StyleModelLoader",
    category="loaders",
    display_name="Load Style Model",
    fingerprint=style_state,
    validate=style_problem,
)
def style_model_loader(
    *, style_model_name: Annotated[str, Folder("style_models"), "A file of models/style_models."], files: Files
) -> StyleModel:
    """Open a network that makes a prompt of what CLIP sees in a picture."""
    return diffusion.vision.style.load(files.model("style_models", style_model_name))


@node("StyleModelApply", category="conditioning/style_model", display_name="Apply Style Model")
def style_model_apply(
    *,
    conditioning: Conditioning,
    style_model: StyleModel,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(0.0, 10.0, step=0.001), "How much the picture's style counts."] = 1.0,
    strength_type: Annotated[
        Literal["multiply", "attn_bias"], "attn_bias is for Flux; models with a UNet are not changed by it."
    ],
) -> Conditioning:
    """The style of a picture, behind the prompt."""
    factor = strength if strength_type == "multiply" else 1.0
    return diffusion.vision.style.apply(conditioning, style_model, clip_vision_output, factor)


def photomaker_state(files: Files, photomaker_model_name: str) -> Any:
    return state(files, "photomaker", photomaker_model_name)


def photomaker_problem(files: Files, photomaker_model_name: str) -> str | None:
    return problem(lambda: diffusion.vision.files.inspect_photomaker(files.model("photomaker", photomaker_model_name)))


def photomaker_facts(files: Files, photomaker_model_name: str) -> Sequence[Facts]:
    path = files.model("photomaker", photomaker_model_name)
    return (told(lambda: diffusion.vision.files.inspect_photomaker(path), photomaker_model_name),)


@node(
    "PhotoMakerLoader",
    category="_for_testing/photomaker",
    experimental=True,
    fingerprint=photomaker_state,
    validate=photomaker_problem,
    facts=photomaker_facts,
)
def photo_maker_loader(
    *, photomaker_model_name: Annotated[str, Folder("photomaker"), "A file of models/photomaker."], files: Files
) -> PhotoMaker:
    """Open a network that puts a face into a prompt."""
    return diffusion.vision.photomaker.load(files.model("photomaker", photomaker_model_name))


@node("PhotoMakerEncode", category="_for_testing/photomaker", experimental=True, fingerprint=embedding_state)
def photo_maker_encode(
    *,
    photomaker: PhotoMaker,
    image: Image,
    clip: Clip,
    text: Annotated[
        str, Text(multiline=True, dynamic=True), "The word before `photomaker` becomes the face of the picture."
    ] = "photograph of photomaker",
) -> Conditioning:
    """Encode a prompt about the person in a picture."""
    return photomaker.encode(image, clip, text)
