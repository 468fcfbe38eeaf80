"""More folders of models than the base directory has: the standard's `extra_model_paths.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from executor.files import FIRST, OLD_NAMES


class ExtraPathsError(ValueError):
    """A file of extra paths cannot be used; the message names it and the line or the entry."""


def read(files: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
    """The places that the files name, in their order, by models folder: what `Files.extra` takes.

    Raises ExtraPathsError.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        for folder, place in _places(file):
            places = found.setdefault(folder, [])
            if place not in places:
                places.append(place)
    return {folder: tuple(places) for folder, places in found.items()}


def _places(file: Path) -> Iterator[tuple[str, Path]]:
    for name, section in _sections(file):
        where = f"{file}: {name}"
        entries = dict(section)
        base = _expanded(_text(entries.pop("base_path", None) or "", f"{where}.base_path"), file.parent)
        first = entries.pop("is_default", False)
        if not isinstance(first, bool):
            raise ExtraPathsError(f"{where}.is_default is {first!r}; write true or false")
        for folder, value in entries.items():
            kind = OLD_NAMES.get(folder, folder) + (FIRST if first else "")
            yield from ((kind, _expanded(line, base)) for line in _lines(value, f"{where}.{folder}"))


def _sections(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The sections that are not empty, as where all their lines are comments."""
    document = _document(file)
    if not isinstance(document, dict | None):
        raise ExtraPathsError(f"{file} holds no sections; write `name:` with indented `folder: path` lines below it")
    for name, section in cast("dict[Any, Any]", document or {}).items():
        if isinstance(section, dict):
            yield str(name), {str(key): value for key, value in cast("dict[Any, Any]", section).items()}
        elif section is not None:
            raise ExtraPathsError(f"{file}: {name} is no section; put `folder: path` lines, indented, below `{name}:`")


def _document(file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExtraPathsError(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ExtraPathsError(f"{file} is no UTF-8 text; save it as such") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ExtraPathsError(f"{file}{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ExtraPathsError(f"{file}: {error}") from None


def _lines(value: object, where: str) -> list[str]:
    """One path a line; a list of paths is understood too."""
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [_text(v, where) for v in values if v is not None]
    return [line.strip() for text in texts for line in text.splitlines() if line.strip()]


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ExtraPathsError(f"{where} is {value!r}; write a path, in quotes if it looks like something else")
    if "\0" in value:
        raise ExtraPathsError(f"{where} holds a NUL character, which no path can")
    return value


def _expanded(text: str, base: Path) -> Path:
    path = os.path.expandvars(os.path.expanduser(text))
    return Path(os.path.abspath(base / path))
