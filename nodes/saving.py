"""Nodes that write models into files, with the graph that made them inside."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import diffusion
import executor.output_files as output_files
from executor.files import Files
from executor.node import ExtraPngInfo, Prompt, Range, Widget, node
from nodes.sockets import Clip, Model, Vae

if TYPE_CHECKING:
    from collections.abc import Iterable

    from executor.output_files import Pieces

CATEGORY = "advanced/model_merging"
Prefix = Annotated[str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd%."]


def _write(files: Files, prefix: str, prompt: Any, contents: Iterable[Pieces]) -> None:
    output_files.save(files, "output", output_files.fill(prefix, prompt, datetime.now()), "safetensors", contents)


@node("CheckpointSave", category=CATEGORY, display_name="Save Checkpoint", output_node=True)
def checkpoint_save(
    *,
    model: Model,
    clip: Clip,
    vae: Vae,
    filename_prefix: Prefix = "checkpoints/ComfyUI",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> None:
    """Save a model, its text encoder and its VAE as one checkpoint, with all adapters merged."""
    texts = output_files.texts(prompt, extra_pnginfo)
    _write(files, filename_prefix, prompt, [diffusion.saving.checkpoint(model, clip, vae, texts)])


@node("ModelSave", category=CATEGORY, output_node=True)
def model_save(
    *,
    model: Model,
    filename_prefix: Prefix = "diffusion_models/ComfyUI",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> None:
    """Save the model that denoises, with all adapters merged."""
    texts = output_files.texts(prompt, extra_pnginfo)
    _write(files, filename_prefix, prompt, [diffusion.saving.unet(model, texts)])


@node("CLIPSave", category=CATEGORY, output_node=True)
def clip_save(
    *, clip: Clip, filename_prefix: Prefix = "clip/ComfyUI", prompt: Prompt, extra_pnginfo: ExtraPngInfo, files: Files
) -> None:
    """Save the text encoders, a file each, with all adapters merged."""
    for name, content in diffusion.saving.text_encoders(clip, output_files.texts(prompt, extra_pnginfo)):
        _write(files, f"{filename_prefix}_{name}", prompt, [content])


@node("VAESave", category=CATEGORY, output_node=True)
def vae_save(
    *, vae: Vae, filename_prefix: Prefix = "vae/ComfyUI_vae", prompt: Prompt, extra_pnginfo: ExtraPngInfo, files: Files
) -> None:
    """Save a VAE."""
    _write(files, filename_prefix, prompt, [diffusion.saving.vae(vae, output_files.texts(prompt, extra_pnginfo))])


@node("LoraSave", category="_for_testing", display_name="Extract and Save Lora", output_node=True, experimental=True)
def lora_save(
    *,
    filename_prefix: Annotated[Prefix, Widget(multiline=False)] = "loras/ComfyUI_extracted_lora",
    rank: Annotated[int, Range(1, 4096, step=1), "Higher keeps more of the difference, in a larger file."] = 8,
    lora_type: Annotated[Literal["standard", "full_diff"], "Of low rank, or the difference as it is."],
    bias_diff: Annotated[bool, "Keep the differences of biases and norms too."] = True,
    model_diff: Annotated[Model | None, "A difference of two models, of ModelMergeSubtract."] = None,
    text_encoder_diff: Annotated[Clip | None, "A difference of two text encoders, of CLIPMergeSubtract."] = None,
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> None:
    """Save the difference of two models as a LoRA."""
    if model_diff is None and text_encoder_diff is None:
        raise ValueError("there is nothing to extract; connect model_diff, text_encoder_diff or both")
    tensors = diffusion.adapters.extract.adapter(
        model_diff, text_encoder_diff, rank, full=lora_type == "full_diff", biases=bias_diff
    )
    texts = output_files.texts(prompt, extra_pnginfo)
    _write(files, filename_prefix, prompt, [diffusion.tensor_files.TensorFile(tensors, texts)])
