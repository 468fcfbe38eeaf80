"""Where a network lies and in which type it computes. Nothing else asks for a device or moves weights."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from diffusion import precision, settings
from diffusion.patches import Patches, change, changed, then
from diffusion.weights import Weights

HEADROOM = 1.5  # how much more memory than estimated must be free


@dataclass(frozen=True)
class Place:
    """rounded: merged weights are rounded to the type that the file has, before they become `dtype`."""

    device: torch.device
    dtype: torch.dtype
    channels_last: bool = False
    rounded: bool = False


def device() -> torch.device:
    """The device that networks run on: the one chosen, else a GPU, else the CPU. ValueError if it is not there."""
    chosen = settings.current().device
    if chosen != "auto":
        try:
            return torch.empty(0, device=chosen).device
        except (RuntimeError, AssertionError) as error:
            why = str(error).partition("\n")[0]
            raise ValueError(f"{chosen!r} cannot be used here: {why}; choose cpu or auto") from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def for_denoiser(width: int) -> Place:
    """The place of a denoising network whose outer level has `width` channels."""
    at = device()
    dtype = precision.denoiser(settings.current().precision, at)
    # measured on one Zen 5 core: bf16 at width 320 is 13 % faster with channels last, at width 64 14 % slower, and
    # fp32 6 % slower at any width
    return Place(at, dtype, dtype is not torch.float32 and width >= 256)


def for_coder(*, on_cpu: bool = False) -> Place:
    """The place of a VAE or a text encoder."""
    # not channels last: a VAE is 12 % faster then, but torch's group norm on a CPU ten to a hundred times less exact
    # the standard keeps text encoders in 16 bits and computes in 32: what adapters make of them is rounded
    return Place(torch.device("cpu") if on_cpu else device(), precision.coder(), rounded=True)


class _Held:
    """The weights of one network: the file's, or in their place, changed as the last user wanted them."""

    def __init__(self, module: nn.Module, place: Place, weights: Weights | None):
        self.module, self.place = module, place
        self.stored = {name: t.data for name, t in (*module.named_parameters(), *module.named_buffers())}
        self.forget = weights.forget if weights else None
        self.applied: Patches | None = None  # None: not in place

    def ready(self, patches: Patches) -> None:
        """Put every weight in its place, or only those that `patches` want otherwise than they are."""
        old = self.applied
        if old is None:
            make_room(self.place.device, self.bytes(patches))
            names: Container[str] = self.stored
        elif old is patches:
            names = ()
        else:
            names = {n for n in {**old, **patches} if old.get(n, ()) != patches.get(n, ())}
        self.applied = None
        scratch = _Scratch(self.place.device)
        try:
            _assign(self.module, names, lambda name, held: self._moved(name, held, old or {}, patches, scratch))
        except BaseException:
            self.release()  # some weights are the old ones, some the new ones, one may be neither
            raise
        self.applied = patches
        _used(self)

    def release(self) -> None:
        _assign(self.module, self.stored, lambda name, held: self.stored[name])
        self.applied = None

    def bytes(self, patches: Patches) -> int:
        moving = (t for name, t in self.stored.items() if patches.get(name) or not self._fitting(t))
        return sum(t.numel() * self.dtype(t).itemsize for t in moving)

    def value(self, name: str, patches: Patches, device: torch.device | None = None) -> Tensor:
        """A weight in float32, changed; not kept."""
        return changed(self.stored[name].to(device or self.stored[name].device), patches.get(name, ()))

    def dtype(self, tensor: Tensor) -> torch.dtype:
        return self.place.dtype if tensor.is_floating_point() else tensor.dtype

    def format(self, tensor: Tensor) -> torch.memory_format:
        last = self.place.channels_last and tensor.dim() == 4
        return torch.channels_last if last else torch.contiguous_format

    def _fitting(self, tensor: Tensor) -> bool:
        same = tensor.device == self.place.device and tensor.dtype == self.dtype(tensor)
        return same and tensor.is_contiguous(memory_format=self.format(tensor))

    def _moved(self, name: str, held: Tensor, old: Patches, patches: Patches, scratch: _Scratch) -> Tensor:
        """A weight for its place. held: what is there, with the changes `old`; written over unless it is the file's."""
        stored, chain, done = self.stored[name], patches.get(name, ()), old.get(name, ())
        if not chain and self._fitting(stored):
            return stored
        ours = held.data_ptr() != stored.data_ptr()
        target = held if ours else self._room(stored)
        direct = target.dtype is torch.float32 and target.is_contiguous()
        work = target if direct or not chain else scratch.of(target.shape)
        if direct and ours and done == chain[: len(done)] and not (done and self.place.rounded):
            chain = chain[len(done) :]  # what is there need not be read and changed again
        else:
            work.copy_(stored)
        result = change(work, chain)
        result = result.to(stored.dtype) if chain and self.place.rounded else result
        if result is not target:
            target.copy_(result)
        if self.forget:
            self.forget(stored)
        return target

    def _room(self, stored: Tensor) -> Tensor:
        form = self.format(stored)
        return torch.empty_like(stored, dtype=self.dtype(stored), device=self.place.device, memory_format=form)


