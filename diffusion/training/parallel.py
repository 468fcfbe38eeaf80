"""A batch cut over threads: each has modules of its own, which share their weights and differ in their gradients.

Threads within each operation are as fast on a machine that does nothing else, and hold less; but all of them wait for
one that has lost its core. The pieces' gradients are added in a fixed order, so that a training is the same each time.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from diffusion.unet import Linear, ResBlock, TransformerBlock

Question = Mapping[str, Tensor]  # (b, ...) each
Loss = Callable[[nn.ModuleDict, Question], Tensor]


class Workers:
    """threads: how many pieces a batch is cut into. dtype: in which they compute. checkpointing: activations are
    computed again for the gradients."""

    def __init__(
        self,
        modules: nn.ModuleDict,
        threads: int = 1,
        dtype: torch.dtype = torch.float32,
        *,
        checkpointing: bool = False,
    ):
        self.dtype, self.checkpointing = dtype, checkpointing
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.low = _lowered(modules, dtype) if self.pool else {}
        self.modules = [replica(modules, self.low) for _ in range(threads)] if self.pool else [modules]
        same = zip(modules.parameters(), *(m.parameters() for m in self.modules), strict=True) if self.pool else ()
        self.gathered = [_Gathered(first, others) for first, *others in same if first.requires_grad]

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within it the modules compute as they are trained, and each operation has one thread if there are several."""
        changed = [block for m in self.modules for block in _checkpointed(m)] if self.checkpointing else []
        try:
            with one_thread() if self.pool else nullcontext():
                yield
        finally:
            for block in changed:
                del block.forward

    def gradients(self, loss: Loss, question: Question, scale: Callable[[Tensor], Tensor]) -> float:
        """Add the gradients of a batch to those of the modules' parameters; its mean loss."""
        pieces = cut(question, len(self.modules))
        count = sum(n for n, _ in pieces)

        def answer(modules: nn.ModuleDict, n: int, piece: Question) -> float:
            with autocast(next(iter(piece.values())).device.type, self.dtype):
                value = loss(modules, piece)
            scale(value * (n / count)).backward()  # type: ignore[no-untyped-call]
            return float(value.detach()) * n / count

        if self.pool is None:
            return sum(answer(self.modules[0], n, piece) for n, piece in pieces)
        for weight, low in self.low.items():
            low.copy_(weight.detach())
        for parameter in self.gathered:
            parameter.awaited = len(pieces)
        jobs = [self.pool.submit(answer, m, *p) for m, p in zip(self.modules, pieces, strict=False)]
        total = sum(job.result() for job in jobs)
        for parameter in self.gathered:
            parameter.gather()
        return total


class _Gathered:
    """A parameter whose gradient comes from all modules, as soon as every piece has its own: what they hold until then
    is little."""

    def __init__(self, parameter: nn.Parameter, pieces: Sequence[nn.Parameter]):
        self.parameter, self.pieces, self.awaited, self.lock = parameter, pieces, 0, threading.Lock()
        for p in pieces:
            p.register_post_accumulate_grad_hook(self._came)

    def _came(self, _: Tensor) -> None:
        with self.lock:
            self.awaited -= 1
            if not self.awaited:
                self.gather()

    @torch.no_grad()
    def gather(self) -> None:
        """In the order of the pieces, whichever came first."""
        whole = self.parameter
        for piece in self.pieces:
            if piece.grad is not None:
                grad = piece.grad.to(whole.dtype) if whole.grad is None else whole.grad.add_(piece.grad)
                whole.grad, piece.grad = grad, None


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it each operation has one thread, also in threads that begin there: what each of several had besides would
    slow down those of the others, later too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _lowered(modules: nn.ModuleDict, dtype: torch.dtype) -> dict[nn.Parameter, Tensor]:
    """What matrices and convolutions learn, as they compute with it; autocast would have that once for each thread."""
    layers = [m for m in modules.modules() if isinstance(m, nn.Linear | Linear | nn.Conv2d)]
    learnt = [p for m in layers for p in m.parameters(recurse=False) if p.requires_grad]
    return {p: p.detach().to(dtype) for p in learnt if p.dtype != dtype}


def replica(modules: nn.ModuleDict, instead: Mapping[nn.Parameter, Tensor] | None = None) -> nn.ModuleDict:
    """The same modules with the same weights, but with gradients of their own; what is frozen is shared altogether.

    instead: other weights for some of them.
    """
    memo: dict[int, Any] = {id(b): b for b in modules.buffers()}
    for p in modules.parameters():
        memo[id(p)] = nn.Parameter((instead or {}).get(p, p.data)) if p.requires_grad else p
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
