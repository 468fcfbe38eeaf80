"""Loading models from files. What a file is follows from its header, so a wrong one is found before anything loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
from executor.files import Files
from executor.node import Choice, Folder, Widget, node
from executor.types import Facts
from nodes.model_files import only, problem, state, told
from nodes.sockets import Clip, ClipVision, Model, Vae

CONTEXT, LATENT = "context width", "latent channels"
WEIGHT_DTYPES = ("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")
CLIP_TYPES = (
    "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2", "wan",
    "hidream", "chroma", "ace", "omnigen2", "qwen_image", "hunyuan_image",
)  # fmt: skip


class Checkpoint(NamedTuple):
    model: Model
    clip: Clip
    vae: Vae


def checkpoint_state(files: Files, ckpt_name: str) -> Any:
    return state(files, "checkpoints", ckpt_name)


def checkpoint_problem(files: Files, ckpt_name: str) -> str | None:
    return problem(lambda: diffusion.detect.inspect(files.model("checkpoints", ckpt_name)))


def checkpoint_facts(files: Files, ckpt_name: str) -> Sequence[Facts]:
    sizes = told(lambda: diffusion.detect.inspect(files.model("checkpoints", ckpt_name)), ckpt_name)
    return only(sizes, CONTEXT, LATENT), only(sizes, CONTEXT), only(sizes, LATENT)


@node(
    "CheckpointLoaderSimple",
    category="loaders",
    display_name="Load Checkpoint",
    output_names=("MODEL", "CLIP", "VAE"),
    fingerprint=checkpoint_state,
    validate=checkpoint_problem,
    facts=checkpoint_facts,
)
def checkpoint_loader_simple(
    *, ckpt_name: Annotated[str, Folder("checkpoints"), "A file of models/checkpoints."], files: Files
) -> Checkpoint:
    """Open a checkpoint: the model that denoises, the encoder that reads prompts, the VAE."""
    embeddings = files.folders("embeddings")
    return Checkpoint(*diffusion.checkpoint.load(files.model("checkpoints", ckpt_name), embeddings))


@node(
    "CheckpointLoader",
    category="advanced/loaders",
    display_name="Load Checkpoint With Config (DEPRECATED)",
    output_names=("MODEL", "CLIP", "VAE"),
    fingerprint=checkpoint_state,
    validate=checkpoint_problem,
    facts=checkpoint_facts,
    deprecated=True,
)
def checkpoint_loader(
    *,
    config_name: Annotated[str, Folder("configs"), "A file of models/configs; the checkpoint itself tells the rest."],
    ckpt_name: Annotated[str, Folder("checkpoints"), "A file of models/checkpoints."],
    files: Files,
) -> Checkpoint:
    """Open a checkpoint. Of the config only what the model predicts is read; the checkpoint itself tells the rest."""
    config = files.model("configs", config_name).read_text("utf-8", errors="replace")
    told = diffusion.detect.config_prediction(config)
    path, embeddings = files.model("checkpoints", ckpt_name), files.folders("embeddings")
    return Checkpoint(*diffusion.checkpoint.load(path, embeddings, told))


class UnclipCheckpoint(NamedTuple):
    model: Model
    clip: Clip
    vae: Vae
    clip_vision: ClipVision


def unclip_facts(files: Files, ckpt_name: str) -> Sequence[Facts]:
    return *checkpoint_facts(files, ckpt_name), {}


@node(
    "unCLIPCheckpointLoader",
    category="loaders",
    output_names=("MODEL", "CLIP", "VAE", "CLIP_VISION"),
    fingerprint=checkpoint_state,
    validate=checkpoint_problem,
    facts=unclip_facts,
)
def unclip_checkpoint_loader(
    *, ckpt_name: Annotated[str, Folder("checkpoints"), "A file of models/checkpoints."], files: Files
) -> UnclipCheckpoint:
    """Open a checkpoint that takes pictures as prompts, with the network that sees them."""
    path, embeddings = files.model("checkpoints", ckpt_name), files.folders("embeddings")
    return UnclipCheckpoint(*diffusion.checkpoint.load(path, embeddings), diffusion.checkpoint.load_vision(path))


def folder_state(files: Files, model_path: str) -> Any:
    return state(files, "diffusers", model_path)


def folder_problem(files: Files, model_path: str) -> str | None:
    return problem(lambda: diffusion.folders.inspect(files.model("diffusers", model_path)))


def folder_facts(files: Files, model_path: str) -> Sequence[Facts]:
    sizes = told(lambda: diffusion.folders.inspect(files.model("diffusers", model_path)), model_path)
    return only(sizes, CONTEXT, LATENT), only(sizes, CONTEXT), only(sizes, LATENT)


@node(
    "DiffusersLoader",
    category="advanced/loaders/deprecated",
    output_names=("MODEL", "CLIP", "VAE"),
    fingerprint=folder_state,
    validate=folder_problem,
    facts=folder_facts,
)
def diffusers_loader(
    *, model_path: Annotated[str, Folder("diffusers"), "A folder of models/diffusers."], files: Files
) -> Checkpoint:
    """Open a model that is kept as a folder, with its networks in unet/, text_encoder/ and vae/."""
    embeddings = files.folders("embeddings")
    return Checkpoint(*diffusion.checkpoint.load_folder(files.model("diffusers", model_path), embeddings))


def unet_state(files: Files, unet_name: str) -> Any:
    return state(files, "diffusion_models", unet_name)


def unet_problem(files: Files, unet_name: str) -> str | None:
    return problem(lambda: diffusion.detect.inspect(files.model("diffusion_models", unet_name)))


def unet_facts(files: Files, unet_name: str) -> Sequence[Facts]:
    sizes = told(lambda: diffusion.detect.inspect(files.model("diffusion_models", unet_name)), unet_name)
    return (only(sizes, CONTEXT, LATENT),)


@node(
    "UNETLoader",
    category="advanced/loaders",
    display_name="Load Diffusion Model",
    fingerprint=unet_state,
    validate=unet_problem,
    facts=unet_facts,
)
def unet_loader(
    *,
    unet_name: Annotated[str, Folder("diffusion_models"), "A file of models/diffusion_models."],
    weight_dtype: Annotated[str, Choice(WEIGHT_DTYPES), "What the weights are rounded to; the work has more bits."],
    files: Files,
) -> Model:
    """Open only the model that denoises."""
    return diffusion.checkpoint.load_unet(files.model("diffusion_models", unet_name), weight_dtype)


def vae_state(files: Files, vae_name: str) -> Any:
    return state(files, "vae", vae_name)


def vae_problem(files: Files, vae_name: str) -> str | None:
    return problem(lambda: diffusion.detect.inspect_vae(files.model("vae", vae_name)))


def vae_facts(files: Files, vae_name: str) -> Sequence[Facts]:
    return (told(lambda: diffusion.detect.inspect_vae(files.model("vae", vae_name)), vae_name),)


@node(
    "VAELoader",
    category="loaders",
    display_name="Load VAE",
    fingerprint=vae_state,
    validate=vae_problem,
    facts=vae_facts,
)
def vae_loader(*, vae_name: Annotated[str, Folder("vae"), "A file of models/vae."], files: Files) -> Vae:
    """Open a VAE of its own, to use instead of the checkpoint's."""
    return diffusion.checkpoint.load_vae(files.model("vae", vae_name))


