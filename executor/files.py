"""Where things lie: the folders under one base directory, and the only way from a name in a graph to a path."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MODEL_EXTENSIONS = {".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".bin", ".pth", ".pkl"}
OLD_NAMES = {"clip": "text_encoders", "unet": "diffusion_models", "t2i_adapter": "controlnet"}
FOLDERS: dict[str, tuple[str, ...]] = {
    "checkpoints": ("models/checkpoints", "output/checkpoints"),
    "configs": ("models/configs",),
    "loras": ("models/loras", "output/loras"),
    "vae": ("models/vae", "output/vae"),
    "text_encoders": ("models/text_encoders", "models/clip", "output/clip"),
    "diffusion_models": ("models/diffusion_models", "models/unet", "output/diffusion_models"),
    "clip_vision": ("models/clip_vision",),
    "style_models": ("models/style_models",),
    "embeddings": ("models/embeddings",),
    "diffusers": ("models/diffusers",),
    "vae_approx": ("models/vae_approx",),
    "controlnet": ("models/controlnet", "models/t2i_adapter"),
    "gligen": ("models/gligen",),
    "upscale_models": ("models/upscale_models",),
    "hypernetworks": ("models/hypernetworks",),
    "photomaker": ("models/photomaker",),
    "classifiers": ("models/classifiers",),
    "model_patches": ("models/model_patches",),
    "audio_encoders": ("models/audio_encoders",),
}


class FileProblem(ValueError):
    """A name in a graph leads to no file that may be read; the message names it and the remedy."""


@dataclass(frozen=True)
class Files:
    """The folders of one installation. Two instances with the same fields see the same files."""

    base: Path = field(default_factory=Path.cwd)
    output: Path | None = None  # elsewhere than base/output
    extra: Mapping[str, tuple[Path, ...]] = field(default_factory=dict[str, "tuple[Path, ...]"])  # searched after

    def root(self, kind: str) -> Path:
        """The folder of `input`, `output` or `temp` files."""
        if kind not in ("input", "output", "temp"):
            raise FileProblem(f"{kind!r} is no folder of files; there are input, output and temp")
        return self.output if kind == "output" and self.output else self.base / kind

    def folders(self, folder: str) -> list[Path]:
        """The places searched for one kind of model, first wins."""
        folder = OLD_NAMES.get(folder, folder)
        if folder not in FOLDERS:
            raise FileProblem(f"{folder!r} is no models folder; there are {', '.join(FOLDERS)}")
        places = [self.root("output") / p[7:] if p.startswith("output/") else self.base / p for p in FOLDERS[folder]]
        return [*places, *self.extra.get(folder, ())]

    def names(self, folder: str) -> list[str]:
        """The names under which a kind of model can be asked for: relative paths with `/`, sorted."""
        found = {name for place in self.folders(folder) for name in _walk(place, folder)}
        return sorted(found)

    def resolve(self, folder: str, name: str) -> str:
        """The file that `name` means: itself, with `/` for `\\`, or the only file of that name in another folder."""
        names = self.names(folder)
        for candidate in (name, name.replace("\\", "/")):
            if candidate in names:
                return candidate
        file = PurePosixPath(name.replace("\\", "/")).name
        alike = [n for n in names if PurePosixPath(n).name == file]
        if len(alike) == 1:
            return alike[0]
        raise FileProblem(self._missing(folder, name, names, alike))

    def _missing(self, folder: str, name: str, names: list[str], alike: list[str]) -> str:
        if alike:
            return f"{name!r} is in several folders of models/{folder}: {', '.join(alike)}; name the one you mean"
        near = difflib.get_close_matches(name, names, 3, 0.4)
        place = f"models/{folder}"
        if near:
            return f"{name!r} is not in {place}; nearest: {', '.join(near)}"
        return f"{name!r} is not in {place}, which holds {len(names)} files; put the file there"

    def model(self, folder: str, name: str) -> Path:
        """The path of a model by its name. Raises FileProblem if there is none."""
        name = self.resolve(folder, name)
        return next(p for place in self.folders(folder) if (p := place / name).exists())

    def input(self, name: str) -> Path:
        """The path of a file of `input/`, or of another root where the name ends in ` [output]` or ` [temp]`."""
        name, kind = annotated(name, "input")
        return inside(self.root(kind), name)


def annotated(name: str, default: str) -> tuple[str, str]:
    """`a.png [temp]` -> (`a.png`, `temp`)."""
    for kind in ("input", "output", "temp"):
        if name.endswith(f" [{kind}]"):
            return name[: -len(kind) - 3], kind
    return name, default


def inside(root: Path, name: str) -> Path:
    """`root/name`, which must exist and lie in root. Raises FileProblem."""
    path = contained(root, name)
    if not path.is_file():
        raise FileProblem(f"{name!r} is not in {root.name}/" + (_nearest(path) if path != root else ""))
    return path


def _nearest(path: Path) -> str:
    """The files beside a missing one whose names are like its own, as the end of a message."""
    beside = [p.name for p in path.parent.glob("*") if p.is_file() and not p.name.startswith(".")]
    near = difflib.get_close_matches(path.name, beside, 3, 0.4)
    return f"; nearest there: {', '.join(near)}" if near else ""


def contained(root: Path, name: str) -> Path:
    """`root/name`, which need not exist but must lie in root, links followed. Raises FileProblem."""
    if "\0" in name:
        raise FileProblem(f"{name!r} is no file name")
    path = root / name.replace("\\", "/")
    if not path.resolve().is_relative_to(root.resolve()):
        raise FileProblem(f"{name!r} leads out of {root.name}/")
    return path


def _walk(place: Path, folder: str) -> Iterator[str]:
    """Files below a folder, links followed (each folder once, so a link to a parent ends)."""
    seen: set[str] = set()
    for root, dirs, files in os.walk(place, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            dirs.clear()
            continue
        seen.add(real)
        relative = Path(root).relative_to(place)
        if folder == "diffusers":
            yield from (relative.as_posix() for _ in ("model_index.json",) if "model_index.json" in files)
            continue
        wanted = {".yaml"} if folder == "configs" else MODEL_EXTENSIONS
        yield from ((relative / f).as_posix() for f in files if Path(f).suffix.lower() in wanted)
