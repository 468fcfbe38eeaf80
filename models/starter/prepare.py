"""Make the data that the starter model is trained on: drawings of emoji, their styles and their captions.

    pip install resvg-py==0.5.0
    python models/starter/prepare.py --packages build/emoji --out starter-data

The folder of packages is filled with npm where it is empty. Three folders are written, each with PNG files of
128 x 128 pixels and a metadata.jsonl (file_name, captions, style, name, background):

    vae             all emoji in four styles, twice each, for the first stage
    vae-held-out    about 5 % of the names, which `vae` has in no style
    pictures        the 200 names of names.txt with captions, for the UNet and the text encoder: first each alone,
                    then simple compositions of them (compositions.py)

The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a script, from anywhere

from models.starter import compositions, draw, packages
from models.starter.captions import captions
from models.starter.compositions import Thing
from models.starter.names import Name, read_names

COPIES = {"flat": (6, 6), "3d": (4, 4), "noto": (3, 3), "line": (2, 2)}
"""How often each name is drawn in a style: on white, and on other colours. Flat is the style of most prompts."""
WHITE = 0.6  # of the pictures for the first stage
HELD_OUT = 20  # one name in so many
PERSON = re.compile(r"^(man|woman|men|women|person|people|mens|womens)-|-(man|woman|men|women)$")


class Row(NamedTuple):
    """A picture (128, 128, 3) and what metadata.jsonl says of it."""

    file_name: str
    pixels: np.ndarray
    captions: list[str]
    style: str
    name: str
    background: str


def held_out(icon: str) -> bool:
    """Whether the first stage is judged by this icon, and so not trained on it. The man and the woman of a profession
    count as one name."""
    digest = hashlib.sha256(PERSON.sub("", icon).encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT == 0


def first_stage_rows(icon: str, style: str, pixels: np.ndarray, seed: int) -> Iterator[Row]:
    """An emoji twice: in the middle, and somewhere else on another background."""
    source = random.Random(f"{seed} first stage {style} {icon}")
    colours = [name for name in draw.COLOURS if name != "white"]
    chosen = [("white" if source.random() < WHITE else source.choice(colours)) for _ in range(2)]
    if chosen == ["white", "white"] and source.random() < 0.5:
        chosen[1] = source.choice(colours)
    room = draw.CANVAS - pixels.shape[0]
    places = [(draw.MARGIN, draw.MARGIN), (source.randint(0, room), source.randint(0, room))]
    name = icon.replace("-", " ")
    for k, (background, (left, top)) in enumerate(zip(chosen, places, strict=True)):
        canvas = draw.place(pixels, draw.COLOURS[background], left, top)
        yield Row(f"{style}-{icon}-{k}.png", canvas, [name], style, name, background)


def picture_rows(name: Name, style: str, pixels: np.ndarray, tags: Sequence[str], seed: int) -> Iterator[Row]:
    """One name in one style: some times on white, some times on other colours, always with other captions."""
    source = random.Random(f"{seed} pictures {style} {name.name}")
    white, coloured = COPIES[style]
    chosen = ["white"] * white + draw.backgrounds(pixels, coloured, source)
    for k, background in enumerate(chosen):
        file = f"{style}-{name.name.replace(' ', '-')}-{k:02}-{background}.png"
        canvas = draw.place(pixels, draw.COLOURS[background])
        yield Row(file, canvas, captions(name, style, background, tags, source), style, name.name, background)


def composed_rows(things: Sequence[Thing], style: str, seed: int) -> Iterator[Row]:
    """The compositions of one style. Their file names begin with the kind, and their name is none of the 200."""
    for k, made in enumerate(compositions.compositions(things, style, seed)):
        file = f"{made.kind}-{style}-{made.name.replace(' ', '-')}-{k:04}-{made.background}.png"
        yield Row(file, made.pixels, made.captions, style, made.name, made.background)


def write(folder: Path, rows: Iterable[Row]) -> int:
    """Write the pictures and add their lines to the metadata; the number of them."""
    count = 0
    with (folder / "metadata.jsonl").open("a", encoding="utf-8") as metadata:
        for row in rows:
            Image.fromarray(row.pixels).save(folder / row.file_name, compress_level=4)
            line = {key: value for key, value in row._asdict().items() if key != "pixels"}
            metadata.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def rasters(icons: Mapping[str, Any], unread: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The icons of a set as RGBA (116, 116, 4); what cannot be drawn is added to `unread`."""
    for icon in draw.plain(icons):
        try:
            pixels = draw.rasterise(draw.svg(icons, icon))
        except ValueError:
            unread.append(icon)
        else:
            yield icon, pixels


def prepare(source: Path, out: Path, seed: int, styles: Sequence[str]) -> None:
    """All three folders. Raises PackagesError, NamesError, OSError, and KeyError for an icon that a set lacks."""
    names, tags = read_names(), packages.tags(source)
    folders = {part: out / part for part in ("vae", "vae-held-out", "pictures")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    learnt = {name.icon_in(style) for name in names for style in styles}
    counts = dict.fromkeys(folders, 0)
    things: dict[str, list[Thing]] = {style: [] for style in styles}
    for style in styles:
        icons, unread = packages.read(source, packages.SETS[style], "icons.json"), list[str]()
        named = {icon: name for name in names if (icon := name.icon_in(style))}
        if missing := sorted(set(named) - set(icons["icons"])):
            raise KeyError(f"{packages.SETS[style]} has no {', '.join(missing)}; correct names.txt")
        for icon, pixels in rasters(icons, unread):
            part = "vae-held-out" if held_out(icon) and icon not in learnt else "vae"
            counts[part] += write(folders[part], first_stage_rows(icon, style, pixels, seed))
            if name := named.pop(icon, None):
                rows = picture_rows(name, style, pixels, tags.get(name.hexcode, ()), seed)
                counts["pictures"] += write(folders["pictures"], rows)
                things[style].append(Thing(name, pixels))
        for problem, what in (("could not be drawn", unread), ("of names.txt were not drawn", list(named))):
            if what:
                print(f"{style}: {len(what)} icons {problem}: {', '.join(what[:8])}")
        print(f"{style}: {counts}", flush=True)
    for style in styles:  # after all that is drawn alone, so that those lines come first
        made = write(folders["pictures"], composed_rows(things[style], style, seed))
        print(f"{style}: {made} compositions", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="folder of npm packages; filled where it is empty")
    parser.add_argument("--out", type=Path, required=True, help="where the three folders go; old ones are replaced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--styles", nargs="+", choices=list(packages.SETS), default=list(packages.SETS))
    given = parser.parse_args(arguments)
    try:
        packages.get(given.packages)
        prepare(given.packages, given.out, given.seed, given.styles)
    except (packages.PackagesError, OSError, KeyError, ValueError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
