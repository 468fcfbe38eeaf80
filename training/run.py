"""The loop: steps, and now and then what is saved and shown. What stops it leaves a state from which it goes on.

Everything random follows from the seed and the number of the step, so that a training that was stopped and goes on
ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion.header import ModelFileError, read_header
from diffusion.tensor_files import TensorFile, stored
from diffusion.training.draws import generator
from diffusion.training.optimize import Diverged, Learning, Optimization
from diffusion.training.parallel import Workers
from diffusion.training.tasks import learnt
from diffusion.weights import open_weights
from training import events
from training.config import Config, TrainingPart
from training.files import write
from training.report import read_curve, save_curve
from training.subject import Sheet, Subject

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
STATE = "state.safetensors"
LEGIBLE = 96  # pixels: pictures on a sheet are enlarged to about that, so that there is room for their labels


class TrainingError(ValueError):
    """The training cannot begin or go on; the message says why and what to do. The last state is kept."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """seconds: after which it stops and can go on. stop: asked before each step, the reason or empty."""

    seconds: float = float("inf")
    stop: Callable[[], str] = lambda: ""


def optimization(part: TrainingPart, device: torch.device) -> Optimization:
    return Optimization(
        steps=part.steps,
        optimizer=part.optimizer,
        learning_rate=part.learning_rate,
        weight_decay=part.weight_decay,
        betas=part.betas,
        warmup=part.warmup,
        schedule=part.schedule,
        last=part.last,
        clip=part.clip,
        accumulation=part.accumulation,
        ema=part.ema,
        scaled=part.precision == "fp16" and device.type == "cuda",
    )


class Training:
    """folder: where its state and what it shows is. save: the model's file at the end."""

    def __init__(self, config: Config, subject: Subject, folder: Path, save: Path, tell: events.Tell):
        part = config.training
        self.config, self.subject, self.folder, self.save, self.tell = config, subject, folder, save, tell
        parameters = learnt(subject.task.modules)
        self.device = next(iter(parameters.values())).device
        self.learning = Learning(parameters, optimization(part, self.device), subject.rates)
        self.losses: list[float] = []

    def run(self, limits: Limits) -> str:
        """Train to the end, or to what stops it: the reason, empty at the end. Raises TrainingError."""
        begun, first = time.monotonic(), self.learning.done
        saved = begun
        count = sum(p.numel() for p in self.learning.learnt.values())
        steps, examples = self.config.training.steps, self.subject.examples
        self.tell(events.Began(self.save.name, first, steps, examples, count, self.folder))
        why = ""
        with self._working() as workers:
            while self.learning.done < steps and not why:
                self._step(workers, begun, first)
                now = time.monotonic()
                if now - saved > self.config.training.save_minutes * 60:
                    self.save_state()
                    saved = time.monotonic()
                kept = self.config.training.keep_every
                if kept and self.learning.done % kept == 0:
                    self.save_state(self.folder / "states" / f"step_{self.learning.done:06}.safetensors")
                every = self.config.samples.every
                if every and self.learning.done % every == 0:
                    self.show()
                spent = "its time is over; --resume goes on from here" if now - begun > limits.seconds else ""
                why = limits.stop() or spent
            self.save_state()
            if self.learning.done >= steps:
                self._finish()
                why = ""
        self.tell(events.Ended(self.learning.done, steps, why))
        return why

    @contextmanager
    def _working(self) -> Iterator[Workers]:
        part = self.config.training
        with torch.enable_grad(), self.subject.around():
            modules = self.subject.task.modules
            threads = min(part.threads, part.batch_size) if self.device.type == "cpu" else 1
            workers = Workers(modules, threads, DTYPES[part.precision], checkpointing=part.checkpointing)
            with workers.working():
                yield workers

    def _step(self, workers: Workers, begun: float, first: int) -> None:
        done, part = self.learning.done, self.config.training
        task = self.subject.task

        def backward(i: int, scale: Callable[[Tensor], Tensor]) -> float:
            batch = self.subject.order.batch(done * part.accumulation + i)
            question = task.question(batch, generator(part.seed, done, f"question {i}"))
            return workers.gradients(task.loss, question, scale)

        try:
            loss = self.learning.step(backward)
        except Diverged as error:
            raise TrainingError(f"{error}: {self._remedy()}") from None
        self.losses.append(loss)
        taken = (time.monotonic() - begun) / (self.learning.done - first)
        left = taken * (part.steps - self.learning.done)
        rate = part.learning_rate * self.learning.how.rate(done)
        self.tell(events.Stepped(self.learning.done, part.steps, loss, rate, left))

    def _remedy(self) -> str:
        kept = self.folder / STATE
        back = f"the last state is kept in {kept}; change the file and go on with --resume" if kept.exists() else ""
        lower = f"take a training.learning_rate below {self.config.training.learning_rate:g}"
        safer = "" if self.config.training.precision == "fp32" else ', or precision = "fp32"'
        return f"{lower}{safer}" + (f" ({back})" if back else "")

    # --- what is kept and shown ------------------------------------------------------------------

    def save_state(self, path: Path | None = None) -> None:
        """All that is needed to go on. path: None = where the last one is."""
        path = path or self.folder / STATE
        state = {name: stored(tensor.contiguous()) for name, tensor in self.learning.state().items()}
        write(path, TensorFile(state, {"config": json.dumps(asdict(self.config))}))
        save_curve(self.folder, self.losses)
        self.tell(events.Saved(self.learning.done, path))

    def resume(self, path: Path | None = None) -> None:
        """Go on from what `save_state` kept. Raises TrainingError if there is nothing, or of another training."""
        path = path or self.folder / STATE
        if not path.is_file():
            raise TrainingError(f"there is nothing to resume: {path} does not exist; leave --resume out")
        try:
            state = open_weights(path, read_header(path)).tensors
            self.learning.restore(state)
        except (ModelFileError, ValueError, KeyError) as error:
            raise TrainingError(f"{path} does not fit this training: {error}") from None
        self.losses = read_curve(self.folder, self.learning.done)

    def show(self) -> None:
        """Pictures of what is learnt so far."""
        with torch.no_grad(), self.learning.averaged():
            sheet = self.subject.sheet()
        if sheet is not None:
            path = self.folder / "samples" / f"step_{self.learning.done:06}.png"
            write(path, _drawn(sheet, f"step {self.learning.done}"))
            self.tell(events.Sampled(self.learning.done, path))

    def _finish(self) -> None:
        self.show()
        with self.learning.averaged():
            self.subject.before_save()
            write(self.save, self.subject.file(self._facts()))
        self.tell(events.Saved(self.learning.done, self.save, model=True))

    def _facts(self) -> Mapping[str, str]:
        """What the file tells of its training."""
        last = self.losses[-100:]
        told: dict[str, Any] = {"steps": self.learning.done, "loss": sum(last) / max(1, len(last))}
        return {"mezzotint.training": json.dumps(asdict(self.config) | told)}


def _drawn(sheet: Sheet, title: str) -> bytes:
    from diffusion.labels import THEMES, pictures_of
    from diffusion.labels import sheet as table

    small = max(sheet.pictures.shape[1:3])
    times = -(-LEGIBLE // small) if small < LEGIBLE else 1
    pictures = pictures_of(sheet.pictures.repeat_interleave(times, 1).repeat_interleave(times, 2))
    side = small * times
    file = io.BytesIO()
    table(pictures, sheet.labels, 0, side, title, THEMES["light"]).save(file, "png")
    return file.getvalue()
