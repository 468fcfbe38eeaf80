"""A training for people and programs: the terminal's bar, lines of JSON, and the curve of its loss in files."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training import events
from training.files import write


def json_lines(event: events.Event) -> None:
    """Print every event as a line of JSON."""
    print(json.dumps(events.to_json(event), default=str), flush=True)


class Terminal:
    """Shows a training to people: a bar with rate, loss and estimate, and a line for every file that was made."""

    def __init__(self) -> None:
        self.bar: Any = None

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Began():
                print(f"{event.name}: {event.examples} pictures, {event.weights:,} weights learn; see {event.folder}")
                self._bar(event.steps, event.step, "training", "step")
            case events.Prepared(done, total):
                self._prepared(done, total)
            case events.Stepped(step, loss=loss):
                self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
                self.bar.update(step - self.bar.n)
            case events.Sampled(path=path):
                self._line(f"{path}")
            case events.Saved(path=path, model=model):
                if model:
                    self._line(f"{path}")
            case events.Noted(message):
                self._line(f"mezzotint: {message}", error=True)
            case events.Ended(step, steps, why):
                self._close()
                if why:
                    print(f"mezzotint: stopped at step {step} of {steps}: {why}", file=sys.stderr)

    def _prepared(self, done: int, total: int) -> None:
        if self.bar is None:
            self._bar(total, 0, "encoding the pictures", "picture")
        bar: Any = self.bar
        bar.update(done - bar.n)
        if done == total:
            self._close()

    def _bar(self, total: int, done: int, title: str, unit: str) -> None:
        from tqdm import tqdm

        self._close()
        self.bar = tqdm(total=total, initial=done, desc=title, unit=unit, dynamic_ncols=True)

    def _line(self, text: str, *, error: bool = False) -> None:
        from tqdm import tqdm

        tqdm.write(text, sys.stderr if error else sys.stdout)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def save_curve(folder: Path, losses: Sequence[float]) -> None:
    """`loss.csv` and `loss.png` of the steps so far."""
    from diffusion.labels import pictures_of
    from diffusion.plots import losses as drawn

    table = io.StringIO()
    csv.writer(table).writerows([("step", "loss"), *enumerate(losses, 1)])
    write(folder / "loss.csv", table.getvalue().encode())
    picture = io.BytesIO()
    pictures_of(drawn(losses, "light"))[0].save(picture, "png")
    write(folder / "loss.png", picture.getvalue())


def read_curve(folder: Path, steps: int) -> list[float]:
    """The losses of the first steps, as they were saved; those that are missing are left out."""
    try:
        rows = list(csv.reader((folder / "loss.csv").read_text().splitlines()))[1:]
        return [float(loss) for _, loss in rows[:steps]]
    except (OSError, ValueError):
        return []


class TensorBoard:
    """The same for TensorBoard, an extra."""

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            message = 'training.tensorboard needs a package: pip install "mezzotint[tensorboard]", or set it to false'
            raise ValueError(message) from None
        self.writer: Any = SummaryWriter(str(folder))

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Stepped(step, loss=loss, learning_rate=rate):
                self.writer.add_scalar("loss", loss, step)
                self.writer.add_scalar("learning_rate", rate, step)
            case events.Sampled(step, path):
                self.writer.add_image("samples", _pixels(path), step, dataformats="HWC")
            case events.Ended():
                self.writer.close()
            case _:
                pass


def _pixels(path: Path) -> Any:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))
