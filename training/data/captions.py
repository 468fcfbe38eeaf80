"""What is said of a picture: in a file beside it, in a table of its folder, or by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from training.data.examples import DataError
from training.data.tables import Said, Table, key, leaves, read_table, some, tables_in, texts

SOURCES = ("auto", "txt", "json", "table", "name", "none")
MOST_TEXT = 2**20  # bytes of one picture's captions; a larger file is something else
REPEATS = re.compile(r"(\d+)_(.*\S)")
"""kohya's scripts: the pictures of a folder `5_cat` count five times, and are `cat` where they have no captions."""
COUNTERS = re.compile(r"^\d+[\s_.-]+|([\s_.-]+\(?\d+\)?)+$")
CAMERAS = ("img", "dsc", "dscn", "dscf", "mvimg", "pxl", "screenshot", "untitled")  # names that say nothing


class Captions:
    """The captions of the pictures of one folder and those below it.

    source: one of SOURCES.
    """

    def __init__(self, root: Path, source: str):
        self.root, self.source = root, source
        self.skipped: list[str] = []
        self.notes: list[str] = []
        self.silent: list[str] = []  # a sentence for each picture that has no captions
        self.answered = 0  # the pictures that have any
        self.by_name: list[str] = []  # the pictures that have no captions but their names
        self._tables: dict[Path, list[tuple[Path, Table]]] = {}
        self._damaged: dict[Path, str] = {}  # by folder, the name of a table that cannot be read
        self._met: set[tuple[Path, str]] = set()
        self._beside: dict[Path, set[str]] = {}  # by folder, the pictures with a text beside them

    def of(self, picture: Path) -> Said:
        """Raises DataError if a file that may hold its captions is damaged: other words would be wrong ones."""
        listed = self._listed(picture)
        other = listed.label if listed else None  # the class is there, wherever the words come from
        sources: dict[str, Callable[[], Said]] = {
            "txt": lambda: self._txt(picture),
            "json": lambda: self._json(picture),
            "table": lambda: listed or self._unheard(picture),
            "name": lambda: self._named(picture),
            "none": Said,
        }
        wanted = ("txt", "json", "table", "name") if self.source == "auto" else (self.source,)
        label = None
        for way in wanted:
            said = sources[way]()
            label = said.label if label is None else label
            if said.captions:
                self.answered += 1
                return Said(said.captions, other if label is None else label)
        return Said((), other if label is None else label)

    def close(self) -> None:
        """Note the words that no picture answered to, and the pictures that have none but their names."""
        for folder, stems in self._beside.items():
            lost = sorted(_shown(p, self.root) for p in folder.glob("*.txt") if p.stem not in stems and p.is_file())
            if lost:
                self.notes.append(f"there is no picture beside {some(lost)} that could be used")
        for tables in self._tables.values():
            for path, table in tables:
                lost = [name for name in table.rows if (path, name) not in self._met]
                if lost:
                    self.notes.append(f"{_shown(path, self.root)} names pictures that are not there: {some(lost)}")
        if self.source == "auto" and self.by_name:
            self.notes.append(f"pictures without captions are called by their names: {some(self.by_name)}")

    def _txt(self, picture: Path) -> Said:
        text = self._text(picture.with_suffix(".txt"))
        if text is not None:
            self._beside.setdefault(picture.parent, set()).add(picture.stem)
        return Said(texts(text))

    def _json(self, picture: Path) -> Said:
        path = picture.with_suffix(".json")
        text = self._text(path)
        if text is None:
            return Said()
        try:
            return _parsed(text)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f'{path.name} holds no captions ({error}); it should be like {{"caption": "a red apple"}}'
            ) from None

    def _text(self, path: Path) -> str | None:
        """The text of a file beside a picture, None if there is none."""
        if not path.is_file():
            return None
        if leaves(path, self.root):
            raise DataError(f"{path.name} is a link that leaves the folder; copy the file here")
        try:
            if path.stat().st_size > MOST_TEXT:
                raise DataError(f"{path.name} is larger than captions can be ({MOST_TEXT} bytes); move it elsewhere")
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{path.name} is not UTF-8 text ({error.reason}); save it as UTF-8") from None
        except OSError as error:
            raise DataError(f"{path.name} cannot be read: {error.strerror or error}; check its permissions") from None

    def _listed(self, picture: Path) -> Said | None:
        """What the tables of its folder, and of those above it up to the root, say; None if they do not name it."""
        for folder in picture.parents:
            for path, table in self._read(folder):
                name = key(picture.relative_to(folder).as_posix())
                if name in table.rows:
                    self._met.add((path, name))
                    return table.rows[name]
            if folder == self.root:
                break
        return None

    def _unheard(self, picture: Path) -> Said:
        """Of a picture that no table names: nothing, unless a table that cannot be read may have named it."""
        for folder in picture.parents:
            if folder in self._damaged:
                raise DataError(f"{self._damaged[folder]} may name it but cannot be read; correct or remove it")
        return Said()

    def _read(self, folder: Path) -> list[tuple[Path, Table]]:
        if folder not in self._tables:
            self._tables[folder] = []  # it is read once, damaged or not
            self._tables[folder] = list(self._sound(folder))
        return self._tables[folder]

    def _sound(self, folder: Path) -> Iterator[tuple[Path, Table]]:
        for path in tables_in(folder):
            try:
                if leaves(path, self.root):
                    raise DataError(f"{_shown(path, self.root)} is a link that leaves the folder; copy the table here")
                table = read_table(path)
            except DataError as error:
                self._damaged[folder] = path.name
                self.skipped.append(str(error))
            else:
                self.notes += table.notes
                yield path, table

    def _named(self, picture: Path) -> Said:
        """By kohya's name of its folder, if there is one and no other way is asked for, or by its own."""
        whole = repeats(picture, self.root)[1] if self.source == "auto" else ""
        name = whole or from_name(picture.stem)
        if not whole and self.source == "auto" and name.lower() in CAMERAS:
            name = ""
        if name and not whole:
            self.by_name.append(_shown(picture, self.root))
        return Said((name,) if name else ())


def from_name(stem: str) -> str:
    """The words of a file name: `red-apple_03` is "red apple"; none if it has no letters."""
    words = re.sub(r"[\s_-]+", " ", COUNTERS.sub("", stem.strip())).strip()
    return words if any(letter.isalpha() for letter in words) else ""


def repeats(picture: Path, root: Path) -> tuple[int, str]:
    """How often a picture counts by the nearest of its folders below the root that says so, and that one's name."""
    for folder in picture.parents:
        if folder == root:
            break
        if match := REPEATS.fullmatch(folder.name):
            return int(match[1][:9]), match[2].replace("_", " ").strip()
    return 1, ""


def with_trigger(captions: tuple[str, ...], trigger: str) -> tuple[str, ...]:
    """Each caption after the trigger, which stands alone where there is none."""
    if not trigger:
        return captions
    named = [c == trigger or c.startswith(f"{trigger},") for c in captions]
    return tuple(c if has else f"{trigger}, {c}" for c, has in zip(captions, named, strict=True)) or (trigger,)


def _parsed(text: str) -> Said:
    """Raises ValueError for JSON that holds no captions, or none."""
    value: object = json.loads(text)
    if not isinstance(value, dict):
        return Said(texts(value))
    table = cast("dict[str, object]", value)
    label = table.get("label", table.get("class"))
    captions = (*texts(table.get("caption")), *texts(table.get("captions")))
    return Said(captions, label if type(label) is int and label >= 0 else None)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
