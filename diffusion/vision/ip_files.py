"""What an IP-Adapter file holds, from its header. Without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffusion import detect
from diffusion.header import Header, ModelFileError, Shapes, read_header
from diffusion.parts import Part

PROJECTION, LAYERS = "image_proj.", "ip_adapter."
FACES = ("perceiver_resampler.", "proj.2.weight", "id_embedding")
"""Names in the projection of FaceID models, where there is no `proj.3`."""

Kind = Literal["plain", "full", "plus"]


@dataclass(frozen=True)
class AdapterParts:
    """The two networks of a file. The layers are named 0, 1, ... in the order of the file's numbers.

    kind: `plain` reads the embedding of a picture, the others the states of all its patches.
    """

    kind: Kind
    projection: Part
    layers: Part

    @property
    def context(self) -> int:
        """The width of the tokens that are made of a picture: the width of the model's text."""
        return self.layers.shapes["0.to_k_ip.weight"][1]

    @property
    def seen(self) -> int:
        """The width of what it reads of a picture."""
        shapes = self.projection.shapes
        return shapes[{"plain": "proj.weight", "full": "proj.0.weight", "plus": "proj_in.weight"}[self.kind]][1]

    @property
    def widths(self) -> list[int]:
        """Of the attentions that it adds to."""
        return [self.layers.shapes[f"{i}.to_k_ip.weight"][0] for i in range(len(self.layers.shapes) // 2)]


def find(header: Header) -> AdapterParts:
    """Raises ModelFileError, which says what the file is, if it is no IP-Adapter that can be run."""
    inside = _under(header.shapes, PROJECTION)
    layers = _under(header.shapes, LAYERS)
    name = header.path.name
    if not inside or not layers:
        raise ModelFileError(f"{name} is no IP-Adapter; it is {_kind(header)}")
    if _is_face(inside, layers):
        raise ModelFileError(
            f"{name} is an IP-Adapter FaceID model, which needs insightface to recognise faces, and that is not here; "
            "use a plus-face model, such as ip-adapter-plus-face_sd15.safetensors"
        )
    projection = _part(PROJECTION, inside, {n: n for n in inside})
    found = AdapterParts(_kind_of(inside, name), projection, _part(LAYERS, layers, _numbered(layers)))
    _require_sense(found, name)
    return found


def _numbered(names: Iterable[str]) -> dict[str, str]:
    """`31.to_k_ip.weight` -> `15.to_k_ip.weight`: files count the attentions of the picture to itself, too."""
    ends = {name: name.partition(".")[::2] for name in names}
    numbers = sorted({number for number, _ in ends.values()}, key=lambda n: (len(n), n))
    return {name: f"{numbers.index(number)}.{end}" for name, (number, end) in ends.items()}


def _is_face(inside: Shapes, layers: Shapes) -> bool:
    marked = "proj.3.weight" not in inside and any(n.startswith(FACES) for n in inside)
    return marked or any("_lora." in n for n in layers)


def _kind_of(inside: Shapes, name: str) -> Kind:
    marks: tuple[tuple[str, Kind], ...] = (("proj.weight", "plain"), ("proj.3.weight", "full"), ("latents", "plus"))
    for mark, kind in marks:
        if mark in inside:
            return kind
    raise ModelFileError(f"{name} is an IP-Adapter of an unknown kind; there are plain, plus, and full-face models")


def _require_sense(found: AdapterParts, name: str) -> None:
    """Each layer has its two matrices, of one width of tokens."""
    shapes = found.layers.shapes
    count = len({n.split(".")[0] for n in shapes})
    expected = {f"{i}.to_{x}_ip.weight" for i in range(count) for x in "kv"}
    sizes = {shape[1:] for shape in shapes.values()}
    if shapes.keys() != expected or len(sizes) != 1 or len(next(iter(sizes))) != 1:
        raise ModelFileError(f"{name} is an IP-Adapter for a kind of model that cannot be run, or is damaged")


def _kind(header: Header) -> str:
    try:
        return f"a {detect.family(header)[0].name} model"
    except ModelFileError:
        return detect.what(header.shapes)


def _under(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def _part(prefix: str, inside: Shapes, names: Mapping[str, str]) -> Part:
    return Part(prefix, names, {ours: inside[theirs] for theirs, ours in names.items()})


def inspect(path: Path) -> dict[str, int]:
    """The sizes of an IP-Adapter. Raises ModelFileError if the file is none that can be run."""
    return {"context width": find(read_header(path)).context}
