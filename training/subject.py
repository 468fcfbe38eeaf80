"""What is trained, of any kind, as the loop sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from diffusion.tensor_files import TensorFile
    from diffusion.training.tasks import Task
    from training.data.ordering import Order


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Pictures (b, h, w, 3) in 0..1 that show how far a training is, with a label each."""

    pictures: Tensor
    labels: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """task: asks and tells the loss. order: which examples a batch has. file: what is learnt, in its standard layout;
    called while the weights are their mean. sheet: pictures of it, or None where there are none to be made.

    around: a context within which it learns, such as that of an adapter's hooks.
    """

    task: Task
    examples: int
    order: Order
    file: Callable[[Mapping[str, str]], TensorFile]
    sheet: Callable[[], Sheet | None] = lambda: None
    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    before_save: Callable[[], None] = lambda: None
    notes: tuple[str, ...] = ()
