"""Socket types: what may connect to what, and what is known of a value before it exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Socket:
    """Names a type's socket, inside `Annotated`. `*` takes anything, `A,B` takes either."""

    name: str


def compatible(source: str, target: str) -> bool:
    """Whether an output of type `source` may feed an input of type `target`."""
    if source == target or "*" in (source, target):
        return True
    return not {s.strip() for s in source.split(",")}.isdisjoint(t.strip() for t in target.split(","))


@dataclass(frozen=True)
class Fact:
    """Something that a file's header says, and which file: `Fact(768, "a.safetensors")`."""

    value: int | str
    source: str


Facts = Mapping[str, Fact]
"""What is known of an output before a run, by name: `{"context width": Fact(768, file)}`."""

CARRIES: dict[str, tuple[str, ...]] = {
    "MODEL": ("context width", "latent channels"),
    "CONTROL_NET": ("context width",),
    "CLIP": ("context width",),
    "CONDITIONING": ("context width",),
    "VAE": ("latent channels",),
    "LATENT": ("latent channels",),
    "GUIDER": ("context width", "latent channels"),
}
"""The facts that survive on a socket type. Where two inputs of a node disagree on one, the node cannot run."""
