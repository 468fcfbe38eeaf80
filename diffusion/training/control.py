"""A ControlNet learns to steer a UNet that stays as it is (Zhang et al. 2023).

b batch, h w latent size, H W = 8h 8w pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from diffusion import canny, unet
from diffusion.control.net import ControlNet, ControlNetConfig
from diffusion.tensor_files import TensorFile, stored
from diffusion.training.draws import generator
from diffusion.unet import UNet

HINT = (3, 16, 16, 32, 32, 96, 96, 256)
"""Channels of the way in for the picture, as published; the last ones are the UNet's."""

THRESHOLDS = (0.4, 0.8)
"""Of the edges; those that the node Canny begins with."""

PREFIX = "control_model."


class Controlled(nn.Module):
    """A UNet and the control that it gets, as one network. hint: (b, 1 or 3, H, W) in 0..1."""

    def __init__(self, unet: UNet, control: ControlNet):
        super().__init__()
        self.unet, self.control = unet.requires_grad_(False), control

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor, *, hint: Tensor, **others: Any) -> Tensor:
        """x (b, c, h, w), timesteps (b,), context (b, t, d) -> (b, c, h, w)."""
        guide = self.control.guide(hint.to(x.dtype).expand(-1, HINT[0], -1, -1))
        *skips, middle = self.control(x, timesteps, context, others.get("y"), guide=guide)
        added = unet.Control((None,) * len(skips), middle, tuple(skips))
        return self.unet(x, timesteps, context, control=added, **others)


def new(network: UNet, seed: int) -> ControlNet:
    """A control that changes nothing yet: the way down is a copy of the UNet's, and what it adds goes through zeros.

    The seed decides the way in for the picture, whose edges are seen from the first step: as strongly as they are put
    in (He et al. 2015), where Zhang et al. begin with zeros there, too, and train far longer. Raises ValueError for a
    UNet that sees more than its latent.
    """
    config = network.config
    if config.in_channels != config.out_channels:
        raise ValueError(
            f"its UNet takes in {config.in_channels} channels and gives {config.out_channels}, as for inpainting; "
            "a control is trained with the plain model of the family"
        )
    control = ControlNet(ControlNetConfig(replace(config, output_blocks=()), (*HINT, config.model_channels)))
    random = generator(seed, 0, "control")
    with torch.no_grad():
        for parameter in control.parameters():
            bound = (6 / parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.0
            parameter.uniform_(-bound, bound, generator=random)
        zeros = (control.zero_convs, control.middle_block_out)
        for parameter in (p for part in zeros for p in part.parameters()):
            parameter.zero_()
        own = network.state_dict()
        copied = {name: own[name].float() for name in control.state_dict() if name in own}
        control.load_state_dict(copied, strict=False)
    return control.to(next(network.parameters()).device)


def edges(pictures: Tensor) -> Tensor:
    """What a control for edges is shown of pictures (b, H, W, 3) in 0..1: (b, 1, H, W), 0 or 1, in 8 bits."""
    return canny.edges(pictures, *THRESHOLDS)[:, None].to(torch.uint8)


def file(control: ControlNet, told: Mapping[str, str]) -> TensorFile:
    """In the layout of the first published ControlNets. told: kept as metadata."""
    tensors = {f"{PREFIX}{name}": stored(tensor.detach()) for name, tensor in control.state_dict().items()}
    heads = control.config.heads
    usual = {"architecture": json.dumps({"unet": {"num_heads": heads}})} if heads else {}
    return TensorFile(tensors, {**usual, **told})
