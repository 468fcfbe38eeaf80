"""OFT (Qiu et al. 2023) and BOFT (Liu et al. 2023): the weight's rows are rotated, in blocks of b or as a butterfly of
such blocks. A rotation is the Cayley transform of a skew-symmetric matrix: R = (1 + Q) (1 - Q)^-1."""

from __future__ import annotations

import torch
from torch import Tensor

from diffusion.adapters.low_rank import Parts
from diffusion.header import Shapes


def size(shapes: Shapes) -> tuple[int, None]:
    """The rows; their length does not matter."""
    *_, blocks, b, _ = shapes["oft_blocks"]
    return blocks * b, None


def rotate(weight: Tensor, parts: Parts, strength: float) -> Tensor:
    """weight (out, ...), each of whose blocks of b rows is rotated. strength: how far, linearly.

    oft_blocks (n, b, b); or (m, n, b, b) for a butterfly of m stages, in the i-th of which 2^i b / 2 rows lie between
    those that are mixed. rescale (out, 1, ...): a factor for each row.
    """
    blocks = parts["oft_blocks"]
    b = blocks.shape[-1]
    identity = torch.eye(b, device=blocks.device)
    rotations = torch.lerp(
        identity, _cayley(blocks, float(parts.get("alpha", torch.zeros(()))) * len(weight)), strength
    )
    if blocks.dim() == 3:
        turned = torch.einsum("k n m, k n ... -> k m ...", rotations, weight.unflatten(0, (-1, b))).flatten(0, 1)
    else:
        turned = weight
        for i, rotation in enumerate(rotations):
            turned = _butterfly(turned, rotation, 2**i * (b // 2))
    return turned * parts["rescale"].view(-1, *[1] * (weight.dim() - 1)) if "rescale" in parts else turned


def _cayley(blocks: Tensor, limit: float) -> Tensor:
    """The rotations; the skew-symmetric matrices together are made no longer than `limit`, if there is one."""
    q = blocks - blocks.mT
    norm = torch.linalg.vector_norm(q) + 1e-8
    if 0 < limit < norm:
        q = q * (limit / norm)
    identity = torch.eye(q.shape[-1], device=q.device)
    return torch.linalg.solve(identity - q, identity + q, left=False)


def _butterfly(weight: Tensor, rotation: Tensor, apart: int) -> Tensor:
    """One stage: rotation (n, b, b) mixes rows that lie `apart`."""
    rows = weight.unflatten(0, (-1, 2, apart)).transpose(1, 2).flatten(0, 2).unflatten(0, (-1, rotation.shape[-1]))
    rows = torch.einsum("n i j, n j ... -> n i ...", rotation, rows).flatten(0, 1)
    return rows.unflatten(0, (-1, apart, 2)).transpose(1, 2).flatten(0, 2)
