"""Adapters: small files that change the weights of a model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import diffusion
import executor.output_files as output_files
from executor.files import FileProblem, Files
from executor.node import Folder, Range, Widget, node
from executor.types import Fact, Facts
from nodes.sockets import Clip, LoraModel, Model

Strength = Annotated[float, Range(-100.0, 100.0, step=0.01), "How much of the change; negative turns it around."]
Name = Annotated[str, Folder("loras"), "A file of models/loras: LoRA, LoCon, LoHa, LoKr, GLoRA, OFT, BOFT, DoRA."]


class Patched(NamedTuple):
    model: Model
    clip: Clip


def lora_state(files: Files, lora_name: str) -> Any:
    state = files.model("loras", lora_name).stat()
    return state.st_size, state.st_mtime_ns


def lora_problem(files: Files, lora_name: str) -> str | None:
    try:
        diffusion.adapters.files.inspect(files.model("loras", lora_name))
    except FileProblem:
        return None  # a missing file is the menu's affair
    except diffusion.header.ModelFileError as error:
        return str(error)
    return None


def lora_facts(files: Files, lora_name: str) -> Sequence[Facts]:
    """For which width of conditioning the adapter was made, which is that of the model and of its text encoder."""
    try:
        told = diffusion.adapters.files.inspect(files.model("loras", lora_name))
    except (FileProblem, diffusion.header.ModelFileError):
        told = {}
    return ({name: Fact(value, lora_name) for name, value in told.items()},)


def both_facts(files: Files, lora_name: str) -> Sequence[Facts]:
    return (*lora_facts(files, lora_name), {})


@node(
    "LoraLoader",
    category="loaders",
    display_name="Load LoRA",
    output_names=("MODEL", "CLIP"),
    fingerprint=lora_state,
    validate=lora_problem,
    facts=both_facts,
)
def lora_loader(
    *,
    model: Model,
    clip: Clip,
    lora_name: Name,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    files: Files,
) -> Patched:
    """Merge an adapter into a model and its text encoder. Sampling takes no longer than without it."""
    if strength_model == strength_clip == 0:
        return Patched(model, clip)
    path = files.model("loras", lora_name)
    return Patched(*diffusion.adapters.load.apply(path, model, clip, strength_model, strength_clip))


@node("LoraLoaderModelOnly", category="loaders", fingerprint=lora_state, validate=lora_problem, facts=lora_facts)
def lora_loader_model_only(*, model: Model, lora_name: Name, strength_model: Strength = 1.0, files: Files) -> Model:
    """Merge an adapter into a model only, not into its text encoder."""
    if strength_model == 0:
        return model
    return diffusion.adapters.load.apply_to_model(files.model("loras", lora_name), model, strength_model)


@node("LoraModelLoader", category="loaders", display_name="Load LoRA Model", experimental=True)
def lora_model_loader(*, model: Model, lora: LoraModel, strength_model: Strength = 1.0) -> Model:
    """Merge an adapter that was made in this graph into a model."""
    return diffusion.adapters.load.apply_lora(lora, model, strength_model) if strength_model else model


@node("SaveLoRANode", category="loaders", display_name="Save LoRA Weights", output_node=True, experimental=True)
def save_lora_node(
    *,
    lora: LoraModel,
    prefix: Annotated[str, "Folders and the beginning of the name."] = "loras/ComfyUI_trained_lora",
    steps: Annotated[int | None, Widget(forceInput=True), "Of training, to be a part of the name."] = None,
    files: Files,
) -> None:
    """Save an adapter that was made in this graph."""
    name = prefix if steps is None else f"{prefix}_{steps}_steps"
    content = diffusion.training.adapter_files.hashed_file(lora.tensors, lora.metadata)
    output_files.save(files, "output", output_files.fill(name, {}, datetime.now()), "safetensors", [content])


def hypernetwork_state(files: Files, hypernetwork_name: str) -> Any:
    state = files.model("hypernetworks", hypernetwork_name).stat()
    return state.st_size, state.st_mtime_ns


@node("HypernetworkLoader", category="loaders", fingerprint=hypernetwork_state)
def hypernetwork_loader(
    *,
    model: Model,
    hypernetwork_name: Annotated[str, Folder("hypernetworks"), "A file of models/hypernetworks."],
    strength: Annotated[float, Range(-10.0, 10.0, step=0.01), "How much of the change."] = 1.0,
    files: Files,
) -> Model:
    """Put a hypernetwork before the keys and values of a model's attentions."""
    return diffusion.adapters.hypernetwork.apply(model, files.model("hypernetworks", hypernetwork_name), strength)
