"""Latents in files: safetensors that hold `latent_tensor`, and the graph that made it as metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from diffusion.header import read_header

TENSOR, MARK = "latent_tensor", "latent_format_version_0"
OLD_SCALE = 0.18215  # of Stable Diffusion 1: files without the mark hold what its network sees


def encode(samples: Tensor, texts: Mapping[str, str]) -> bytes:
    """samples (b, c, ...) and texts, which are kept by their keys, as the contents of a file."""
    tensors = {TENSOR: samples.detach().cpu().contiguous(), MARK: torch.empty(0)}
    return save(tensors, metadata=dict(texts))


def decode(path: Path) -> Tensor:
    """The samples of a file, in float32. Raises ValueError for what is no whole file of a latent."""
    entries = read_header(path).entries
    if TENSOR not in entries:
        held = ", ".join(list(entries)[:3]) or "nothing"
        raise ValueError(f"{path.name} holds no latent but {held}; choose a file that SaveLatent wrote")
    with safe_open(path, "pt") as file:
        samples = file.get_tensor(TENSOR).float()
    return samples if MARK in entries else samples / OLD_SCALE
