"""The files of a `wildcards` folder: which there are, what they hold, and which a prompt means. Without torch.

`a/b.txt` is called `a/b` and holds one option a line; `#` begins a comment. A list in a YAML or JSON file is called by
its keys, below the folder of the file: `clothes: {warm: [coat, hat]}` in `a/any.yaml` is `a/clothes/warm`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from diffusion.wildcards import COMMENT, DEEPEST, Option, draw, line, names, parse

ENDINGS = (".txt", ".yaml", ".yml", ".json")
FILES_KEPT = 4096  # read and parsed, as long as they do not change


def state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes if any file of the folder does: names, sizes and times."""
    return tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in _files(folder))


def drawn(text: str, seed: int, folder: Path) -> str:
    """The text that a seed draws from a prompt and the files of a folder.

    Raises ValueError for what `wildcards.draw` refuses, a name without a file, a file that cannot be read or holds
    nothing, and files that lead back to themselves, whether this seed would draw these lines or not.
    """
    library = Library(folder)
    library.check(text)
    return draw(text, seed, library.lines)


class Library:
    """The options of a folder's files, each read when it is first needed."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._places = {name: path for path in _files(folder) for name in _names(path, folder)}
        self._found: dict[str, list[Option]] = {}

    def lines(self, name: str) -> Sequence[Option]:
        """The options that a name stands for; a name with `*` or `?` means those of all that are like it."""
        if name not in self._found:
            self._found[name] = [one for real in self.matching(name) for one in self._options(real)]
        return self._found[name]

    def matching(self, name: str) -> list[str]:
        """The names of lists that a name means. Raises ValueError if there is none."""
        wanted = name.lower().replace("\\", "/")
        found = sorted(real for real in self._places if fnmatchcase(real.lower(), wanted.replace("[", "[[]")))
        if not found and (same := [real for real in self._places if real.lower().endswith(f"/{wanted}")]):
            found = same if len(same) == 1 else []
        if not found:
            raise ValueError(self._missing(name))
        return found

    def check(self, text: str) -> None:
        """Raises ValueError if the files that a prompt may need lead back to themselves, or one is not as it must."""
        done: set[str] = set()
        path: list[str] = []
        todo = [iter(self._needed(names(parse(text))))]
        while todo:
            name = next(todo[-1], None)
            if name is None:
                todo.pop()
                done |= set(path[-1:])
                path = path[:-1]
            elif name in path:
                circle = " -> ".join([*path[path.index(name) :], name])
                raise ValueError(f"the wildcard __{name}__ names itself: {circle}; take it out of the last one's lines")
            elif len(path) > DEEPEST:
                raise ValueError(f"the wildcards {' -> '.join(path[:3])} -> ... go more than {DEEPEST} files deep")
            elif name not in done:
                path.append(name)
                todo.append(iter(self._needed(n for one in self._options(name) for n in names(one.parts))))

    def _needed(self, wanted: Iterator[str]) -> list[str]:
        return [real for name in dict.fromkeys(wanted) for real in self.matching(name)]

    def _options(self, real: str) -> Sequence[Option]:
        path = self._places[real]
        texts = _lists(path, path.stat().st_mtime_ns).get(_within(real, path, self._folder), ())
        try:
            found = _parsed(texts)
        except ValueError as error:
            raise ValueError(f"wildcards/{path.relative_to(self._folder).as_posix()}: {error}") from None
        if not found:
            raise ValueError(f"wildcards/{path.relative_to(self._folder).as_posix()} holds no option: write one a line")
        return found

    def _missing(self, name: str) -> str:
        if not self._places:
            return f"__{name}__: the folder wildcards/ holds no lists; put {name}.txt there, one option a line"
        near = difflib.get_close_matches(name, self._places, 3, 0.4)
        told = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(sorted(self._places)[:5])}"
        return f"__{name}__: there is no wildcards/{name}.txt; {told}"


# --- files ---------------------------------------------------------------------------------------


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())


def _names(path: Path, folder: Path) -> list[str]:
    """What the lists of a file are called."""
    if path.suffix.lower() == ".txt":
        return [path.relative_to(folder).with_suffix("").as_posix()]
    return [_below(path, folder) + keys for keys in _lists(path, path.stat().st_mtime_ns)]


def _below(path: Path, folder: Path) -> str:
    place = path.parent.relative_to(folder).as_posix()
    return "" if place == "." else f"{place}/"


def _within(real: str, path: Path, folder: Path) -> str:
    return "" if path.suffix.lower() == ".txt" else real.removeprefix(_below(path, folder))


@lru_cache(FILES_KEPT)
def _parsed(texts: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(map(line, texts))


@lru_cache(FILES_KEPT)
def _lists(path: Path, time: int) -> Mapping[str, tuple[str, ...]]:
    """The texts of a file by the keys that lead to them; of a .txt file by none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".txt":
            return {"": tuple(kept for one in text.splitlines() if (kept := COMMENT.sub("", one).strip()))}
        return dict(_branches(_table(path, text), PurePosixPath()))
    except UnicodeDecodeError as error:
        raise ValueError(f"wildcards/.../{path.name} is not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _table(path: Path, text: str) -> Any:
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"wildcards/.../{path.name} is no JSON: {error}") from None
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise ValueError(f"wildcards/.../{path.name} is no YAML: {told}") from None


def _branches(table: Any, at: PurePosixPath) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from _branches(value, at / str(key))
    elif isinstance(table, list) and at.parts:
        yield at.as_posix(), tuple(str(one) for one in table if isinstance(one, str | int | float))
