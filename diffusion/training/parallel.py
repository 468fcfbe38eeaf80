"""A batch cut over threads: each has modules of its own, which share the weights and differ in their gradients.

For small networks, which have many small operations, this is faster on a few cores than threads within each
operation; of large ones every thread would read all the weights. The pieces' gradients are added in a fixed order, so
that a training is the same each time.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from diffusion.unet import ResBlock, TransformerBlock

Question = Mapping[str, Tensor]  # (b, ...) each
Loss = Callable[[nn.ModuleDict, Question], Tensor]

LARGE = 2**28
"""Bytes of weights from which on a batch is not cut: far more than a processor's cache has room for."""


def threads_for(modules: nn.ModuleDict, batch_size: int, threads: int = 0) -> int:
    """Into how many pieces a batch is cut. threads: at most so many; 0 = as many as torch has, if that is faster."""
    weights = list(modules.parameters())
    if weights[0].device.type != "cpu":
        return 1
    large = sum(w.nbytes for w in weights) >= LARGE
    return min(threads or (1 if large else torch.get_num_threads()), batch_size)


class Workers:
    """threads: how many pieces a batch is cut into. checkpointing: activations are computed again for the gradients."""

    def __init__(self, modules: nn.ModuleDict, threads: int = 1, *, checkpointing: bool = False):
        self.modules = [modules, *(replica(modules) for _ in range(threads - 1))]
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.checkpointing = checkpointing
        self.gathered = [_Gathered(same) for same in zip(*(m.parameters() for m in self.modules), strict=True)]

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within it the modules compute as they are trained, and each operation has one thread if there are several."""
        threads = torch.get_num_threads()
        if self.pool:
            torch.set_num_threads(1)
        changed = [block for m in self.modules for block in _checkpointed(m)] if self.checkpointing else []
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            for block in changed:
                del block.forward

    def gradients(self, loss: Loss, question: Question, scale: Callable[[Tensor], Tensor], dtype: torch.dtype) -> float:
        """Add the gradients of a batch to the first modules' parameters; its mean loss. dtype: in which it computes."""
        pieces = cut(question, len(self.modules))
        count = sum(n for n, _ in pieces)

        def answer(modules: nn.ModuleDict, n: int, piece: Question) -> float:
            with autocast(next(iter(piece.values())).device.type, dtype):
                value = loss(modules, piece)
            scale(value * (n / count)).backward()  # type: ignore[no-untyped-call]
            return float(value.detach()) * n / count

        if self.pool is None or len(pieces) == 1:
            return sum(answer(self.modules[0], n, piece) for n, piece in pieces)
        for parameter in self.gathered:
            parameter.awaited = len(pieces)
        jobs = [self.pool.submit(answer, m, *p) for m, p in zip(self.modules, pieces, strict=False)]
        total = sum(job.result() for job in jobs)
        for parameter in self.gathered:
            parameter.gather()
        return total


class _Gathered:
    """A parameter in all modules, whose gradients go to the first as soon as every piece has its own: what the others
    hold until then is little."""

    def __init__(self, same: Sequence[nn.Parameter]):
        self.same, self.awaited, self.lock = same, 0, threading.Lock()
        for p in same if len(same) > 1 and same[0].requires_grad else ():
            p.register_post_accumulate_grad_hook(self._came)

    def _came(self, parameter: Tensor) -> None:
        with self.lock:
            self.awaited -= 1
            if not self.awaited:
                self.gather()

    @torch.no_grad()
    def gather(self) -> None:
        """In the order of the pieces, whichever came first."""
        first, *others = self.same
        for other in others:
            if other.grad is not None:
                first.grad = other.grad if first.grad is None else first.grad.add_(other.grad)
                other.grad = None


def replica(modules: nn.ModuleDict) -> nn.ModuleDict:
    """The same modules with the same weights, but with gradients of their own; what is frozen is shared altogether."""
    memo: dict[int, Any] = {id(b): b for b in modules.buffers()}
    for p in modules.parameters():
        memo[id(p)] = nn.Parameter(p.data, requires_grad=True) if p.requires_grad else p
    return copy.deepcopy(modules, memo)


def cut(question: Question, pieces: int) -> list[tuple[int, Question]]:
    """Rows of each tensor, in as equal pieces as can be, with their number; fewer pieces where there are few rows."""
    count = len(next(iter(question.values())))
    sizes = [n for n in (count // pieces + (i < count % pieces) for i in range(pieces)) if n]
    parts = {name: tensor.split(sizes) for name, tensor in question.items()}
    return [(n, {name: part[i] for name, part in parts.items()}) for i, n in enumerate(sizes)]


@contextmanager
def autocast(device: str, dtype: torch.dtype) -> Iterator[None]:
    """Within it matrices and convolutions compute in `dtype`; their weights stay as they are."""
    with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
        yield


def _checkpointed(modules: nn.ModuleDict) -> list[Any]:
    """Let the blocks of UNets keep their inputs alone, and compute the rest again (Chen et al. 2016)."""
    blocks: list[Any] = [m for m in modules.modules() if isinstance(m, TransformerBlock | ResBlock)]

    def again(forward: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *inputs: checkpoint(forward, *inputs, use_reentrant=False)

    for block in blocks:
        block.forward = again(block.forward)
    return blocks
