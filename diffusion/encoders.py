"""From files to the text encoders of a family: which network is which, and how the family uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from diffusion import detect, folders, networks
from diffusion.clip import ClipConfig
from diffusion.detect import Base
from diffusion.header import Header, ModelFileError, read_header
from diffusion.parts import Part
from diffusion.placement import Resident
from diffusion.text import Clip, Encoder, stable_diffusion_1, stable_diffusion_2, xl_large, xl_small
from diffusion.weights import Weights, open_weights

Use = Callable[[Resident, ClipConfig], Encoder]

LAYERS_G, LAYERS_H = 31, 23
"""A lone network with at least so many layers is OpenCLIP-G or -H; all others are CLIP-L."""
CUT = 23
"""Layers of an OpenCLIP-H from which the last, which Stable Diffusion 2 does not use, was taken."""


def of_checkpoint(
    header: Header, weights: Weights, base: Base, embeddings: Sequence[Path], heads: int = 0, *, cut: bool = False
) -> Clip:
    """The text encoders of a checkpoint, as its family uses them. cut: the last layer of an OpenCLIP-H was taken.

    Raises ModelFileError if it lacks one.
    """
    found = detect.texts(header)
    if base != "SDXL":
        return _clip([_encoder(header, weights, found[0], _use(base, found[0], cut), base, heads)], embeddings)
    if len(found) < 2:
        raise ModelFileError(f"{header.path.name} holds one text encoder, but {base} has two; use DualCLIPLoader")
    both = zip(found[:2], (xl_small, xl_large), ("text", "text_2"), strict=True)
    return _clip([_encoder(header, weights, part, use, name, heads) for part, use, name in both], embeddings)


def of_file(path: Path, embeddings: Sequence[Path], *, on_cpu: bool = False) -> Clip:
    """The text encoders of a file that holds nothing else, as the family uses them that such networks belong to."""
    header = read_header(path)
    weights, found = open_weights(path, header), detect.texts(header)
    if len(found) > 1:
        return of_checkpoint(header, weights, "SDXL", embeddings)
    base = _base(found[0])
    use = _use(base, found[0], False)
    return _clip([_encoder(header, weights, found[0], use, base, 0, on_cpu=on_cpu)], embeddings)


def of_folder(folder: Path, base: Base, embeddings: Sequence[Path]) -> Clip:
    """The text encoders of a folder in diffusers' layout, where the last layer of an OpenCLIP-H is left out."""
    uses: tuple[Use, ...] = (xl_small, xl_large) if base == "SDXL" else ()
    made: list[Encoder] = []
    for i, name in enumerate(folders.texts(folder)):
        header = read_header(folders.file(folder, name))
        part, heads = detect.text(header), folders.heads(folder, name)
        use = uses[i] if uses else _use(base, part, True)
        made.append(_encoder(header, open_weights(header.path, header), part, use, "text", heads))
    if uses and len(made) < 2:
        raise ModelFileError(f"{folder.name} lacks text_encoder or text_encoder_2; Stable Diffusion XL has both")
    return _clip(made, embeddings)


def of_two_files(one: Path, other: Path, embeddings: Sequence[Path], *, on_cpu: bool = False) -> Clip:
    """The text encoders of Stable Diffusion XL, in any order: the wider is OpenCLIP-G."""
    detect.inspect_two_texts(one, other)
    headers = sorted((read_header(path) for path in (one, other)), key=detect.text_size)
    return _clip(
        [
            _encoder(header, open_weights(header.path, header), detect.text(header), use, "text", 0, on_cpu=on_cpu)
            for header, use in zip(headers, (xl_small, xl_large), strict=True)
        ],
        embeddings,
    )


def _clip(encoders: Sequence[Encoder], embeddings: Sequence[Path]) -> Clip:
    return Clip(encoders=tuple(encoders), embeddings=tuple(embeddings))


def _encoder(
    header: Header, weights: Weights, part: Part, use: Use, name: str, heads: int, *, on_cpu: bool = False
) -> Encoder:
    quick = None if use is stable_diffusion_1 else use is xl_small
    told = heads or detect.heads(header, name if name == "text_2" else "text")
    network, config = networks.text_encoder(header, weights, told, part=part, quick=quick, on_cpu=on_cpu)
    return use(network, config)


def _use(base: Base, part: Part, cut: bool) -> Use:
    if base == "SD2":
        layer = -1 if cut or detect.text_layers(part) == CUT else -2
        return lambda network, config: stable_diffusion_2(network, config, layer)
    return xl_large if base == "refiner" else stable_diffusion_1


def _base(part: Part) -> Base:
    count = detect.text_layers(part)
    return "refiner" if count >= LAYERS_G else "SD2" if count >= LAYERS_H else "SD1"
