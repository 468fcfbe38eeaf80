"""Where things lie: the folders under one base directory, and the only way from a name in a graph to a path."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from executor import listing
from executor.ledger import Page

MODEL_EXTENSIONS = {".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".bin", ".pth", ".pkl"}
OLD_NAMES = {"clip": "text_encoders", "unet": "diffusion_models", "t2i_adapter": "controlnet"}
FIRST = ":first"  # ends the name of a folder in `Files.extra` whose places are searched before the usual ones
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
    "ipadapter": ("models/ipadapter",),  # not one of the standard's, but everybody's
}


TINY_VAES = ("taesd", "taesdxl", "taesd3", "taef1")


class FileProblem(ValueError):
    """A name in a graph leads to no file that may be read; the message names it and the remedy."""


@dataclass(frozen=True)
class Files:
    """The folders of one installation. Two instances with the same fields see the same files."""

    base: Path = field(default_factory=Path.cwd)
    output: Path | None = None  # elsewhere than base/output
    extra: Mapping[str, tuple[Path, ...]] = field(default_factory=dict[str, "tuple[Path, ...]"])  # see `folders`
    ledger: Page | None = field(default=None, compare=False, repr=False)  # of the node that this was given to

    def root(self, kind: str) -> Path:
        """The folder of `input`, `output` or `temp` files."""
        if kind not in ("input", "output", "temp"):
            raise FileProblem(f"{kind!r} is no folder of files; there are input, output and temp")
        return self.output if kind == "output" and self.output else self.base / kind

    def folders(self, folder: str) -> list[Path]:
        """The places searched for one kind of model, first wins: those of `extra` last, unless FIRST is in its key."""
        folder = OLD_NAMES.get(folder, folder)
        if folder not in (kinds := self.kinds()):
            raise FileProblem(f"{folder!r} is no models folder; there are {', '.join(kinds)}")
        usual = FOLDERS.get(folder, ())
        places = [self.root("output") / p[7:] if p.startswith("output/") else self.base / p for p in usual]
        return [*self.extra.get(folder + FIRST, ()), *places, *self.extra.get(folder, ())]

    def kinds(self) -> list[str]:
        """The models folders: the standard ones, then others that `extra` names."""
        return [*FOLDERS, *sorted({name.removesuffix(FIRST) for name in self.extra} - FOLDERS.keys())]

    def names(self, folder: str) -> list[str]:
        """The names under which a kind of model can be asked for: relative paths with `/`, sorted."""
        found = {name for place in self.folders(folder) for name in names_in(place, folder)}
        return sorted(found | self._pairs(folder).keys())

    def _pairs(self, folder: str) -> dict[str, Path]:
        """Tiny VAEs are two files of another folder, asked for by what their names share; here that of the decoder."""
        if folder != "vae":
            return {}
        files = {PurePosixPath(name).stem: name for name in self.names("vae_approx")}
        whole = (n for n in TINY_VAES if {f"{n}_encoder", f"{n}_decoder"} <= files.keys())
        return {name: self.model("vae_approx", files[f"{name}_decoder"]) for name in whole}

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
        if name in (pairs := self._pairs(folder)):
            return pairs[name]
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


def names_in(place: Path, folder: str) -> Iterator[str]:
    """The files below one place that are of a kind of model; in a folder that is not the standard's, all."""
    folder = OLD_NAMES.get(folder, folder)
    wanted = {".yaml"} if folder == "configs" else MODEL_EXTENSIONS if folder in FOLDERS else None
    for relative, files in listing.walk(place):
        if folder == "diffusers":
            yield from (relative or "." for name in files if name == "model_index.json")
            continue
        prefix = f"{relative}/" if relative else ""
        for name in files:
            if os.path.splitext(name)[1].lower() in wanted if wanted else not name.startswith("."):
                yield prefix + name