def clip_state(files: Files, clip_name: str) -> Any:
    return state(files, "text_encoders", clip_name)


def clip_problem(files: Files, clip_name: str, type: str) -> str | None:
    if type != "stable_diffusion":
        return f"text encoders of type {type!r} cannot be run yet; there is 'stable_diffusion'"
    return problem(lambda: diffusion.detect.inspect_text(files.model("text_encoders", clip_name)))


def clip_facts(files: Files, clip_name: str) -> Sequence[Facts]:
    return (told(lambda: diffusion.detect.inspect_text(files.model("text_encoders", clip_name)), clip_name),)


@node(
    "CLIPLoader",
    category="advanced/loaders",
    display_name="Load CLIP",
    fingerprint=clip_state,
    validate=clip_problem,
    facts=clip_facts,
)
def clip_loader(
    *,
    clip_name: Annotated[str, Folder("text_encoders"), "A file of models/text_encoders."],
    type: Annotated[str, Choice(CLIP_TYPES), "The family of models that the encoder belongs to."],
    device: Annotated[Literal["default", "cpu"], "Where it runs.", Widget(optional=True, advanced=True)] = "default",
    files: Files,
) -> Clip:
    """Open a text encoder of its own."""
    path = files.model("text_encoders", clip_name)
    return diffusion.checkpoint.load_clip(path, files.folders("embeddings"), on_cpu=device == "cpu")


DUAL_TYPES = ("sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image")


def dual_clip_state(files: Files, clip_name1: str, clip_name2: str) -> Any:
    return state(files, "text_encoders", clip_name1), state(files, "text_encoders", clip_name2)


def _both(files: Files, clip_name1: str, clip_name2: str) -> dict[str, int]:
    one, two = (files.model("text_encoders", name) for name in (clip_name1, clip_name2))
    return diffusion.detect.inspect_two_texts(one, two)


def dual_clip_problem(files: Files, clip_name1: str, clip_name2: str, type: str) -> str | None:
    if type != "sdxl":
        return f"text encoders of type {type!r} cannot be run yet; there is 'sdxl'"
    return problem(lambda: _both(files, clip_name1, clip_name2))


def dual_clip_facts(files: Files, clip_name1: str, clip_name2: str) -> Sequence[Facts]:
    return (told(lambda: _both(files, clip_name1, clip_name2), f"{clip_name1} and {clip_name2}"),)


@node(
    "DualCLIPLoader",
    category="advanced/loaders",
    fingerprint=dual_clip_state,
    validate=dual_clip_problem,
    facts=dual_clip_facts,
)
def dual_clip_loader(
    *,
    clip_name1: Annotated[str, Folder("text_encoders"), "A file of models/text_encoders."],
    clip_name2: Annotated[str, Folder("text_encoders"), "The other one; the order is all the same."],
    type: Annotated[str, Choice(DUAL_TYPES), "The family of models that the encoders belong to."],
    device: Annotated[Literal["default", "cpu"], "Where they run.", Widget(optional=True, advanced=True)] = "default",
    files: Files,
) -> Clip:
    """Open the two text encoders of Stable Diffusion XL."""
    one, two = (files.model("text_encoders", name) for name in (clip_name1, clip_name2))
    return diffusion.checkpoint.load_two_clips(one, two, files.folders("embeddings"), on_cpu=device == "cpu")