class _Scratch:
    """Memory in which one weight after another is changed where its place has another type."""

    def __init__(self, at: torch.device):
        self._memory = torch.empty(0, dtype=torch.float32, device=at)

    def of(self, shape: torch.Size) -> Tensor:
        if self._memory.numel() < shape.numel():
            self._memory = torch.empty(shape.numel(), dtype=torch.float32, device=self._memory.device)
        return self._memory[: shape.numel()].view(shape)


class Resident:
    """A network with a place. Its weights stay where the file has them until it is first used.

    Called as the network is, with tensors of any type and device; the answer comes back as the first one went in.
    Handles that differ in their patches share the network: there is one set of weights in memory, merged with the
    patches of the handle that was used last; the others' are undone by reading the file again.
    """

    def __init__(self, module: nn.Module, place: Place, weights: Weights | None = None, activation: int = 0):
        """weights: where the module's tensors come from. activation: values that a call holds, a latent pixel."""
        self.module, self.place, self.activation = module, place, activation
        self.patches: Patches = {}
        self.compiled: Callable[..., Any] | None = None
        self._held = _Held(module, place, weights)

    def patched(self, patches: Patches) -> Resident:
        """A handle on the same network, whose weights are changed further."""
        other = copy.copy(self)
        other.patches = then(self.patches, patches)
        return other

    def computing_in(self, dtype: torch.dtype) -> Resident:
        """A handle on a network of its own that computes in another type; where the file's tensors lie they are shared.

        What is computed in each type has to be in memory in that type.
        """
        if dtype is self.place.dtype:
            return self
        tensors = (*self.module.parameters(), *self.module.buffers())
        module = copy.deepcopy(self.module, {id(t): t for t in tensors})
        _assign(module, self._held.stored, lambda name, held: self._held.stored[name])
        place = replace(self.place, dtype=dtype, channels_last=self.place.channels_last and dtype is not torch.float32)
        other = Resident(module, place, None, self.activation)
        other.patches, other._held.forget = self.patches, self._held.forget
        return other

    def compiling(self, backend: str) -> Resident:
        """A handle whose calls torch compiles for each new size. Raises ValueError for a backend that needs a GPU.

        While something is hooked on the network, as network patches are, it is called as it is: torch would not see it.
        """
        if backend == "cudagraphs" and self.place.device.type != "cuda":
            raise ValueError(f"backend is cudagraphs, but the model is on {self.place.device.type}: choose inductor")
        other = copy.copy(self)
        other.compiled = torch.compile(self.module, backend=backend)  # pyright: ignore[reportAttributeAccessIssue]
        return other

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the weights, by name."""
        return {name: tuple(tensor.shape) for name, tensor in self._held.stored.items()}

    def stored_dtype(self, name: str) -> torch.dtype:
        """The type that the file has a weight in."""
        return self._held.stored[name].dtype

    def value(self, name: str, device: torch.device | None = None) -> Tensor:
        """A weight in float32, with the patches merged; computed, not kept. device: None = where the file's are."""
        return self._held.value(name, self.patches, device)

    def stored(self, name: str) -> Tensor:
        """A weight in the type that the file has it in, with the patches merged."""
        held = self._held.stored[name]
        return self.value(name).to(held.dtype) if self.patches.get(name) else held

    def state(self, name: str) -> tuple[object, ...]:
        """What the value of a weight follows from; equal for handles that have the same value."""
        return self._held, self.patches.get(name, ())

    @property
    def bytes(self) -> int:
        """What being in its place takes beside the file's own pages."""
        return self._held.bytes(self.patches)

    def ready(self) -> nn.Module:
        """The module, with its weights in their place."""
        self._held.ready(self.patches)
        return self.module

    def release(self) -> None:
        """Give the memory back: the weights are the file's again."""
        self._held.release()

    def __call__(self, x: Tensor, *args: Any, **options: Any) -> Any:
        return self.call("__call__", x, *args, **options)

    def call(self, method: str, x: Tensor, *args: Any, **options: Any) -> Any:
        """The same for another method of the network, such as a VAE's `decode`."""
        function = getattr(self.ready(), method)
        if self.compiled is not None and method == "__call__" and not _hooked(self.module):
            function = self.compiled
        given = [self._carry(a) for a in (x, *args)]
        # pixels come with channels last, for which torch's CPU group norm is far less exact
        given[0] = given[0].contiguous(memory_format=self._held.format(given[0]))
        y = function(*given, **{name: self._carry(o) for name, o in options.items()})
        dtype = x.dtype if x.is_floating_point() else torch.float32  # tokens go in as whole numbers
        return tuple(t.to(x.device, dtype) for t in y) if isinstance(y, tuple) else y.to(x.device, dtype)

    def _carry(self, value: Any) -> Any:
        if isinstance(value, tuple):
            parts = [self._carry(part) for part in cast("tuple[Any, ...]", value)]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        if not isinstance(value, Tensor):
            return value
        # vectors are timesteps, of which 16 bits hold too few
        return value.to(self.place.device, self._held.dtype(value) if value.dim() > 1 else value.dtype)


