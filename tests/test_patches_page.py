"""The examples of `docs/patches.md` work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from diffusion.steering import Step

PAGE = Path(__file__).parents[1] / "docs/patches.md"
NEEDS = """
from __future__ import annotations
from collections.abc import Iterator
import torch
from torch import Tensor
from diffusion.steering import GuidancePatch, Steering, Step, after
"""


def examples() -> dict[str, Any]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, Any] = {}
    for block in blocks:
        if "@node" not in block:
            exec(NEEDS + block, made)
    return made


def test_guidance_examples_do_what_they_say():
    made = examples()
    x0 = {"positive": torch.ones(1, 4, 2, 2), "negative": torch.zeros(1, 4, 2, 2)}
    step = Step(torch.zeros(1, 4, 2, 2), torch.tensor(1.0), 5.0, x0)
    sharper = made["sharper"](0.5).start(None, None)
    assert sharper.after(step, torch.full((1, 4, 2, 2), 2.0)).unique().tolist() == [3.0]
    smoothed = made["smoothed"](0.25)
    first, other = smoothed.start(None, None), smoothed.start(None, None)
    assert float(first.after(step, torch.tensor(4.0))) == 4.0
    assert float(first.after(step, torch.tensor(0.0))) == 1.0
    assert float(other.after(step, torch.tensor(0.0))) == 0.0


def test_every_file_that_it_names_is_there():
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:diffusion|tests)/[\w/]+\.py)`", text))
    assert len(named) >= 6
    assert not [name for name in named if not (PAGE.parents[1] / name).exists()]


def test_the_network_example_multiplies():
    from diffusion.network_patches import altered
    from diffusion.unet import UNet

    network = UNet.__new__(UNet)
    torch.nn.Module.__init__(network)
    network.middle_block = torch.nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    with altered(network, [examples()["louder_middle"](3.0)], torch.tensor([1.0])):
        assert float(network.middle_block(torch.tensor(2.0))) == 6.0  # pyright: ignore[reportArgumentType]
    assert float(network.middle_block(torch.tensor(2.0))) == 2.0  # pyright: ignore[reportArgumentType]
