"""What a denoiser learns from, made once and kept on the disk: latents of the pictures, and what the texts mean."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from diffusion.coding import Vae
from diffusion.inputs import Scene
from diffusion.model import LatentFormat, Model
from diffusion.prompt import LENGTH
from diffusion.text import Clip
from diffusion.training.draws import generator
from executor.files import Files
from training import data
from training.config import Config
from training.data.buckets import Size
from training.data.cache import Cache
from training.data.examples import DataError, Example, Found
from training.data.pictures import Cut, enlarged, mirrored, picture
from training.events import Prepared, Tell

AT_ONCE = 8  # pictures that are encoded together
Extra = Callable[[Tensor, Vae, LatentFormat, torch.Generator], Mapping[str, Tensor]]
"""What is learnt beside the latent, of pictures (b, h, w, 3) in 0..1: a row each."""
FRAME = ("height", "width", "crop_h", "crop_w", "target_height", "target_width")
"""What Stable Diffusion XL is told of a picture, pixels, by the names of a conditioning's options: its size, the corner
of the cut in the scaled picture, the size of the cut (Podell et al. 2023, 2.2)."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What was found in the folders, the size (width, height) of each, and the order of learning."""

    found: Found
    sizes: Sequence[Size]
    order: data.Order

    @property
    def notes(self) -> tuple[str, ...]:
        small = enlarged(self.found.examples, self.sizes)
        one = ("there is one picture alone: a training learns it by heart",) if len(self.sizes) == 1 else ()
        return (*self.found.skipped, *self.found.notes, *some(small), *one)


def some(messages: Sequence[str], most: int = 5) -> tuple[str, ...]:
    """The first messages, and how many there are more."""
    more = (f"... and so are {len(messages) - most} more",) if len(messages) > most else ()
    return (*messages[:most], *more)


def read(config: Config, files: Files) -> Pictures:
    """Raises DataError."""
    part = config.data
    prior = files.base / part.prior if part.prior else None
    found = data.read_folder(files.base / part.folder, captions=part.captions, prior=prior, trigger=part.trigger)
    examples = balanced(spread(found.examples, part.most))
    sizes = data.assign([e.size for e in examples], part.size, one=not part.buckets)
    course = config.training
    order = data.order(sizes, [e.repeat for e in examples], course.batch_size, course.seed)
    return Pictures(found=replace(found, examples=examples), sizes=sizes, order=order)


def spread(examples: Sequence[Example], most: int) -> Sequence[Example]:
    """At most so many, from all over the folder; 0 = all."""
    return examples[:: max(1, math.ceil(len(examples) / most))] if most else examples


def balanced(examples: Sequence[Example]) -> tuple[Example, ...]:
    """What is to be learnt and what is to be kept come about as often as each other, where there is something to be
    kept (Ruiz et al. 2023)."""
    counts = [sum(e.repeat for e in examples if e.prior is prior) for prior in (False, True)]
    if not all(counts):
        return tuple(examples)
    times = [max(1, round(max(counts) / count)) for count in counts]
    return tuple(replace(e, repeat=e.repeat * times[e.prior]) for e in examples)


# --- latents -------------------------------------------------------------------------------------


def latents(
    config: Config,
    files: Files,
    pictures: Pictures,
    vae: Vae,
    latent_format: LatentFormat,
    models: Sequence[Path],
    tell: Tell,
    extra: Extra | None = None,
) -> list[dict[str, Tensor]]:
    """The variants of each example, (v, c, h, w) as the network sees latents, their `frame` (v, 6), which are the
    numbers of FRAME, and what `extra` makes of them.

    models: the files that the latents follow from. Raises DataError.
    """
    part, examples = config.data, pictures.found.examples
    settings = {
        "size": part.size, "buckets": part.buckets, "crop": part.crop, "flip": part.flip, "variants": part.variants,
        "seed": config.training.seed, "kind": config.model.kind, "inpainting": config.model.inpainting, "frame": FRAME,
    }  # fmt: skip
    mark = data.fingerprint([*(e.path for e in examples), *models], settings)
    cache = Cache(_folder(files, config), mark, f"{Path(part.folder).name}-{mark[:12]}")
    keys = [f"{i}" for i in range(len(examples))]
    waiting = [i for i, key in enumerate(keys) if not cache.has(key)]
    with cache:
        encode = partial(_encode, config, vae, latent_format, extra)
        for done, some_of in _grouped(waiting, pictures.sizes):
            for i, tensors in zip(
                some_of, encode([examples[i] for i in some_of], pictures.sizes[some_of[0]]), strict=True
            ):
                cache.put(keys[i], tensors)
            tell(Prepared(done, len(waiting)))
        cache.save()
    again = Cache(cache.path.parent, mark, cache.path.stem)
    return [again.get(key) for key in keys]


def _folder(files: Files, config: Config) -> Path:
    folder = files.base / config.data.cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror or error}; choose another data.cache") from None
    return folder


def _grouped(waiting: Sequence[int], sizes: Sequence[Size]) -> list[tuple[int, list[int]]]:
    """Pictures of one size together, and how many are done after them."""
    groups: dict[Size, list[int]] = {}
    for i in waiting:
        groups.setdefault(sizes[i], []).append(i)
    pieces = [group[at : at + AT_ONCE] for group in groups.values() for at in range(0, len(group), AT_ONCE)]
    done = 0
    return [(done := done + len(piece), piece) for piece in pieces]


