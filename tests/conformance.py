"""Replay recorded results of the field's standard through the project's own nodes, samplers, tokenizer and flattener.

    python tests/conformance.py FILE|FOLDER ...

Takes files and folders in the layout that tests/data/README.md describes: `sampling.json`, `nodes.json`, a folder of
workflow pairs, a folder of recorded pictures, or one that holds several of these. Prints each mismatch with its size,
ends with `N passed, N failed`, and exits with 1 if anything failed. Pictures need full-size models (see --models).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:  # run as a script, whose own folder holds other packages named `diffusion` and `nodes`
    sys.path[0] = str(ROOT)

from tests.replay import blend, nodes, pictures, sampling, sigmas, text, vae_prep, workflows  # noqa: E402

Record = tuple[str, str | None]
Replay = Callable[[Any, Path], Iterator[Record]]


def nodes_file(data: Any, folder: Path) -> Iterator[Record]:
    """`nodes.json`, or some of its groups."""
    yield from nodes.replay(data, folder)
    yield from sigmas.replay(data.get("sigmas", ()), folder)
    yield from blend.replay(data.get("blend", ()), folder)
    yield from text.replay(data, folder)
    yield from vae_prep.replay(data, folder)


SAMPLING = {"samplers", "schedules", "noise", "extras"}
NODES = {*nodes.GROUPS, "sigmas", "blend", "tokenize", "tokenize_embeddings", "encode", "vae_prep"}


def records(path: Path, models: Path | None) -> Iterator[Record]:
    """All records of a file or of a folder."""
    if path.is_dir():
        yield from _folder(path, models)
    elif path.name.endswith((".workflow.json", ".api.json")):
        yield from workflows.replay([path.name.rsplit(".", 2)[0]], path.parent)
    else:
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, list):
            yield from pictures.replay(data, path.parent, models)
        elif "pairs" in data:
            yield from workflows.replay(data, path.parent)
        elif not data.keys().isdisjoint(NODES):
            yield from nodes_file(data, path.parent)
        elif not data.keys().isdisjoint(SAMPLING) and "nodes" not in data:
            yield from sampling.replay(data, path.parent)


def _folder(folder: Path, models: Path | None) -> Iterator[Record]:
    if any(folder.glob("*.workflow.json")):
        index = folder / "index.json"
        yield from workflows.replay(json.loads(index.read_text(encoding="utf-8")) if index.exists() else None, folder)
        return
    if (folder / "index.json").exists():
        yield from records(folder / "index.json", models)
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.suffix == ".json":
            yield from records(path, models)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="+", type=Path, metavar="FILE|FOLDER")
    made = "the random models of recorded pictures, made there if missing (default: a temporary folder that is kept)"
    parser.add_argument("--models", type=Path, metavar="DIR", help=made)
    options = parser.parse_args(arguments)
    missing = [path for path in options.path if not path.exists()]
    if missing:
        parser.error(f"there is no {missing[0]}")
    passed = failed = 0
    for path in options.path:
        for label, mismatch in records(path, options.models):
            passed, failed = passed + (mismatch is None), failed + (mismatch is not None)
            if mismatch is not None:
                print(f"{label}: {mismatch}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    raise SystemExit(main())
