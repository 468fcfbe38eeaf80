"""Whole graphs that the standard ran with full-size random models: the pictures and latents that came out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from tests import random_models

LATENT = 1e-3  # of the latent's standard deviation
PIXEL = 2  # of 255


def replay(data: Sequence[Mapping[str, Any]], folder: Path, models: Path | None) -> Iterator[tuple[str, str | None]]:
    """For each output of each record its label, and None or what differs.

    models: the folder of the random models, made there if they are not yet; None: a temporary one that stays.
    """
    for record in data:
        with TemporaryDirectory() as place:
            base = Path(place)
            failure = _run(json.loads((folder / record["workflow"]).read_text("utf-8")), folder, models, base)
            for want in record["outputs"]:
                label = f"pictures {record['name']} {want['node']}.{want['i']}"
                yield label, failure or _mismatch(folder / want["file"], base, want)


def _run(graph: dict[str, Any], folder: Path, models: Path | None, base: Path) -> str | None:
    """Run one graph in `base`. None, or why it does not run."""
    import nodes
    from diffusion.settings import Settings, use
    from executor.check import check, outputs
    from executor.files import Files
    from executor.graph import read
    from executor.node import registry
    from executor.plan import make_plan
    from executor.run import execute

    assert nodes.__name__
    if unknown := {node["class_type"] for node in graph.values()} - registry.keys():
        return f"there is no node type {', '.join(sorted(unknown))}"
    use(Settings("fp32", "cpu"))
    _furnish(base, graph, folder, models or random_models.CACHE)
    files, parsed = Files(base), read(graph)
    errors = [p for p in check(parsed, registry, files) if p.severity == "error"]
    if errors:
        return "; ".join(map(str, errors))
    outcome = execute(make_plan(parsed, registry, outputs(parsed, registry), files), files=files, cache=_cache())
    for node, ui in outcome.shown.items():
        (base / f"{node}.json").write_text(json.dumps(ui))
    return "; ".join(f"{f.type} {f.node}: {f.message}" for f in outcome.failed) or None


@cache
def _cache() -> Any:
    """Shared by all graphs of a replay, so that a model is loaded once."""
    from executor.cache import Cache

    return Cache()


def _furnish(base: Path, graph: Mapping[str, Any], folder: Path, models: Path) -> None:
    shutil.copytree(folder / "input", base / "input")
    named = {value for node in graph.values() for value in node["inputs"].values() if isinstance(value, str)}
    for name in sorted(named & random_models.MAKERS.keys()):
        place = base / "models" / random_models.MAKERS[name][0]
        place.mkdir(parents=True, exist_ok=True)
        os.symlink(random_models.model(name, models).resolve(), place / name)


def _mismatch(want: Path, base: Path, output: Mapping[str, Any]) -> str | None:
    shown = base / f"{output['node']}.json"
    if not shown.exists():
        return "the node made nothing"
    files = json.loads(shown.read_text()).get(output["kind"], ())
    if output["i"] >= len(files):
        return f"the node made {len(files)} {output['kind']}"
    made = files[output["i"]]
    path = base / made["type"] / made["subfolder"] / made["filename"]
    return _latents_differ(path, want) if want.suffix == ".latent" else _pictures_differ(path, want)


def _latents_differ(path: Path, want: Path) -> str | None:
    a, b = load_file(path)["latent_tensor"].astype(np.float64), load_file(want)["latent_tensor"].astype(np.float64)
    if a.shape != b.shape:
        return f"shape {a.shape} != {b.shape}"
    error = np.abs(a - b).max() / b.std()
    return None if error < LATENT else f"latents differ by {error:.2e} of their standard deviation"


def _pictures_differ(path: Path, want: Path) -> str | None:
    a, b = (np.asarray(Image.open(p), np.int16) for p in (path, want))
    if a.shape != b.shape:
        return f"shape {a.shape} != {b.shape}"
    error = int(np.abs(a - b).max())
    return None if error <= PIXEL else f"pixels differ by up to {error} of 255"
