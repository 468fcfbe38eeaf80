"""The options of `serve`, and how they become a `Config`. Imports no aiohttp, so that every `--help` is quick."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from web.config import Config

PREVIEWS = ("auto", "latent2rgb", "taesd", "none")
EVERYWHERE = "0.0.0.0,::"


class OptionError(ValueError):
    """An option cannot be followed; the message names it and the remedy."""


def add(parser: argparse.ArgumentParser) -> None:
    """The options, but for --base-directory, --precision and --device, which other commands have too."""
    where = parser.add_argument_group("where it listens")
    where.add_argument("--port", type=_port, default=8188, metavar="N", help="8188 by default; 0 takes a free one")
    where.add_argument(
        "--listen",
        nargs="?",
        const=EVERYWHERE,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="addresses, with commas; alone: all of this machine. Other than loopback needs a token",
    )
    where.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate (PEM)")
    where.add_argument("--tls-key", type=Path, metavar="FILE", help="and its key, if that is not in the same file")
    who = parser.add_argument_group("who may use it")
    who.add_argument("--token", metavar="TEXT", help="ask every client for this; or set MEZZOTINT_TOKEN")
    who.add_argument("--no-auth", action="store_true", help="ask for no token even where others can connect")
    who.add_argument(
        "--enable-cors-header",
        nargs="?",
        const="*",
        metavar="ORIGIN",
        help="let pages of this origin (alone: of any) call the server",
    )
    what = parser.add_argument_group("what it serves")
    what.add_argument("--output-directory", type=Path, metavar="DIR", help="save pictures here instead of output/")
    what.add_argument(
        "--extra-model-paths-config",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="a YAML file that names more folders of models; repeatable",
    )
    what.add_argument("--front-end-root", type=Path, metavar="DIR", help="serve the page in this folder as /")
    what.add_argument(
        "--preview-method",
        choices=PREVIEWS,
        help="of the previews while sampling; by default auto, but not to clients that do not say they know previews",
    )
    what.add_argument(
        "--preview-size", type=int, default=512, metavar="N", help="their longest side at most, in pixels"
    )
    what.add_argument("--history-limit", type=int, default=10_000, metavar="N", help="finished jobs to remember")
    what.add_argument("--log-json", action="store_true", help="write the log as lines of JSON")


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; take a number from 0 to 65535")
    return int(text)


def config(options: argparse.Namespace) -> Config:
    """The options, checked. Raises OptionError."""
    from executor.extra_paths import ExtraPathsError, read
    from web.config import Config

    base = Path(options.base_directory)
    if not base.is_dir():
        raise OptionError(f"the base directory {base} does not exist")
    listen = tuple(filter(None, (a.strip(" []") for a in options.listen.split(","))))
    try:
        extra = read([*_extra_files(base), *options.extra_model_paths_config])
    except ExtraPathsError as error:
        raise OptionError(str(error)) from None
    return Config(
        base=base.resolve(),
        output=_folder("--output-directory", options.output_directory, make=True),
        extra=extra,
        listen=listen,
        port=options.port,
        token=_token(options, listen),
        cors=options.enable_cors_header,
        tls_cert=_file("--tls-cert", options.tls_cert, options.tls_key),
        tls_key=_file("--tls-key", options.tls_key),
        front_end=_folder("--front-end-root", options.front_end_root),
        log_json=options.log_json,
        preview=options.preview_method,
        preview_size=_positive("--preview-size", options.preview_size),
        keep=_positive("--history-limit", options.history_limit),
        precision=options.precision,
        device=options.device,
    )


def _token(options: argparse.Namespace, listen: tuple[str, ...]) -> str | None:
    """What clients must show: as given, else a new one where more than this machine can connect."""
    given = options.token or os.environ.get("MEZZOTINT_TOKEN")
    if given and options.no_auth:
        raise OptionError("--no-auth and a token contradict each other; leave one out")
    if given is not None and len(given) < 8:
        raise OptionError("the token is too short to protect anything; take at least 8 characters")
    if given or options.no_auth or all(map(is_loopback, listen)):
        return given or None
    return secrets.token_urlsafe(24)


def is_loopback(address: str) -> bool:
    """Whether only this machine can connect to it."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost" or address.endswith(".localhost")


def _extra_files(base: Path) -> list[Path]:
    usual = base / "extra_model_paths.yaml"
    return [usual] if usual.is_file() else []


def _file(option: str, path: Path | None, needs: Path | None = None) -> Path | None:
    if path is None and needs is not None:
        raise OptionError(f"--tls-key needs {option}, the certificate that it is the key of")
    if path is not None and not path.is_file():
        raise OptionError(f"{option} {path}: there is no such file")
    return path


def _folder(option: str, path: Path | None, *, make: bool = False) -> Path | None:
    if path is None:
        return None
    try:
        if make:
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{option} {path}: {error.strerror or error}") from None
    if not path.is_dir():
        raise OptionError(f"{option} {path} is no folder")
    return path.resolve()


def _positive(option: str, number: int) -> int:
    if number < 1:
        raise OptionError(f"{option} {number}: take at least 1")
    return number
