"""Randomness that is a function of the seed, the step and a name: nothing of it has to be saved to go on exactly."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, step: int, part: str = "") -> torch.Generator:
    """A generator on the CPU, so that a seed means one training everywhere. part: which of a step's draws it is for."""
    digest = hashlib.blake2b(f"{seed}/{step}/{part}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