def _encode(
    config: Config, vae: Vae, latent_format: LatentFormat, extra: Extra | None, examples: Sequence[Example], size: Size
) -> list[dict[str, Tensor]]:
    """All variants of some examples of one size."""
    found: list[dict[str, list[Tensor]]] = [{} for _ in examples]
    for variant in range(config.data.variants):
        for flipped in (False, True) if config.data.flip else (False,):
            cuts = [_cut(config, e, size, variant, flipped) for e in examples]
            pixels = torch.stack([_pixels(cut) for cut in cuts])
            made = {
                "latent": latent_format.encode(vae.encode(pixels)),
                "frame": torch.tensor([_frame(c) for c in cuts]),
            }
            if extra is not None:
                random = generator(config.training.seed, variant, f"{examples[0].path.name} {flipped}")
                made |= extra(pixels, vae, latent_format, random)
            for row, tensors in enumerate(found):
                for name, tensor in made.items():
                    tensors.setdefault(name, []).append(tensor[row].cpu())
    return [{name: torch.stack(some_of) for name, some_of in tensors.items()} for tensors in found]


def pixels_of(config: Config, example: Example, size: Size, variant: int, flipped: bool) -> Tensor:
    """A variant of a picture, (h, w, 3) in 0..1."""
    return _pixels(_cut(config, example, size, variant, flipped))


def _cut(config: Config, example: Example, size: Size, variant: int, flipped: bool) -> Cut:
    random = generator(config.training.seed, variant, example.path.name)
    cut = picture(example, size, crop=config.data.crop, random=random)
    return mirrored(cut) if flipped else cut


def _pixels(cut: Cut) -> Tensor:
    return torch.from_numpy(cut.pixels).float() / 255


def _frame(cut: Cut) -> tuple[int, ...]:
    """The numbers of FRAME."""
    return (*cut.original[::-1], *cut.crop[::-1], *cut.pixels.shape[:2])


# --- what the network takes beside latents and texts ---------------------------------------------


def whole(model: Model, clip: Clip, examples: Sequence[Mapping[str, Tensor]]) -> list[dict[str, Tensor]]:
    """Examples as `Denoising` takes them: instead of their `frame`, what `model` is given of each variant.

    What they have already, such as the masks of inpainting, stays. Raises ValueError for what it cannot be given.
    """
    last = clip.encoders[-1]
    width = (last.config.projection if last.project else None) or last.config.width
    return [_whole(model, width, example) for example in examples]


def _whole(model: Model, width: int, example: Mapping[str, Tensor]) -> dict[str, Tensor]:
    shape = 1, *example["latent"].shape[1:]
    each = [_given(model, width, shape, frame) for frame in example["frame"].tolist()]
    given = {name: torch.cat([one[name] for one in each]) for name in each[0]}
    return given | {name: tensor for name, tensor in example.items() if name != "frame"}


def _given(model: Model, width: int, shape: tuple[int, ...], frame: Sequence[int]) -> dict[str, Tensor]:
    """What the network takes beside a latent and its text, (1, ...) each; of a `y` that begins with the pooled text,
    `width` wide, the rest, as `numbers`."""
    pooled = torch.linspace(1, 2, width)[None]
    options = {"pooled_output": pooled, **dict(zip(FRAME, frame, strict=True))}
    given = model.inputs(Scene(shape, "positive", model.latent_format), options)
    y = given.get("y")
    if y is not None and torch.equal(y[..., :width], pooled):
        given = {name: t for name, t in given.items() if name != "y"} | {"numbers": y[:, width:]}
    return given


# --- texts ---------------------------------------------------------------------------------------


def tokens(clip: Clip, texts: Sequence[str]) -> dict[str, Tensor]:
    """The first 77 tokens of each text as each encoder has them, (u, encoders, 77), for encoders that learn."""
    rows = [[[token for token, _ in clip.tokenize(text, e)[0][:LENGTH]] for e in clip.encoders] for text in texts]
    return {"tokens": torch.tensor([[[t if isinstance(t, int) else 0 for t in row] for row in some] for some in rows])}


def meanings(clip: Clip, kept: Callable[[], Cache], texts: Sequence[str]) -> dict[str, Tensor]:
    """`context` (u, t, w) and `pooled` (u, w) of each text; long texts are several chunks, short ones filled up.

    kept: opens what was computed before.
    """
    rows: list[dict[str, Tensor]] = []
    with kept() as cache:
        for text in texts:
            key = hashlib.sha256(text.encode()).hexdigest()
            if not cache.has(key):
                cache.put(key, _meaning(clip, text))
            rows.append({name: t.clone() for name, t in cache.get(key).items()})
    longest = max(row["context"].shape[1] for row in rows)
    empty = _meaning(clip, "")["context"]
    for row in rows:
        while row["context"].shape[1] < longest:
            row["context"] = torch.cat([row["context"], empty], 1)
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


def _meaning(clip: Clip, text: str) -> dict[str, Tensor]:
    context, told = clip.encode(text)
    found = {"context": context, "pooled": told["pooled_output"]}
    return {name: t.float().cpu().contiguous() for name, t in found.items()}


def text_cache(config: Config, files: Files, models: Sequence[Path]) -> Callable[[], Cache]:
    mark = data.fingerprint(models, {"kind": "texts", "holds": ["context", "pooled"]})
    return lambda: Cache(_folder(files, config), mark, f"texts-{mark[:12]}")