def _hooked(module: nn.Module) -> bool:
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


@torch.no_grad()
def _assign(module: nn.Module, names: Container[str], tensor_of: Callable[[str, Tensor], Tensor]) -> None:
    """Exchange the parameters and buffers of these names, one at a time, so that only one is held twice.

    tensor_of: the name and the tensor that is there -> the one to be there, which may be the same.
    """
    for prefix, part in module.named_modules():
        start = f"{prefix}." if prefix else ""
        for name, held in [(n, p.data) for n, p in part.named_parameters(recurse=False) if start + n in names]:
            tensor = tensor_of(start + name, held)
            if tensor is not held:
                setattr(part, name, nn.Parameter(tensor, requires_grad=False))
        for name, held in [(n, b) for n, b in part.named_buffers(recurse=False) if start + n in names]:
            setattr(part, name, tensor_of(start + name, held))


# --- memory --------------------------------------------------------------------------------------

_in_place: list[weakref.ref[_Held]] = []  # least recently used first


def _used(network: _Held) -> None:
    if _in_place and _in_place[-1]() is network:
        return
    _in_place[:] = [r for r in _in_place if r() not in (None, network)]
    _in_place.append(weakref.ref(network))


def free_memory(at: torch.device) -> int | None:
    """Bytes that can be had on a device; None where nobody can tell."""
    if at.type == "cuda":
        free, _ = torch.cuda.mem_get_info(at)
        return free + torch.cuda.memory_reserved(at) - torch.cuda.memory_allocated(at)
    if at.type == "cpu" and os.path.exists("/proc/meminfo"):
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    return None


def make_room(at: torch.device, need: int) -> None:
    """Release networks on a device, the least recently used first, until `need` bytes are free there."""
    for reference in list(_in_place):
        free = free_memory(at)
        if free is None or free >= need * HEADROOM:
            return
        network = reference()
        if network is not None and network.place.device == at:
            network.release()
            _in_place.remove(reference)


def fits(network: object, samples: int, height: int, width: int) -> bool:
    """Whether a network can be called once with this many latents of height x width, by a careful estimate."""
    if not isinstance(network, Resident) or samples <= 1:
        return True
    free = free_memory(network.place.device)
    need = samples * height * width * network.activation * network.place.dtype.itemsize
    return free is None or need * HEADROOM <= free
