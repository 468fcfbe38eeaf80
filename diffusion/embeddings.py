"""Embeddings (Gal et al. 2022, "An Image is Worth One Word"): trained vectors that stand in a prompt for a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from diffusion.header import ModelFileError
from diffusion.prompt import Vector
from diffusion.weights import open_weights


def load(path: Path, name: str, encoder: str) -> list[Vector]:
    """The vectors of a file, for the text encoder `clip_l` or `clip_g`.

    A file has one table: `emb_params`, or WebUI's `string_to_param`, or diffusers' `<word>`; files for two encoders
    have one table each, named by encoder. Raises ModelFileError if the file is damaged or holds none.
    """
    table = _table(open_weights(path).tensors, encoder)
    if table is None:
        raise ModelFileError(f"{path.name} holds no vectors (n, width), so it is no embedding")
    rows = table.float().reshape(-1, table.shape[-1])
    return [Vector(name, i, row) for i, row in enumerate(rows)]


def _table(tensors: Mapping[str, Tensor], encoder: str) -> Tensor | None:
    floating = {n: t for n, t in tensors.items() if t.is_floating_point() and 1 <= t.dim() <= 2}
    if encoder in floating or "emb_params" in floating:
        return floating.get(encoder, floating.get("emb_params"))
    return next(iter(floating.values()), None)
