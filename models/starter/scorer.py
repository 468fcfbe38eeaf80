"""A small network that tells which of the 200 names a picture shows: the judge of what the starter model draws."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from models.starter.names import STYLES

SIDE = 64  # pixels
WIDTHS = (32, 64, 128, 192)
BATCH = 64
RATE, DECAY = 3e-3, 0.05


class Scorer(nn.Sequential):
    """Four convolutions, each halving the sides, and a linear layer: (b, 3, 64, 64) in 0..1 -> scores (b, names)."""

    def __init__(self, names: Sequence[str]):
        layers = [
            nn.Sequential(nn.Conv2d(a, b, 5 if a == 3 else 3, 2, 2 if a == 3 else 1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise((3, *WIDTHS))
        ]
        width = WIDTHS[-1] * (SIDE // 2 ** len(WIDTHS)) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, len(names)))
        self.names = tuple(names)


@dataclass(frozen=True)
class Drawings:
    """Drawings of known things. pixels: (n, 3, 64, 64) in 0..1. truth, style: (n,), the numbers of their names and of
    their styles."""

    pixels: Tensor
    truth: Tensor
    style: Tensor

    def where(self, chosen: Tensor) -> Drawings:
        """Some of them; chosen: bool (n,)."""
        return Drawings(self.pixels[chosen], self.truth[chosen], self.style[chosen])


def rows(folder: Path) -> list[Mapping[str, str]]:
    """What metadata.jsonl says of the pictures of a folder, as `prepare.py` writes it. Raises OSError."""
    lines = (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read(folder: Path, names: Sequence[str]) -> Drawings:
    """The drawings of single names of a folder, each only once on white. Compositions, which are none of `names`, are
    left out."""
    single = [row for row in rows(folder) if row["name"] in names]
    once = {(row["style"], row["name"], row["background"]): row for row in single}.values()
    pixels = torch.stack([small(pixels_of(folder / row["file_name"])[None])[0] for row in once])
    truth = torch.tensor([names.index(row["name"]) for row in once])
    return Drawings(pixels, truth, torch.tensor([STYLES.index(row["style"]) for row in once]))


def pixels_of(path: Path) -> Tensor:
    """A picture file as (h, w, 3) in 0..1."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).float() / 255


def small(images: Tensor) -> Tensor:
    """Pictures (b, h, w, 3) as the scorer sees them: (b, 3, 64, 64)."""
    return functional.interpolate(images.movedim(-1, 1), size=(SIDE, SIDE), mode="area")


def disturbed(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (b, 3, 64, 64) moved, scaled, turned, mirrored, a little recoloured, blurred and noisy, each otherwise:
    what a generator may do to a drawing that still shows the same. The hue keeps its name."""
    b = len(pixels)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(b, *shape, generator=random) * (high - low) + low

    scale, angle = 1 / uniform(0.75, 1.1), uniform(-0.15, 0.15)
    mirror = uniform(-1, 1).sign()
    cos, sin = scale * angle.cos(), scale * angle.sin()
    x, y = uniform(-0.15, 0.15), uniform(-0.15, 0.15)  # of half the side
    affine = torch.stack([cos * mirror, -sin, x, sin * mirror, cos, y], 1).view(b, 2, 3)
    grid = functional.affine_grid(affine, list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    contrast, light, tint = uniform(0.75, 1.2, 1, 1, 1), uniform(-0.12, 0.12, 1, 1, 1), uniform(0.93, 1.07, 3, 1, 1)
    coloured = ((moved - 0.5) * contrast + 0.5 + light) * tint
    soft = functional.avg_pool2d(functional.pad(coloured, (1, 1, 1, 1), mode="replicate"), 3, 1)
    blurred = coloured.lerp(soft, uniform(0, 1, 1, 1, 1))
    noise = torch.randn(blurred.shape, generator=random) * uniform(0, 0.08, 1, 1, 1)
    return (blurred + noise).clamp(0, 1)


def train(drawings: Drawings, names: Sequence[str], steps: int, seed: int = 0) -> Iterator[tuple[int, float, Scorer]]:
    """Train a scorer; after every step its number, its loss, and the scorer as it is, which is ready after the last."""
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scorer = Scorer(names)
    optimizer = torch.optim.AdamW(scorer.parameters(), RATE, weight_decay=DECAY)
    for step in range(steps):
        chosen = torch.randint(len(drawings.truth), (BATCH,), generator=random)
        optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1, (step + 1) / 50)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + step)  # of the dropout
            scores = scorer.train()(disturbed(drawings.pixels[chosen], random))
        loss = functional.cross_entropy(scores, drawings.truth[chosen], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, loss.item(), scorer.eval()


@torch.no_grad()
def scores(scorer: nn.Module, pixels: Tensor) -> Tensor:
    """Of pictures (n, 3, 64, 64), those of all names: (n, names)."""
    return torch.cat([scorer(part) for part in pixels.split(BATCH)])


def nearest(pixels: Tensor, truth: Tensor, drawings: Drawings) -> Tensor:
    """The style of the drawing of the same name that is nearest to each picture in its mean squared difference.

    pixels (n, 3, 64, 64), truth (n,): the numbers of their names -> the numbers of the styles (n,).
    """
    found: list[Tensor] = []
    for picture, name in zip(pixels, truth, strict=True):
        same = drawings.where(drawings.truth == name)
        found.append(same.style[(same.pixels - picture).square().mean((1, 2, 3)).argmin()])
    return torch.stack(found)


def among_top(scores: Tensor, truth: Tensor, k: int) -> Tensor:
    """Whether the right name is among the k best of each picture: scores (n, names), truth (n,) -> bool (n,)."""
    return (scores.topk(k).indices == truth[:, None]).any(1)


def share(scores: Tensor, truth: Tensor, k: int) -> float:
    """Of how many pictures, 0..1, the right name is among the k best."""
    return float(among_top(scores, truth, k).float().mean())


def save(scorer: Scorer, path: Path) -> None:
    """Write the scorer with its names."""
    save_file(scorer.state_dict(), path, {"names": json.dumps(scorer.names)})


def load(path: Path) -> Scorer:
    """A scorer that `save` wrote. Raises ValueError for another kind of file, OSError."""
    try:
        with safe_open(path, framework="pt") as file:
            scorer = Scorer(json.loads(file.metadata()["names"]))
            scorer.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118, it is no mapping
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is no scorer; make one with judge.py train-scorer") from error
    return scorer.eval()
