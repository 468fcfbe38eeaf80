"""Nodes that teach: adapters from pictures, and the curve of their loss."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, cast

import diffusion
from executor.files import Files
from executor.node import Choice, ExtraPngInfo, Progress, Prompt, Range, Shown, Widget, node, silent
from nodes.image_files import save_image
from nodes.model_files import problem, state
from nodes.sockets import Conditioning, Latent, LoraModel, LossMap, Model

if TYPE_CHECKING:
    from torch import Tensor

    from diffusion.placement import Resident
    from diffusion.previews import Wanted
    from diffusion.training.loop import Course, Learnt

CATEGORY = "training"
NONE = "[None]"
SECONDS_APART = 2.0  # of the curves that are drawn while a training runs
PRECISIONS = {"bf16": "bf16", "fp32": "no"}  # as kohya's scripts call them
COUNTED = re.compile(r"_(\d+)_steps")  # in the name of an adapter that SaveLoRANode saved


class Trained(NamedTuple):
    model_with_lora: Model
    lora: LoraModel
    loss: LossMap
    steps: int


def adapters(files: Files) -> list[str]:
    return [*files.names("loras"), NONE]


def adapter_state(files: Files, existing_lora: str) -> Any:
    return None if existing_lora == NONE else state(files, "loras", existing_lora)


def adapter_problem(files: Files, existing_lora: str) -> str | None:
    if existing_lora == NONE:
        return None
    return problem(lambda: diffusion.adapters.files.inspect(files.model("loras", existing_lora)))


@node(
    "TrainLoraNode",
    category=CATEGORY,
    display_name="Train LoRA",
    experimental=True,
    fingerprint=adapter_state,
    validate=adapter_problem,
)
def train_lora_node(
    *,
    model: Annotated[Model, "It stays as it is; the adapter learns beside it."],
    latents: Annotated[Latent, "The pictures to learn, encoded by the model's VAE."],
    positive: Annotated[Conditioning, "What the pictures show: one text for all, or one for each."],
    batch_size: Annotated[int, Range(1, 10000, step=1), "Pictures at once."] = 1,
    grad_accumulation_steps: Annotated[int, Range(1, 1024, step=1), "Batches to a step."] = 1,
    steps: Annotated[int, Range(1, 100000)] = 16,
    learning_rate: Annotated[float, Range(0.0000001, 1.0, step=0.000001)] = 0.0005,
    rank: Annotated[int, Range(1, 128), "Higher ranks learn more and make larger files; blocks for OFT."] = 8,
    optimizer: Literal["AdamW", "Adam", "SGD", "RMSprop"] = "AdamW",
    loss_function: Literal["MSE", "L1", "Huber", "SmoothL1"] = "MSE",
    seed: Annotated[int, Range(0, 2**64 - 1), "Of the order, the noise and the beginning."] = 0,
    training_dtype: Annotated[Literal["bf16", "fp32"], "In which the model computes."] = "bf16",
    lora_dtype: Annotated[Literal["bf16", "fp32"], "In which the adapter is kept; fp32 learns small steps."] = "bf16",
    algorithm: Literal["LoRA", "LoHa", "LoKr", "OFT"] = "LoRA",
    gradient_checkpointing: Annotated[bool, "Less memory for a third more time."] = True,
    existing_lora: Annotated[str, Choice(adapters), "An adapter to go on from, of the same kind and rank."] = NONE,
    files: Files,
    progress: Progress = silent,
) -> Trained:
    """Teach an adapter what pictures show. Save it with "Save LoRA Weights"; use it with "Load LoRA"."""
    course = diffusion.training.loop.Course(
        steps=steps,
        batch_size=batch_size,
        accumulation=grad_accumulation_steps,
        learning_rate=learning_rate,
        rank=rank,
        algorithm=algorithm,
        optimizer=optimizer,
        loss=loss_function,
        seed=seed,
        training_dtype=training_dtype,
        adapter_dtype=lora_dtype,
        checkpointing=gradient_checkpointing,
    )
    counted = COUNTED.findall(existing_lora)
    total, started = steps + (int(counted[-1]) if counted else 0), time.time()
    learnt = diffusion.training.loop.train_adapter(
        model,
        latents["samples"],
        positive,
        course,
        existing=_existing(files, existing_lora),
        on_step=Curve(progress, steps).step,
    )
    lora = _as_file(model, learnt, course, total, len(latents["samples"]), started)
    adapted = diffusion.adapters.load.apply_lora(lora, model, 1.0)
    return Trained(adapted, lora, {"loss": learnt.losses}, total)


class Curve:
    """Tells of each step of a training, with the curve of the loss so far and the time that is left as a picture."""

    def __init__(self, progress: Progress, steps: int, clock: Callable[[], float] = time.monotonic):
        self.progress, self.steps, self.clock = progress, steps, clock
        self.losses: list[float] = []
        self.first = 0.0  # when the first step was done, which takes longer than others
        self.next = float("-inf")

    def step(self, done: int, loss: float) -> None:
        self.losses.append(loss)
        now = self.clock()
        self.first = self.first if done > 1 else now
        wanted = now >= self.next or done == self.steps
        self.progress(done, self.steps, self.sketch if wanted else None)

    def sketch(self, wanted: Wanted) -> bytes:
        self.next = self.clock() + SECONDS_APART
        drawn = diffusion.plots.losses(self.losses, "light", note=self.left())
        picture = diffusion.labels.pictures_of(drawn)[0]
        return diffusion.previews.encode(diffusion.labels.fitted(picture, wanted.size))

    def left(self) -> str:
        """The rate and the time that is left, in words; empty while there is nothing to tell it from."""
        done, seconds = len(self.losses), self.clock() - self.first
        if done < 2 or seconds <= 0:
            return ""
        rate = (done - 1) / seconds
        minutes, left = divmod(round((self.steps - done) / rate), 60)
        speed = f"{rate:.3g} steps/s" if rate >= 1 else f"{1 / rate:.3g} s/step"
        return f"{speed}, {minutes}:{left:02} left"


def _as_file(model: Model, learnt: Learnt, course: Course, steps: int, images: int, started: float) -> LoraModel:
    """The adapter by the names that its file has, with what the file says of it."""
    written = diffusion.training.adapter_files
    told = written.Told(
        algorithm=course.algorithm,
        rank=None if course.algorithm == "OFT" else course.rank,
        prediction=model.prediction.kind,
        model=model.name,
        learning_rate=course.learning_rate,
        steps=steps,
        seed=course.seed,
        images=images,
        batch_size=course.batch_size * course.accumulation,
        started=started,
        finished=time.time(),
        more={"ss_optimizer": course.optimizer, "ss_mixed_precision": PRECISIONS[course.training_dtype]},
    )
    shapes = cast("Resident", model.network).shapes
    named = written.kohya(learnt.adapter.tensors, shapes)
    return replace(learnt.adapter, tensors=named, metadata=written.metadata(told, shapes))


def _existing(files: Files, name: str) -> Mapping[str, Tensor] | None:
    if name == NONE:
        return None
    path = files.model("loras", name)
    tensors = diffusion.weights.open_weights(path, diffusion.header.read_header(path)).tensors
    if any(tensor.startswith(diffusion.adapters.load.TEXT_MARKS) for tensor in tensors):
        warnings.warn(f"{name} changes the text encoder too; what is trained now is the model alone", stacklevel=2)
    return tensors


@node("LossGraphNode", category=CATEGORY, display_name="Plot Loss Graph", output_node=True, experimental=True)
async def loss_graph_node(
    *,
    loss: Annotated[LossMap, Widget(default={})],
    filename_prefix: Annotated[str, "Folders and the beginning of the name."] = "loss_graph",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save the curve of a training's loss as a picture."""
    picture = diffusion.plots.losses(loss.get("loss", []), "light")
    return await save_image(
        images=picture, filename_prefix=filename_prefix, prompt=prompt, extra_pnginfo=extra_pnginfo, files=files
    )
