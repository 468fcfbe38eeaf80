"""From a file to an upscaler."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from diffusion import placement
from diffusion.header import read_header
from diffusion.placement import Resident
from diffusion.upscaling import foreign
from diffusion.upscaling.compact import SRVGGNetCompact
from diffusion.upscaling.config import CompactConfig, RRDBConfig
from diffusion.upscaling.kinds import known
from diffusion.upscaling.rrdb import RRDBNet
from diffusion.upscaling.upscaler import Upscaler
from diffusion.weights import assemble, open_weights


def load(path: Path) -> Upscaler:
    """An upscaler; its weights are read where it is first used. Raises ModelFileError."""
    header = read_header(path)
    found = known(header)
    if found is None:
        return foreign.load(path)
    weights = open_weights(path, header).of(found.part)
    network = assemble(lambda: build(found.config), weights, "upscaler")
    resident = Resident(network, placement.for_coder(), weights, found.config.activation)
    return Upscaler(resident, found.config.scale, found.config.in_channels, path.name)


def build(config: RRDBConfig | CompactConfig) -> nn.Module:
    return RRDBNet(config) if isinstance(config, RRDBConfig) else SRVGGNetCompact(config)
