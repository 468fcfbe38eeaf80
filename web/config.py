"""What the server was told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a request may ask for at most."""

    body: int = 100 * MEGABYTE  # bytes, of any request
    depth: int = 100  # of nested JSON
    nodes: int = 50_000  # of a graph
    pixels: int = 16384 * 16384  # of an uploaded picture
    text: int = 16 * MEGABYTE  # bytes of a user data file


@dataclass(frozen=True)
class Config:
    """The options of `serve`, checked."""

    base: Path
    output: Path | None = None  # elsewhere than base/output
    extra: dict[str, tuple[Path, ...]] = field(default_factory=dict)  # models folders from YAML
    listen: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8188  # 0: any free one
    token: str | None = None  # None: none is asked for
    cors: str | None = None  # the one other origin that may call, or "*"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    front_end: Path | None = None  # a folder that is served instead of our own page
    log_json: bool = False
    preview: str | None = None  # none, auto, latent2rgb or taesd; None: auto, for clients that say they know previews
    preview_size: int = 512
    keep: int = 10_000  # finished jobs in the history
    precision: str = "auto"
    device: str = "auto"
    limits: Limits = Limits()

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"
