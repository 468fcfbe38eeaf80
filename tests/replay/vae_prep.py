"""Replays the group vae_prep of nodes.json through our nodes, with its closed-form coder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import nodes as _  # noqa: F401  (registers every node)
from diffusion.coding import Vae, crop
from executor.node import registry, results
from tests.compare import decode, diff, is_tensor


class ToyCoder:
    """Means of squares of 8 x 8 pixels, plus a part of the mean of all that it is called with."""

    def encode(self, x: Tensor) -> Tensor:
        means = functional.avg_pool2d(x, 8)
        return torch.cat([means, means.mean(1, keepdim=True)], 1) + 0.3 * x.mean()

    def decode(self, x: Tensor) -> Tensor:
        return 0.1 * functional.interpolate(x[:, :3], scale_factor=8) + 0.3 * x.mean()


@dataclass(frozen=True)
class Watched(Vae):
    """Remembers what it was asked to encode. The VAE of the records cuts what exceeds on the right and below only."""

    seen: list[Tensor] = field(default_factory=list[Tensor])

    def encode(self, image: Tensor) -> Tensor:
        self.seen.append(image)
        height, width = (n // 8 * 8 for n in image.shape[1:3])
        return self.coder.encode(image[:, :height, :width].movedim(-1, 1) * 2 - 1)


def replay(data: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str | None]]:
    """For each record its label, and None or what differs."""
    for i, record in enumerate(data.get("vae_prep", ())):
        yield f"vae_prep[{i}] {record.get('node', record.get('op'))}", mismatch(record)


def mismatch(record: Mapping[str, Any]) -> str | None:
    return _node_mismatch(record) if "node" in record else _operation_mismatch(record)


def _node_mismatch(record: Mapping[str, Any]) -> str | None:
    if record["node"] not in registry:
        return f"there is no node {record['node']}"
    vae = Watched(ToyCoder())
    spec = registry[record["node"]]
    try:
        returned = spec.function(**{**decode(record["inputs"], torch.tensor), "vae": vae})
    except Exception as error:
        return None if "error" in record else f"{type(error).__name__}: {error}"
    got = [_plain(output) for output in results(spec, returned)]
    return diff(got, record["outputs"], path="output") or diff(vae.seen, record["pixels_to_vae"], path="pixels_to_vae")


def _plain(output: Any) -> Any:
    """Conditioning as lists of lists, as the records have it."""
    return [[tensor, options] for tensor, options in output] if isinstance(output, list) else output


def _operation_mismatch(record: Mapping[str, Any]) -> str | None:
    vae = Vae(ToyCoder())
    given = {k: decode(v, torch.tensor) for k, v in record.items() if is_tensor(v) and "stride" not in v}
    match record["op"].split(" ")[0]:
        case "crop":
            if "pixels" not in given:
                return _sizes_mismatch(record)
            return diff(crop(given["pixels"]).contiguous(), record["cropped"], path="cropped")
        case "decode_tiled":
            image = vae.decode_tiled(given["samples"], record["tile_y"], record["tile_x"], record["overlap"])
            return diff(image.movedim(-1, 1).contiguous(), record["output_bchw"], path="output")
        case "encode_tiled":
            small = given["pixels_nearest_x8_of"]
            pixels = small.repeat_interleave(8, 1).repeat_interleave(8, 2)
            latent = vae.encode_tiled(pixels, record["tile_y"], record["tile_x"], record["overlap"])
            return diff(latent, record["output_bchw"], path="output")
        case other:
            return f"there is no operation {other}"


def _sizes_mismatch(record: Mapping[str, Any]) -> str | None:
    """Where the input is recorded in part only: each recorded pixel of the result must be that of the input there."""
    pixels, cropped = record["pixels"], record["cropped"]
    places = torch.arange(torch.Size(pixels["shape"]).numel()).reshape(pixels["shape"])
    kept = crop(places)
    if list(kept.shape) != cropped["shape"]:
        return f"shape {list(kept.shape)}, recorded {cropped['shape']}"
    known = dict(zip(range(0, places.numel(), pixels["stride"]), pixels["values"], strict=True))
    at = kept.flatten()[:: cropped.get("stride", 1)].tolist()
    wrong = [i for i, v in zip(at, cropped["values"], strict=True) if i in known and abs(known[i] - v) > 2e-5]
    return f"{len(wrong)} pixels come from another place" if wrong else None
