"""Nodes that read a folder of pictures, with or without texts, as one batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
from executor.files import FileProblem, Files, contained
from executor.node import Choice, Range, Widget, node
from nodes.image_files import EXTENSIONS
from nodes.sockets import Clip, Conditioning, Image

REPEATS = re.compile(r"(\d+)_")  # kohya's scripts: `5_cat` is a folder whose pictures count five times

Ways = Annotated[
    Literal["None", "Stretch", "Crop", "Pad"], Widget(optional=True), "How pictures come to the size of the first."
]
Side = Annotated[int, Range(-1, 10000, step=1), Widget(optional=True), "In pixels; -1 is that of the first picture."]


def input_folders(files: Files) -> list[str]:
    root = files.root("input")
    return sorted(p.name for p in root.glob("*") if p.is_dir() and not p.name.startswith("."))


Folder = Annotated[str, Choice(input_folders), "A folder of the input folder."]


class Captioned(NamedTuple):
    IMAGE: Image
    CONDITIONING: Conditioning


def pictures(files: Files, folder: str) -> list[Path]:
    """The pictures of a folder, and those of its `N_name` folders N times. Raises FileProblem if there are none."""
    place = contained(files.root("input"), folder)
    found = _in(place)
    for inner in sorted(p for p in place.glob("*") if p.is_dir()):
        match = REPEATS.match(inner.name)
        found += _in(inner) * int(match[1]) if match else []
    if not found:
        raise FileProblem(
            f"folder: there is no picture in input/{folder}; put some there ({', '.join(sorted(EXTENSIONS))})"
        )
    return found


def _in(place: Path) -> list[Path]:
    return sorted(p for p in place.glob("*") if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))


def folder_state(files: Files, folder: str) -> Any:
    found = pictures(files, folder)
    every = [*found, *(p.with_suffix(".txt") for p in found)]
    return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in every if p.exists()]


def folder_problem(files: Files, folder: str) -> str | None:
    try:
        pictures(files, folder)
    except FileProblem as problem:
        return str(problem)
    return None


def _read(paths: Sequence[Path], way: str, width: int = -1, height: int = -1) -> Image:
    return diffusion.image_sets.read(paths, way, width, height)


@node(
    "LoadImageSetFromFolderNode",
    category="loaders",
    display_name="Load Image Dataset from Folder",
    output_names=("IMAGE",),
    experimental=True,
    fingerprint=folder_state,
    validate=folder_problem,
)
def load_image_set_from_folder(*, folder: Folder, resize_method: Ways = "None", files: Files) -> Image:
    """All pictures of a folder as one batch."""
    return _read(pictures(files, folder), resize_method)


@node(
    "LoadImageTextSetFromFolderNode",
    category="loaders",
    display_name="Load Image and Text Dataset from Folder",
    experimental=True,
    fingerprint=folder_state,
    validate=folder_problem,
)
def load_image_text_set_from_folder(
    *, folder: Folder, clip: Clip, resize_method: Ways = "None", width: Side = -1, height: Side = -1, files: Files
) -> Captioned:
    """All pictures of a folder, and the text beside each (NAME.txt), encoded; without a text file it is empty."""
    paths = pictures(files, folder)
    captions = [p.with_suffix(".txt") for p in paths]
    texts = [c.read_text(encoding="utf-8", errors="replace").strip() if c.exists() else "" for c in captions]
    return Captioned(_read(paths, resize_method, width, height), [clip.conditioning(text)[0] for text in texts])
