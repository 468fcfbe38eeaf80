"""Nodes that say what is to be where, by boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import diffusion
from executor.files import Files
from executor.node import Folder, Range, Text, node
from executor.types import Facts
from nodes.model_files import problem, state, told
from nodes.sockets import Clip, Conditioning, Gligen
from nodes.text import embedding_state

Side = Annotated[int, Range(8, 16384, step=8), "In pixels."]
Place = Annotated[int, Range(0, 16384, step=8), "In pixels."]


def gligen_state(files: Files, gligen_name: str) -> Any:
    return state(files, "gligen", gligen_name)


def gligen_problem(files: Files, gligen_name: str) -> str | None:
    return problem(lambda: diffusion.gligen_files.inspect(files.model("gligen", gligen_name)))


def gligen_facts(files: Files, gligen_name: str) -> Sequence[Facts]:
    return (told(lambda: diffusion.gligen_files.inspect(files.model("gligen", gligen_name)), gligen_name),)


@node("GLIGENLoader", category="loaders", fingerprint=gligen_state, validate=gligen_problem, facts=gligen_facts)
def gligen_loader(*, gligen_name: Annotated[str, Folder("gligen"), "A file of models/gligen."], files: Files) -> Gligen:
    """Open a GLIGEN model, which puts things at boxes."""
    return diffusion.gligen.load(files.model("gligen", gligen_name))


@node("GLIGENTextBoxApply", category="conditioning/gligen", fingerprint=embedding_state)
def gligen_text_box_apply(
    *,
    conditioning_to: Conditioning,
    clip: Clip,
    gligen_textbox_model: Gligen,
    text: Annotated[str, Text(multiline=True, dynamic=True), "What is to be in the box."],
    width: Side = 64,
    height: Side = 64,
    x: Place = 0,
    y: Place = 0,
) -> Conditioning:
    """Show what a text says in a box of the picture."""
    return diffusion.gligen.apply(conditioning_to, clip, gligen_textbox_model, text, height, width, y, x)
