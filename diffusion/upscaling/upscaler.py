"""`Upscaler`: what an UPSCALE_MODEL socket carries, and how it enlarges pictures in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion import placement
from diffusion.model import interruptible
from diffusion.placement import Resident
from diffusion.tiling import count_tiles, one_tiling

TILE, SMALLEST, OVERLAP = 512, 128, 32  # pixels of the picture


def untold(done: int, total: int) -> None: ...


def unchecked() -> None: ...


@dataclass(frozen=True, eq=False)
class Upscaler:
    """A network that enlarges pictures (b, c, h, w) of `channels` channels `scale` times."""

    network: Resident
    scale: int
    channels: int
    name: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(t.nbytes for t in self.network.module.state_dict().values())

    @torch.no_grad()
    def enlarge(
        self,
        images: Tensor,
        on_tile: Callable[[int, int], None] = untold,
        check: Callable[[], None] = unchecked,
    ) -> Tensor:
        """images (b, h, w, c) -> (b, h scale, w scale, c) in 0..1, an alpha channel being left off.

        Tiles of 512 pixels, or of as many as fit into the memory, each fading into the next over 32.
        on_tile: told how many tiles of all are done. check: called between the parts of the network; what it raises
        ends the call. Raises ValueError for pictures of too few channels.
        """
        given = images.shape[-1]
        if given != self.channels and (given, self.channels) != (4, 3):
            raise ValueError(f"{self.name} enlarges pictures of {self.channels} channels, but these have {given}")
        pixels = images[..., : self.channels].movedim(-1, 1)  # b c h w
        tile = self._tile(pixels)
        with interruptible(self.network, check):
            while True:
                try:
                    return self._tiled(pixels, tile, on_tile).movedim(1, -1).clamp_(0, 1)
                except RuntimeError as error:
                    if tile <= SMALLEST or not _out_of_memory(error):
                        raise
                tile = max(SMALLEST, tile // 2)

    def _tiled(self, pixels: Tensor, tile: int, on_tile: Callable[[int, int], None]) -> Tensor:
        total = len(pixels) * count_tiles(pixels.shape[2:], tile, OVERLAP)
        done = 0

        def code(x: Tensor) -> Tensor:
            nonlocal done
            enlarged = self.network(x).float()
            done += 1
            on_tile(done, total)
            return enlarged

        return torch.cat([one_tiling(item, code, tile, tile, OVERLAP, self.scale) for item in pixels.split(1)])

    def _tile(self, pixels: Tensor) -> int:
        """The largest tile that fits into the memory that is free, by a careful estimate."""
        place, tile = self.network.place, TILE
        free = placement.free_memory(place.device)
        while free is not None and tile > SMALLEST:
            area = min(tile, pixels.shape[2]) * min(tile, pixels.shape[3])
            if area * self.network.activation * place.dtype.itemsize * placement.HEADROOM <= free:
                break
            tile //= 2
        return tile


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
