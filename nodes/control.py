"""Nodes that steer a picture by another picture: ControlNets and T2I-Adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
from executor.files import Files
from executor.node import Folder, Range, Text, node
from executor.types import Facts
from nodes.model_files import problem, state, told
from nodes.sockets import Clip, Conditioning, ControlNet, Image, Mask, Model, Vae
from nodes.text import embedding_state

CATEGORY = "conditioning/controlnet"

File = Annotated[str, Folder("controlnet"), "A file of models/controlnet."]
Strength = Annotated[float, Range(0.0, 10.0, step=0.01), "How much it counts; 0 is not at all."]
Moment = Annotated[float, Range(0.0, 1.0, step=0.001), "0 is the first step, 1 the last."]
Kind = Literal[
    "auto", "openpose", "depth", "hed/pidi/scribble/ted", "canny/lineart/anime_lineart/mlsd", "normal", "segment",
    "tile", "repaint",
]  # fmt: skip


class Pair(NamedTuple):
    positive: Conditioning
    negative: Conditioning


def control_state(files: Files, control_net_name: str) -> Any:
    return state(files, "controlnet", control_net_name)


def control_problem(files: Files, control_net_name: str) -> str | None:
    return problem(lambda: diffusion.control.files.inspect(files.model("controlnet", control_net_name)))


def whole_control_problem(files: Files, control_net_name: str) -> str | None:
    return problem(lambda: diffusion.control.files.require_whole(files.model("controlnet", control_net_name)))


def control_facts(files: Files, control_net_name: str) -> Sequence[Facts]:
    path = files.model("controlnet", control_net_name)
    return (told(lambda: diffusion.control.files.inspect(path), control_net_name),)


@node(
    "ControlNetLoader",
    category="loaders",
    display_name="Load ControlNet Model",
    fingerprint=control_state,
    validate=whole_control_problem,
    facts=control_facts,
)
def control_net_loader(*, control_net_name: File, files: Files) -> ControlNet:
    """Open a ControlNet, a Control-LoRA or a T2I-Adapter."""
    return diffusion.control.load.load(files.model("controlnet", control_net_name))


@node(
    "DiffControlNetLoader",
    category="loaders",
    display_name="Load ControlNet Model (diff)",
    fingerprint=control_state,
    validate=control_problem,
    facts=control_facts,
)
def diff_control_net_loader(*, model: Model, control_net_name: File, files: Files) -> ControlNet:
    """Open a ControlNet that is stored as the difference to a model."""
    return diffusion.control.load.load(files.model("controlnet", control_net_name), model)


@node("ControlNetApply", category=CATEGORY, display_name="Apply ControlNet (OLD)", deprecated=True)
def control_net_apply(
    *, conditioning: Conditioning, control_net: ControlNet, image: Image, strength: Strength = 1.0
) -> Conditioning:
    """Steer by a picture, in all steps, whatever the negative prompt is."""
    return diffusion.control.apply.apply_to_both(conditioning, control_net, image, strength)


@node("ControlNetApplyAdvanced", category=CATEGORY, display_name="Apply ControlNet")
def control_net_apply_advanced(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
    vae: Vae | None = None,
) -> Pair:
    """Steer by a picture in a part of the steps. The VAE is for ControlNets that look at latents: SD 3 and Flux."""
    sides = diffusion.control.apply.apply(
        (positive, negative), control_net, image, strength, start_percent, end_percent
    )
    return Pair(*sides)


@node("ControlNetApplySD3", category=CATEGORY, display_name="Apply Controlnet with VAE", deprecated=True)
def control_net_apply_sd3(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Pair:
    """The same as Apply ControlNet, with the inputs of its first version."""
    sides = diffusion.control.apply.apply(
        (positive, negative), control_net, image, strength, start_percent, end_percent
    )
    return Pair(*sides)


@node("ControlNetInpaintingAliMamaApply", category=CATEGORY)
def control_net_inpainting_ali_mama_apply(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    mask: Annotated[Mask, "What is to be painted anew, for networks that take a mask."],
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Pair:
    """Steer by a picture and a mask. ControlNets of Stable Diffusion 1, 2 and XL take the picture alone."""
    diffusion.control.apply.warn_of_mask(control_net)
    sides = diffusion.control.apply.apply(
        (positive, negative), control_net, image, strength, start_percent, end_percent
    )
    return Pair(*sides)


@node("SetUnionControlNetType", category=CATEGORY)
def set_union_control_net_type(
    *,
    control_net: ControlNet,
    type: Annotated[Kind, "What the picture shows; auto leaves it to the network."],
) -> ControlNet:
    """Tell a ControlNet for several kinds of picture which one it gets."""
    return diffusion.control.handle.of_kind(control_net, type)


@node(
    "CLIPTextEncodeControlnet",
    category="_for_testing/conditioning",
    experimental=True,
    fingerprint=embedding_state,
)
def clip_text_encode_controlnet(
    *,
    clip: Clip,
    conditioning: Conditioning,
    text: Annotated[str, Text(multiline=True, dynamic=True), "What ControlNets read instead of the prompt."],
) -> Conditioning:
    """A prompt for ControlNets alone."""
    return diffusion.control.apply.with_text(conditioning, *clip.encode(text))
