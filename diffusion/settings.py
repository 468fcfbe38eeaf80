"""What the user chose for the whole process: precision and device. The one place of such state; torch-free, so that
the command line can set it before anything heavy is imported."""

from __future__ import annotations

import os
from dataclasses import dataclass

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Settings:
    """precision: of the denoising network; `auto` = what is fast and safe on the device. device: `auto` = a GPU if any.

    Raises ValueError for a name that is none of the choices.
    """

    precision: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        kind = self.device.partition(":")[0]  # of "cuda:1"
        for name, value, choices in (("precision", self.precision, PRECISIONS), ("device", kind, DEVICES)):
            if value not in choices:
                raise ValueError(f"{name} {value!r} is none of {', '.join(choices)}")


def from_environment() -> Settings:
    """`MEZZOTINT_PRECISION` and `MEZZOTINT_DEVICE`, or auto."""
    return Settings(os.environ.get("MEZZOTINT_PRECISION", "auto"), os.environ.get("MEZZOTINT_DEVICE", "auto"))


_current: Settings | None = None


def current() -> Settings:
    """What `use` set, else what the environment says."""
    return _current or from_environment()


def use(settings: Settings) -> None:
    """Set the choices for what is loaded from now on. Called once, by the command line."""
    global _current
    _current = settings
