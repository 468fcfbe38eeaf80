"""Nodes that read and write files of latents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import diffusion
import executor.output_files as output_files
from executor.files import FileProblem, Files
from executor.node import Choice, ExtraPngInfo, Prompt, Shown, node
from nodes.sockets import Latent


def input_latents(files: Files) -> list[str]:
    return sorted(p.name for p in files.root("input").glob("*.latent") if p.is_file())


def latent_state(files: Files, latent: str) -> Any:
    path = files.input(latent)
    return str(path), path.stat().st_size, path.stat().st_mtime_ns


def latent_problem(files: Files, latent: str) -> str | None:
    try:
        files.input(latent)
    except FileProblem as problem:
        return f"latent: {problem}; put the file there or choose another"
    return None


@node("LoadLatent", category="_for_testing", fingerprint=latent_state, validate=latent_problem)
def load_latent(*, latent: Annotated[str, Choice(input_latents)], files: Files) -> Latent:
    """Read a latent of the input folder."""
    return {"samples": diffusion.latent_files.decode(files.input(latent))}


@node("SaveLatent", category="_for_testing", output_node=True)
def save_latent(
    *,
    samples: Latent,
    filename_prefix: Annotated[str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd%."] = (
        "latents/ComfyUI"
    ),
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save a latent in the output folder, with the graph that made it inside."""
    prefix = output_files.fill(filename_prefix, prompt, datetime.now())
    content = diffusion.latent_files.encode(samples["samples"], output_files.texts(prompt, extra_pnginfo))
    return Shown({"latents": output_files.save(files, "output", prefix, "latent", [content])}, None)
