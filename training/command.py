"""`python main.py train CONFIG.toml`: from a file to a trained model."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from executor import devices
from executor.files import FileProblem, Files
from training import events
from training.config import Config, ConfigError, read
from training.events import Tell

if TYPE_CHECKING:
    from training.subject import Subject

FINISHED, FAILED, INVALID, STOPPED = 0, 1, 2, 130
EPILOG = """example:
  python main.py train docs/learn/denoiser.toml
  python main.py train docs/learn/denoiser.toml --max-time 10m      stop after ten minutes, and later
  python main.py train docs/learn/denoiser.toml --resume            go on
"""


class Refused(Exception):
    """The training cannot begin; the message says why."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("config", metavar="CONFIG.toml", help="what is trained, from which pictures, how long")
    parser.add_argument("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--max-time", type=duration, metavar="TIME", help="stop after 90s, 15m or 2h; --resume goes on")
    where = "go on from where it was stopped, or from a STATE that was kept"
    parser.add_argument("--resume", nargs="?", const="", metavar="STATE", help=where)
    parser.add_argument("--json-events", action="store_true", help="print every event as a line of JSON")


def duration(text: str) -> float:
    """Seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 15m or 2h")
    return seconds


def train(options: argparse.Namespace, files: Files) -> int:
    """Carry out the command. Returns its exit code; raises Refused."""
    from diffusion import placement
    from diffusion.settings import Settings, use

    try:
        config = read(Path(options.config))
        use(Settings(device=options.device))
        devices.keep_freed_memory()
        placement.device()  # that it is there is known before the pictures are read
        return _train(config, files, options)
    except (ConfigError, FileProblem, ValueError, OSError) as error:
        raise Refused(str(error)) from None


def _train(config: Config, files: Files, options: argparse.Namespace) -> int:
    from training.run import STATE, Limits, Training, TrainingError

    save = files.base / config.model.save
    folder = files.root("output") / "training" / save.stem
    if options.resume is None and (folder / STATE).exists():
        raise Refused(
            f"{folder} holds a training that was begun: --resume goes on with it; to begin anew, remove that folder "
            "or give another model.save"
        )
    tell = _tell(config, options.json_events, folder)
    subject = subject_of(config, files, tell)
    for note in subject.notes:
        tell(events.Noted(note))
    training = Training(config, subject, folder, save, tell)
    if options.resume is not None:
        training.resume(Path(options.resume) if options.resume else None)
    with _interruptible() as stop:
        try:
            why = training.run(Limits(seconds=options.max_time or float("inf"), stop=stop))
        except TrainingError as error:
            tell(events.Ended(training.learning.done, config.training.steps, str(error)))
            return FAILED
    return STOPPED if why == INTERRUPTED else FINISHED


def _tell(config: Config, json: bool, folder: Path) -> Tell:
    from training.report import TensorBoard, Terminal, json_lines

    listeners: list[Tell] = [json_lines if json else Terminal()]
    if config.training.tensorboard:
        listeners.append(TensorBoard(folder / "tensorboard"))

    def tell(event: events.Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def subject_of(config: Config, files: Files, tell: Tell) -> Subject:
    """The kinds are imported where they are used: each brings networks of its own."""
    from importlib import import_module

    kinds = {"vae": "first_stage", "denoiser": "denoiser", "lora": "lora", "embedding": "embedding"}
    kinds |= {"control": "control", "preview": "preview"}
    return import_module(f"training.kinds.{kinds[config.model.kind]}").subject(config, files, tell)


INTERRUPTED = "interrupted; --resume goes on from here"


@contextmanager
def _interruptible() -> Iterator[Callable[[], str]]:
    """Within it the first Ctrl-C, or a request to end, lets the step be finished and the state be saved."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    main = threading.current_thread() is threading.main_thread()
    old = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)} if main else {}
    try:
        yield lambda: INTERRUPTED if asked.is_set() else ""
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
