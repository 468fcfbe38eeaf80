"""Nodes that make lists and take them apart. What follows a list runs once for each of its items."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
import executor.lists as lists
from executor.files import Files, contained
from executor.lists import ListError
from executor.node import Choice, Names, Range, Text, node
from nodes.sockets import Anything, Image

CATEGORY = "utils/list"
list_ = list  # since an input is called so
MOST = 2**53 - 1  # what every program that reads a graph can tell apart
ITEMS = tuple(f"item{n}" for n in range(1, 9))

Items = Annotated[list[Anything], "A list."]
Part = Annotated[list[Anything] | None, "An item, or a list whose items are put in."]
Lines = Annotated[str, Text(multiline=True), "One item a line; empty lines are left out."]
Whole = Annotated[int, Range(-MOST, MOST)]
Number = Annotated[float, Range(-MOST, MOST, step=0.01)]


def _state(path: Path) -> list[Any]:
    return [path.stat().st_mtime_ns, path.stat().st_size]


class ImagesAndNames(NamedTuple):
    images: list[Image]
    names: list[str]


class Pairs(NamedTuple):
    first: list[Anything]
    second: list[Anything]


# --- making lists --------------------------------------------------------------------------------


@node("ListBuild", category=CATEGORY, display_name="Build List", output_names=("list",))
def list_build(
    **items: Annotated[list[Anything] | None, "An item, or a list whose items are put in.", Names(ITEMS, None)],
) -> list[Anything]:
    """Put values, and all of the items of lists, into one list, in their order."""
    return [item for name in ITEMS for item in items.get(name) or ()]


@node("ListFromText", category=CATEGORY, display_name="List from Lines", output_names=("list",))
def list_from_text(
    *, text: Annotated[str, Text(multiline=True), "One item a line; empty lines are left out."]
) -> list[Anything]:
    """The lines of a text, as a list."""
    return lists.lines(text)


@node("ListRange", category=CATEGORY, display_name="List of Whole Numbers", output_names=("list",))
def list_range(
    *,
    first: Whole = 1,
    last: Annotated[Whole, "It is in the list, if the steps meet it."] = 4,
    step: Annotated[Whole, "Below 0 to count down."] = 1,
) -> list[int]:
    """Whole numbers from the first to the last, such as seeds or steps."""
    return [int(n) for n in _numbers(first, last, step)]


@node("ListRangeFloat", category=CATEGORY, display_name="List of Numbers", output_names=("list",))
def list_range_float(
    *,
    first: Number = 0.0,
    last: Annotated[Number, "It is in the list, if the steps meet it."] = 1.0,
    step: Annotated[Number, "Below 0 to count down."] = 0.25,
) -> list[float]:
    """Numbers from the first to the last, such as strengths."""
    return [float(n) for n in _numbers(first, last, step)]


ModelFolder = Literal["checkpoints", "loras", "vae", "controlnet", "upscale_models", "embeddings", "diffusion_models"]


def _names_state(files: Files, folder: str) -> Any:
    return list(files.names(folder))


@node(
    "ListOfModels",
    category=CATEGORY,
    display_name="List of Models",
    fingerprint=_names_state,
    output_names=("names",),
)
def list_of_models(
    *,
    folder: Annotated[ModelFolder, "The kind of models."] = "checkpoints",
    containing: Annotated[str, "Only models with this in their names."] = "",
    files: Files,
) -> list[Anything]:
    """The names of models that are installed, to link to the name that a loader takes."""
    names = [name for name in files.names(folder) if containing.lower() in name.lower()]
    if not names:
        what = f" with {containing!r} in its name" if containing else ""
        raise ListError(f"there is no model{what} in models/{folder}")
    return names


def _numbers(first: float, last: float, step: float) -> list[int | float]:
    text = f"{first} to {last}"
    return lists.numbers(Decimal(str(first)), Decimal(str(last)), Decimal(str(step)), text)


def _texts(files: Files) -> list[str]:
    folder = files.root("input")
    return sorted(p.name for p in folder.glob("*") if p.suffix.lower() in (".txt", ".csv", ".tsv"))


def _text_state(files: Files, file: str) -> Any:
    return _state(contained(files.root("input"), file))


TextFile = Annotated[str, Choice(_texts), "A file in the folder input."]


@node("ListFromFile", category=CATEGORY, display_name="List from File", fingerprint=_text_state, output_names=("list",))
def list_from_file(
    *,
    file: TextFile,
    column: Annotated[str, "Of a table (CSV), the name of the column. Empty: the lines of the file."] = "",
    files: Files,
) -> list[Anything]:
    """The lines of a text file, or a column of a table, as a list."""
    text = lists.read(contained(files.root("input"), file), file)
    return lists.column(text, column, file) if column else lists.lines(text, file)


def _folders(files: Files) -> list[str]:
    root = files.root("input")
    return [".", *sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_dir())]


def _folder_state(files: Files, folder: str) -> Any:
    place = contained(files.root("input"), folder)
    return [[name, *_state(place / name)] for name in lists.pictures(place, folder)]


@node(
    "ListOfImages",
    category=CATEGORY,
    display_name="List of Images in Folder",
    fingerprint=_folder_state,
    output_names=("images", "names"),
)
def list_of_images(
    *, folder: Annotated[str, Choice(_folders), "A folder in the folder input."] = ".", files: Files
) -> ImagesAndNames:
    """All pictures of a folder and of those in it, one after the other, with their names."""
    place = contained(files.root("input"), folder)
    names = lists.pictures(place, folder)
    return ImagesAndNames([diffusion.image_files.load(place / name)[0] for name in names], names)


# --- taking lists apart and together -------------------------------------------------------------


@node("ListLength", category=CATEGORY, display_name="List Length", output_names=("length",))
def list_length(*, list: Items) -> int:
    """How many items a list has."""
    return len(list)


@node("ListItem", category=CATEGORY, display_name="List Item", output_names=("item",))
def list_item(
    *,
    list: Items,
    index: Annotated[list_[int], "Which item, from 0; -1 is the last."] = 0,  # pyright: ignore[reportArgumentType]
) -> Anything:
    """One item of a list."""
    return list[lists.pick(list, index[0])]


@node("ListSlice", category=CATEGORY, display_name="List Slice", output_names=("list",))
def list_slice(
    *,
    list: Items,
    first: Annotated[list_[int], "The first item to take, from 0; -1 is the last of the list."] = 0,  # pyright: ignore[reportArgumentType]
    count: Annotated[list_[Annotated[int, Range(1, MOST)]], "How many to take; fewer if the list ends before."] = 1,  # pyright: ignore[reportArgumentType]
) -> list_[Anything]:
    """Some items of a list, one after the other."""
    begin = lists.pick(list, first[0], "first")
    return list[begin : begin + count[0]]


@node("ListToText", category=CATEGORY, display_name="List to Texts", output_names=("texts",))
def list_to_text(*, list: Items, before: Annotated[str, "What stands before each."] = "") -> list_[str]:
    """Each item of a list as text, for labels and the names of files."""
    return [f"{before}{item}" for item in list]


@node("ListPairs", category=CATEGORY, display_name="List Pairs")
def list_pairs(*, first: Items, second: Items) -> Pairs:
    """Every pair of an item of the first list and one of the second, as two lists of the same length: for each item of
    the first all of the second. This is how two lists make a grid."""
    return Pairs([a for a in first for _ in second], [b for _ in first for b in second])
