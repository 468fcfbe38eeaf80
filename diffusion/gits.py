"""GITS, geometry-inspired time steps (Chen et al. 2024, arXiv:2405.11326), for Stable Diffusion 1.

For each coefficient and number of steps another list of noise levels was found by dynamic programming over the levels
of a fine grid. `gits.json` holds them as numbers of that grid's levels.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion.schedule_tables import last_share

LAST = 0.02916753
"""The level that all lists end with; a run ends at 0 instead."""

LONGEST = 20
"""The list of this many steps serves all higher numbers, interpolated."""


def gits(coeff: float, steps: int, denoise: float = 1.0) -> Tensor:
    """The last `denoise` of `steps` steps, ending at 0; empty at denoise 0.

    coeff: 0.8 to 1.5 in steps of 0.05, rounded to that. Raises ValueError where no list is published.
    """
    if denoise <= 0:
        return torch.empty(0)
    tables = _tables()
    known = tables["lists"].get(str(round(round(coeff * 20) / 20, 2)))
    if known is None:
        raise ValueError(f"GITS has lists for a coeff from 0.8 to 1.5, and this is {coeff}")
    levels = known.get(str(min(steps, LONGEST)))
    if levels is None:
        raise ValueError(
            f"GITS has no list for {steps} steps at coeff {coeff}; it has them for {', '.join(known)} steps"
        )
    return last_share((*(tables["levels"][i] for i in levels), LAST), steps, denoise)


@cache
def _tables() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("gits.json").read_text(encoding="utf-8"))
