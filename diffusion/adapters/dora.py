"""DoRA (Liu et al. 2024): direction and length of a weight are changed apart; the file has the lengths."""

from __future__ import annotations

import torch
from torch import Tensor


def decomposed(weight: Tensor, merged: Tensor, lengths: Tensor, strength: float) -> Tensor:
    """The weight (out, in, ...) on its way to `merged` with other lengths; `strength` 1 is there.

    lengths: (out,) or (out, 1, ...) of the rows; (1, in, ...) of the columns.
    """
    columns = lengths.dim() > 1 and lengths.shape[0] == 1 and lengths.shape[1] == weight.shape[1]
    kept = 1 if columns else 0
    others = [d for d in range(weight.dim()) if d != kept]
    norm = torch.linalg.vector_norm(merged, dim=others, keepdim=True)
    shape = [-1 if d == kept else 1 for d in range(weight.dim())]
    full = merged * (lengths.reshape(shape) / norm)
    return torch.lerp(weight, full, strength)
