"""Which kind of upscaler a file holds, by the names and shapes in its header. Without torch."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

from diffusion import detect
from diffusion.header import Header, ModelFileError, Shapes, read_header
from diffusion.parts import Part, find_text, find_unet, find_vae
from diffusion.upscaling.config import CompactConfig, RRDBConfig

PREFIXES = ("", "module.", "netG.")  # what trainers put before all names
CONV = r"(?:\.0)?\.(weight|bias)"
XINTAO = (  # of github.com/xinntao/ESRGAN and BSRGAN -> BasicSR's
    (rf"RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d){CONV}", r"body.\1.rdb\2.conv\3.\4"),
    (r"trunk_conv\.(.*)", r"conv_body.\1"),
    (r"upconv(\d)\.(.*)", r"conv_up\1.\2"),
    (r"HRconv\.(.*)", r"conv_hr.\1"),
    (r"(conv_(?:first|last)\..*)", r"\1"),
)

MAYBE = ("an upscaling model", "a fast preview decoder")  # of detect.OTHERS, what may be an upscaler


class Found(NamedTuple):
    """A network in a file."""

    part: Part
    config: RRDBConfig | CompactConfig


def find(shapes: Shapes) -> Found | None:
    """The upscaling network of a file, if it is of a kind that is known here. Raises ValueError or LookupError."""
    for prefix in PREFIXES:
        inside = {n[len(prefix) :]: s for n, s in shapes.items() if n.startswith(prefix)}
        names = _rrdb_names(inside)
        if names:
            part = _part(prefix, inside, names)
            return Found(part, RRDBConfig.from_shapes(part.shapes))
        if all(re.fullmatch(r"body\.\d+\.(weight|bias)", name) for name in inside) and "body.1.weight" in inside:
            part = _part(prefix, inside, {n: n for n in inside})
            return Found(part, CompactConfig.from_shapes(part.shapes))
    return None


def _part(prefix: str, inside: Shapes, names: dict[str, str]) -> Part:
    return Part(prefix, names, {ours: inside[theirs] for theirs, ours in names.items()})


def _rrdb_names(inside: Shapes) -> dict[str, str]:
    """Their names of an ESRGAN network -> BasicSR's; empty if it is none."""
    if "body.0.rdb1.conv1.weight" in inside and "conv_body.weight" in inside:
        return {name: name for name in inside}
    table = _first_layout(inside) if "model.1.sub.0.RDB1.conv1.0.weight" in inside else XINTAO
    if table is XINTAO and "RRDB_trunk.0.RDB1.conv1.weight" not in inside:
        return {}
    return {name: ours for name in inside if (ours := _renamed(name, table))}


def _first_layout(inside: Shapes) -> tuple[tuple[str, str], ...]:
    """The names of ESRGAN's first release are numbers, which follow from how many times the picture is doubled."""
    trunk = max(int(m[1]) for n in inside if (m := re.match(r"model\.1\.sub\.(\d+)\.", n)))
    last = max(int(m[1]) for n in inside if (m := re.match(r"model\.(\d+)\.", n)))
    doublings = (last - 4) // 3
    return (
        (rf"model\.1\.sub\.{trunk}\.(weight|bias)", r"conv_body.\1"),
        (rf"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d|1x1){CONV}", r"body.\1.rdb\2.conv\3.\4"),
        (r"model\.0\.(.*)", r"conv_first.\1"),
        *((rf"model\.{3 * i}\.(.*)", rf"conv_up{i}.\1") for i in range(1, doublings + 1)),
        (rf"model\.{last - 2}\.(.*)", r"conv_hr.\1"),
        (rf"model\.{last}\.(.*)", r"conv_last.\1"),
    )


def _renamed(name: str, table: tuple[tuple[str, str], ...]) -> str | None:
    return next((m.expand(ours) for pattern, ours in table if (m := re.fullmatch(pattern, name))), None)


def inspect(path: Path) -> None:
    """Raises ModelFileError, which says what the file is, if it is no upscaler that can be run."""
    known(read_header(path))


def known(header: Header) -> Found | None:
    """The upscaling network of a file; None: it is for spandrel to say what it is. Raises ModelFileError."""
    try:
        found = find(header.shapes)
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{header.path.name} is damaged: its upscaler makes no sense ({error})") from None
    if found is None:
        _reject_others(header)
        _require_spandrel(header.path.name)
    return found


def _require_spandrel(name: str) -> None:
    if importlib.util.find_spec("spandrel") is None:
        raise ModelFileError(
            f"{name} is neither an ESRGAN nor a compact upscaler, and the other kinds need a package that is not "
            "installed: run `pip install spandrel`, then restart"
        )


def _reject_others(header: Header) -> None:
    """A file that is clearly something else is none for spandrel either."""
    kind = "a Stable Diffusion model; load it with Load Checkpoint" if find_unet(header.shapes) else None
    for name, pattern, remedy in detect.OTHERS:
        if name not in MAYBE and any(re.search(pattern, key) for key in header.shapes):
            kind = kind or name + (f"; {remedy}" if remedy else "")
    if kind or find_vae(header.shapes) or find_text(header.shapes):
        raise ModelFileError(f"{header.path.name} is no upscaler; it is {kind or 'a VAE or a text encoder'}")
