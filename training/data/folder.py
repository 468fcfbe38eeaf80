"""The examples of a folder: its pictures, each opened and checked, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from training.data.captions import SOURCES, Captions, repeats, with_trigger
from training.data.examples import DataError, Example, Found
from training.data.pictures import size_of
from training.data.tables import leaves

EXTENSIONS = {
    ".apng", ".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip
OTHERS = {".arw", ".cr2", ".dng", ".eps", ".heic", ".heif", ".jxl", ".nef", ".psd", ".svg", ".xcf"}
"""Pictures, but of kinds that are not read."""
LEFT_OUT = ("__MACOSX",)
THREADS = min(8, os.cpu_count() or 1)

REMEDIES = {
    "auto": "put NAME.txt with a caption beside each NAME.png, or choose captions = \"none\" to learn without words",
    "txt": "put NAME.txt with a caption beside each NAME.png, or choose captions = \"auto\" or \"none\"",
    "json": 'put NAME.json like {"caption": "a red apple"} beside each NAME.png, or choose captions = "auto"',
    "table": "put captions.csv with the columns file and caption there, or choose captions = \"auto\"",
    "name": 'give the files names with words like red-apple_03.png, or choose captions = "none"',
}  # fmt: skip


def read_folder(folder: Path, *, captions: str = "auto", prior: Path | None = None, trigger: str = "") -> Found:
    """The pictures of a folder and those below it, sorted by name, with their captions.

    captions: where from. "auto" takes the first there is of NAME.txt, NAME.json, a table (captions.csv, metadata.csv,
    metadata.jsonl, *.parquet), the name N_name of its folder, the file's name; the others force one way.
    prior: a folder of pictures of what the model is to keep (DreamBooth); its captions get no trigger.
    trigger: is put before every caption.
    Raises DataError if nothing in a folder can be used.
    """
    if captions not in SOURCES:
        raise DataError(f"captions cannot come from {captions!r}; choose one of {', '.join(SOURCES)}")
    if prior is not None and prior.resolve() == folder.resolve():
        raise DataError(
            f"the pictures to keep (prior) are those to learn, in {folder}; put them in a folder of their own"
        )
    found = _read(folder, captions, trigger.strip(), prior)
    if prior is None:
        return found
    kept = _read(prior, captions, "", folder)
    kept_examples = tuple(replace(example, prior=True) for example in kept.examples)
    return Found(found.examples + kept_examples, found.skipped + kept.skipped, found.notes + kept.notes)


def _read(folder: Path, source: str, trigger: str, leave: Path | None) -> Found:
    if not folder.is_dir():
        raise DataError(f"{folder} is {'no folder' if folder.exists() else 'not there'}; name a folder of pictures")
    skipped: list[str] = []
    pictures = list(_walk(folder, leave.resolve() if leave else None, skipped))
    if not pictures:
        raise DataError(
            f"{folder} holds no picture that can be read{_because(skipped)}; put some there "
            f"({', '.join(sorted(EXTENSIONS))})"
        )
    sizes = _sizes(pictures, folder, skipped)
    if not sizes:
        raise DataError(f"{folder} holds no sound picture{_because(skipped)}; save them anew as PNG")
    words = Captions(folder, source)
    examples = tuple(_examples(sizes, words, trigger, skipped))
    words.close()
    skipped = words.skipped + skipped
    if source == "none" and not examples:
        raise DataError(f"{folder} has no picture to use{_because(skipped)}; put some there")
    if not examples or (source not in ("auto", "none") and not words.answered):
        raise DataError(f"{folder}: no picture (of {len(sizes)}) has a caption{_because(skipped)}; {REMEDIES[source]}")
    return Found(examples, (*skipped, *words.silent), (*words.notes, *_multiplied(examples, folder)))


def _because(skipped: Sequence[str]) -> str:
    if not skipped:
        return ""
    more = f", and {len(skipped) - 3} more like these" if len(skipped) > 3 else ""
    return f" ({'; '.join(skipped[:3])}{more})"


def _walk(root: Path, leave: Path | None, skipped: list[str]) -> Iterator[Path]:
    """The files that are pictures by their names, in order; nothing hidden, nothing outside."""

    def unreadable(error: OSError) -> None:
        skipped.append(f"{error.filename}: this folder cannot be read ({error.strerror}); change its permissions")

    for place, folders, files in os.walk(root, onerror=unreadable):
        here = Path(place)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LEFT_OUT)
        folders[:] = [f for f in folders if leave is None or (here / f).resolve() != leave]
        for name in sorted(folders):
            if leaves(here / name, root):
                skipped.append(f"{_shown(here / name, root)} is a link that leaves the folder; copy its pictures here")
        for name in sorted(files):
            path = here / name
            if name.startswith(".") or path.suffix.lower() not in EXTENSIONS | OTHERS:
                continue
            if problem := _unread(path, root):
                skipped.append(problem)
            else:
                yield path


def _unread(path: Path, root: Path) -> str | None:
    """Why a file is not even opened."""
    shown = _shown(path, root)
    if path.suffix.lower() in OTHERS:
        return f"{shown}: pictures of this kind are not read; save it as PNG"
    if shown != shown.encode("utf-8", "replace").decode():
        return f"{shown.encode('utf-8', 'replace').decode()}: its name is not UTF-8; rename it"
    if leaves(path, root):
        return f"{shown} is a link that leaves the folder; copy the picture here"
    if not path.is_file():  # a pipe would be waited for
        return f"{shown} is no file that can be read; put the picture itself there"
    return None


def _sizes(pictures: Sequence[Path], root: Path, skipped: list[str]) -> dict[Path, tuple[int, int]]:
    """The (width, height) of each that is whole."""

    def tried(path: Path) -> tuple[int, int] | str:
        try:
            return size_of(path)
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(THREADS) as pool:  # decoders run outside the GIL
        results = list(zip(pictures, pool.map(tried, pictures), strict=True))
    for path, result in results:
        if isinstance(result, str):
            folder = _shown(path.parent, root)
            skipped.append(result if folder == "." else f"{folder}/{result}")
    return {path: result for path, result in results if not isinstance(result, str)}


def _examples(
    sizes: dict[Path, tuple[int, int]], words: Captions, trigger: str, skipped: list[str]
) -> Iterator[Example]:
    for path, size in sizes.items():
        shown = _shown(path, words.root)
        times = repeats(path, words.root)[0]
        if times < 1:
            skipped.append(f"{shown} counts 0 times by the name of its folder; rename the folder to 1_name")
            continue
        try:
            said = words.of(path)
        except DataError as error:
            skipped.append(f"{shown} is left out: {error}")
            continue
        captions = with_trigger(said.captions, trigger)
        if not captions and words.source != "none" and said.label is None:
            words.silent.append(f"{shown} has no caption; {REMEDIES[words.source].partition(', or')[0]}")
            continue
        yield Example(path, captions, said.label, repeat=times, size=size)


def _multiplied(examples: Sequence[Example], root: Path) -> Iterator[str]:
    """kohya's names are easily mistaken: 2024_summer is not meant 2024 times."""
    counts = {example.path.parent: example.repeat for example in examples if example.repeat > 1}
    for folder, times in sorted(counts.items()):
        yield f"{_shown(folder, root)}: its pictures count {times} times in an epoch, as the name says"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
