"""Judge a starter model, by numbers and by eye. Run from anywhere; --device and --precision as main.py has them.

    python models/starter/judge.py psnr VAE_OR_MODEL.safetensors starter-data/vae-held-out
    python models/starter/judge.py train-scorer starter-data/pictures build/scorer.safetensors
    python models/starter/judge.py train-scorer starter-data/pictures --hold-out noto
    python models/starter/judge.py fidelity MODEL.safetensors build/scorer.safetensors --style 3d
    python models/starter/judge.py pairs MODEL.safetensors build/scorer.safetensors
    python models/starter/judge.py sheet MODEL.safetensors sheet.png

psnr: how well the first stage brings pictures back, in dB, the mean over the pictures of each style.
train-scorer: a network that tells which of the 200 names a picture shows, and how often it is right: on new
disturbances of the drawings that it learnt, and with --hold-out on the drawings of a style that it never saw.
fidelity: how often the scorer finds in a drawn picture what the prompt named, first or among its five best; and with
--drawings, which style's drawing of that name is the nearest.
pairs: draws random pairs of names ("a red apple and a banana"), and tells how often the scorer finds the first in the
left half and the second in the right one.
sheet: the 40 prompts of prompts.txt, drawn once, with the number of the prompt as seed.
Pictures are drawn in 20 steps of euler, cfg 4, schedule normal.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a script, from anywhere

from diffusion import checkpoint, metrics, settings
from diffusion.coding import Vae
from models.starter import sample, scorer
from models.starter.names import STYLES, Name, read_names
from models.starter.scorer import Drawings
from models.starter.sheet import sheet

PROMPTS = Path(__file__).parent / "prompts.txt"
PHRASES = {"flat": "{}", "3d": "a 3d emoji of {}", "line": "a line drawing of {}", "noto": "a noto emoji of {}"}
CODED = 16  # pictures that pass through the first stage at once


# --- psnr ----------------------------------------------------------------------------------------


def psnr_of(vae: Vae, images: Tensor) -> Tensor:
    """How well pictures (b, h, w, 3) in 0..1 come back from the first stage, as its file of 8 bits: dB, (b,)."""
    back = (vae.decode(vae.encode(images)) * 255).round() / 255
    return metrics.psnr(images, back.to(images))


def psnr(given: argparse.Namespace) -> None:
    """Print the mean PSNR of each style, and of all."""
    vae = checkpoint.load_vae(given.checkpoint)
    found = dict[str, list[float]]()
    rows = scorer.rows(given.folder)
    for start in range(0, len(rows), CODED):
        part = rows[start : start + CODED]
        values = psnr_of(vae, torch.stack([scorer.pixels_of(given.folder / row["file_name"]) for row in part]))
        for row, value in zip(part, values.tolist(), strict=True):
            found.setdefault(row["style"], []).append(value)
    for style, values in (*found.items(), ("all", [value for some in found.values() for value in some])):
        print(f"{style:5} {sum(values) / len(values):6.2f} dB, least {min(values):6.2f}, {len(values)} pictures")


# --- scorer --------------------------------------------------------------------------------------


def train_scorer(given: argparse.Namespace) -> None:
    """Train a scorer, print how often it is right, and write it where a file is given."""
    names = [name.name for name in read_names()]
    drawings = scorer.read(given.folder, names)
    held = drawings.style == (STYLES.index(given.hold_out) if given.hold_out else -1)
    known, trained = drawings.where(~held), None
    for step, loss, trained in scorer.train(known, names, given.steps):  # noqa: B007, the last is used
        if step % 100 == 99:
            print(f"step {step + 1} of {given.steps}: loss {loss:.3f}", flush=True)
    if trained is None:
        raise ValueError("a scorer needs at least one step")
    for line in quality(trained, known):
        print(line)
    if given.hold_out:
        print("not trained on:", *quality(trained, drawings.where(held)))
    if given.scorer:
        scorer.save(trained, given.scorer)


def quality(trained: nn.Module, drawings: Drawings) -> Iterator[str]:
    """How often a scorer names drawings rightly, which are disturbed anew: a line for each style."""
    values = scorer.scores(trained, scorer.disturbed(drawings.pixels, torch.Generator().manual_seed(1)))
    for number in drawings.style.unique().tolist():
        chosen = drawings.style == number
        yield f"{STYLES[number]}: {rates(values[chosen], drawings.truth[chosen])}"


def rates(values: Tensor, truth: Tensor) -> str:
    """The shares of scores (n, names) that are right, in words."""
    first, five = (scorer.share(values, truth, k) for k in (1, 5))
    return f"top-1 {first:.1%}, top-5 {five:.1%} of {len(truth)} pictures"


# --- fidelity ------------------------------------------------------------------------------------


def asked(names: Sequence[Name], style: str) -> dict[str, str]:
    """The prompt for each name that has a drawing in the style."""
    return {name.name: PHRASES[style].format(name.phrase) for name in names if name.icon_in(style)}


def fidelity(given: argparse.Namespace) -> None:
    """Draw the names, print how many the scorer finds and how many are in the style, and which it does not find."""
    judge = scorer.load(given.scorer)
    prompts = asked(read_names()[: given.first], given.style)
    truth = torch.tensor([judge.names.index(name) for name in prompts]).repeat(given.seeds)
    seeds = [seed * 1000 + k for seed in range(given.seeds) for k in range(len(prompts))]
    drawn = sample.pictures(given.checkpoint, list(prompts.values()) * given.seeds, seeds)
    pixels = torch.cat([scorer.small(picture[None]) for picture in drawn])
    values = scorer.scores(judge, pixels)
    print(f"{given.style}: {rates(values, truth)}")
    if given.drawings:
        styles = scorer.nearest(pixels, truth, scorer.read(given.drawings, judge.names))
        print(f"nearest in style: {', '.join(f'{(styles == k).float().mean():.1%} {s}' for k, s in enumerate(STYLES))}")
    right = scorer.among_top(values, truth, 1).view(given.seeds, -1).float().mean(0)
    best = values.view(given.seeds, len(prompts), -1).mean(0)
    for name, line in missed(list(prompts), right, best, judge.names).items():
        print(f"  {name}: {line}")


def missed(names: Sequence[str], right: Tensor, values: Tensor, known: Sequence[str]) -> Mapping[str, str]:
    """What was not always found: how often it was, and what the scorer sees most. right: (n,), values: (n, known)."""
    seen = [known[k] for k in values.argmax(1).tolist()]
    shares = zip(names, right.tolist(), seen, strict=True)
    return {name: f"found in {share:.0%}, looks like {other}" for name, share, other in shares if share < 1}


# --- pairs ---------------------------------------------------------------------------------------


def pairs(given: argparse.Namespace) -> None:
    """Draw pairs of names, print how often the scorer finds each in its half, and whether it finds both."""
    judge, names = scorer.load(given.scorer), read_names()
    source = random.Random(0)
    chosen = [source.sample(names, 2) for _ in range(given.count)]
    drawn = sample.pictures(given.checkpoint, [f"{a.phrase} and {b.phrase}" for a, b in chosen], range(given.count))
    seen = torch.stack([halves(picture) for picture in drawn])  # pairs 2 3 64 64
    truth = torch.tensor([[judge.names.index(name.name) for name in pair] for pair in chosen])
    values = scorer.scores(judge, seen.flatten(0, 1)).unflatten(0, (-1, 2))
    for side, half in enumerate(("left", "right")):
        print(f"{half}: {rates(values[:, side], truth[:, side])}")
    best = values.argmax(2)
    both, swapped = (float((best == found).all(1).float().mean()) for found in (truth, truth.flip(1)))
    print(f"both: {both:.1%}, and {swapped:.1%} in each other's place")


def halves(picture: Tensor) -> Tensor:
    """The squares in the middle of the left and of the right half of (128, 128, 3), as the scorer sees them."""
    middle = picture[sample.SIDE // 4 : -sample.SIDE // 4]
    return scorer.small(torch.stack(middle.chunk(2, 1)))


# --- sheet ---------------------------------------------------------------------------------------


def draw_sheet(given: argparse.Namespace) -> None:
    """Draw the prompts, and write one picture of all."""
    prompts = PROMPTS.read_text(encoding="utf-8").splitlines()
    pictures = list(sample.pictures(given.checkpoint, prompts, range(1, len(prompts) + 1)))
    sheet(pictures, prompts).save(given.picture)


# --- the command line ----------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """The commands."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--device", default="auto")
    top.add_argument("--precision", default="auto", choices=settings.PRECISIONS)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("psnr", help="of the first stage, on a folder that prepare.py wrote")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("folder", type=Path)
    one.set_defaults(run=psnr)

    one = commands.add_parser("train-scorer", help="make the judge of fidelity; a few minutes")
    one.add_argument("folder", type=Path)
    one.add_argument("scorer", type=Path, nargs="?", help="where to write it; without, only its quality is told")
    one.add_argument("--hold-out", choices=STYLES, help="a style not to train on, to see what the scorer is worth")
    one.add_argument("--steps", type=int, default=800)
    one.set_defaults(run=train_scorer)

    one = commands.add_parser("fidelity", help="draw the names and see whether the scorer finds them")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("scorer", type=Path)
    one.add_argument("--style", choices=STYLES, default="flat")
    one.add_argument("--drawings", type=Path, help="the folder `pictures`: tells also which style came out")
    one.add_argument("--seeds", type=int, default=1, help="how often each name is drawn")
    one.add_argument("--first", type=int, help="only the first so many names")
    one.set_defaults(run=fidelity)

    one = commands.add_parser("pairs", help="draw two names in one picture and see whether the scorer finds both")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("scorer", type=Path)
    one.add_argument("--count", type=int, default=200, help="how many pairs are drawn")
    one.set_defaults(run=pairs)

    one = commands.add_parser("sheet", help="draw the prompts of prompts.txt")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("picture", type=Path)
    one.set_defaults(run=draw_sheet)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    given = parser().parse_args(arguments)
    try:
        settings.use(settings.Settings(given.precision, given.device))
        given.run(given)
    except (OSError, ValueError) as error:
        print(f"judge: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
