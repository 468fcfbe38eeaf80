"""A batch that is cut over threads has the gradients of one that is not, and nothing is held twice that need not be."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from diffusion.prediction import discrete
from diffusion.training import parallel
from diffusion.training.draws import generator
from diffusion.training.parallel import Workers, cut, one_thread, replica
from diffusion.training.tasks import Denoising, Objective, learnt
from diffusion.unet import ResBlock, TransformerBlock
from tests.diffusion.test_unet import error, narrow


def task(frozen: str = "") -> Denoising:
    """frozen: the half of the network that learns nothing."""
    unet, _ = narrow("SD 1")
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_(not frozen or not name.startswith(frozen))
    torch.manual_seed(6)
    examples = [{"latent": torch.randn(1, 4, 8, 8)} for _ in range(5)]
    contexts = torch.randn(5, 9, 24)
    return Denoising(
        nn.ModuleDict({"unet": unet}),
        discrete("eps"),
        examples,
        lambda batch, random: {"context": contexts[list(batch)]},
        Objective(min_snr=5.0),
    )


def plain(it: Denoising, rows: int) -> tuple[float, dict[str, Tensor]]:
    """The loss of a batch and its gradients without any of what is tested."""
    question = it.question(range(rows), torch.Generator().manual_seed(1))
    loss = it.loss(it.modules, question)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), taken(it)


def taken(it: Denoising) -> dict[str, Tensor]:
    """The gradients, which are gone then."""
    found = {name: p.grad.clone() for name, p in learnt(it.modules).items() if p.grad is not None}
    it.modules.zero_grad()
    return found


def worked(it: Denoising, rows: int, threads: int, dtype: torch.dtype = torch.float32, **options: bool) -> float:
    question = it.question(range(rows), torch.Generator().manual_seed(1))
    workers = Workers(it.modules, threads, dtype, **options)
    with workers.working():
        return workers.gradients(it.loss, question, lambda loss: loss)


def furthest(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> float:
    assert set(found) == set(wanted)
    whole = torch.stack([t.norm() for t in wanted.values()]).norm()
    return max(float((found[n] - t).norm() / whole) for n, t in wanted.items())


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("rows", [1, 4, 5])
def test_threads_change_nothing_but_rounding(threads: int, rows: int):
    it = task()
    loss, wanted = plain(it, rows)
    assert worked(it, rows, threads) == pytest.approx(loss, rel=1e-5)
    assert furthest(taken(it), wanted) < 1e-6


def test_gradients_add_to_those_that_are_there():
    it = task()
    _, wanted = plain(it, 4)
    question = it.question(range(4), torch.Generator().manual_seed(1))
    workers = Workers(it.modules, 2)
    with workers.working():
        for _ in range(2):
            workers.gradients(it.loss, question, lambda loss: loss / 2)
    assert furthest(taken(it), wanted) < 1e-6
    assert all(p.grad is None for m in workers.modules for p in m.parameters())


def test_gradients_of_the_pieces_are_added_on_the_way(monkeypatch: pytest.MonkeyPatch):
    """Every parameter's in the threads that compute them; afterwards nothing is left to add."""
    gathered: dict[int, list[bool]] = {}
    gather = parallel._Gathered.gather

    def told(self: parallel._Gathered) -> None:
        left = any(p.grad is not None for p in self.pieces)
        gathered.setdefault(id(self), []).append(left)
        gather(self)

    monkeypatch.setattr(parallel._Gathered, "gather", told)
    it = task()
    workers = Workers(it.modules, 3)
    question = it.question([0, 1, 2, 3], generator(0, 0))
    with workers.working():
        workers.gradients(it.loss, question, lambda loss: loss)
    assert len(gathered) == len(list(it.modules.parameters()))
    assert set(map(tuple, gathered.values())) == {(True, False)}


def test_the_same_threads_give_the_same_bits():
    it = task()
    found: list[dict[str, Tensor]] = []
    for _ in range(2):
        worked(it, 5, 3)
        found.append(taken(it))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_checkpoints_change_nothing():
    it = task()
    loss, wanted = plain(it, 3)
    for threads in (1, 2):
        assert worked(it, 3, threads, checkpointing=True) == pytest.approx(loss, rel=1e-5)
        assert furthest(taken(it), wanted) < 1e-6


def test_checkpointed_blocks_keep_less_and_compute_twice():
    it = task()
    blocks = [m for m in it.modules.modules() if isinstance(m, ResBlock | TransformerBlock)]
    calls: list[str] = []
    for block in blocks:
        first = block.in_layers if isinstance(block, ResBlock) else block.attn1
        first.register_forward_hook(lambda *_: calls.append("computed"))

    def kept(checkpointing: bool) -> int:
        """How many numbers are kept for the gradients."""
        sizes: list[int] = []

        def keep(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        calls.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            worked(it, 2, 1, checkpointing=checkpointing)
        return sum(sizes)

    whole, times = kept(False), len(calls)
    assert kept(True) < 0.8 * whole
    assert (times, len(calls)) == (len(blocks), 2 * len(blocks))
    assert not any("forward" in vars(block) for block in blocks)


def test_what_is_frozen_is_shared_and_what_learns_shares_its_weights():
    it = task(frozen="input_blocks")
    other = replica(it.modules)
    pairs = list(zip(it.modules.named_parameters(), other.parameters(), strict=True))
    for (name, p), q in pairs:
        assert p.data_ptr() == q.data_ptr()
        assert (p is q) == name.startswith("unet.input_blocks")
    with torch.no_grad():
        dict(it.modules.named_parameters())["unet.out.2.bias"].fill_(3.0)
    assert dict(other.named_parameters())["unet.out.2.bias"].eq(3).all()

    _, wanted = plain(it, 4)
    worked(it, 4, 2)
    assert furthest(taken(it), wanted) < 1e-6


def test_half_precision_is_near_and_gradients_stay_in_full():
    it = task()
    _, wanted = plain(it, 4)
    worked(it, 4, 2, torch.bfloat16)
    found = taken(it)
    assert all(t.dtype is torch.float32 for t in found.values())
    both = [torch.cat([g[name].flatten() for name in wanted]) for g in (found, wanted)]
    assert error(*both) < 0.05


def test_half_precision_is_autocasts_to_the_bit():
    it = task()
    question = it.question(range(5), torch.Generator().manual_seed(1))
    with one_thread():
        for n, piece in cut(question, 2):
            with torch.autocast("cpu", torch.bfloat16):
                loss = it.loss(it.modules, piece)
            (loss * (n / 5)).backward()  # type: ignore[no-untyped-call]
    wanted = taken(it)
    worked(it, 5, 2, torch.bfloat16)
    found = taken(it)
    assert set(found) == set(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_weights_in_half_precision_are_held_once_and_follow_those_that_learn():
    it = task(frozen="input_blocks")
    workers = Workers(it.modules, 3, torch.bfloat16)
    question = it.question(range(4), torch.Generator().manual_seed(1))
    with torch.no_grad():
        for weight in learnt(it.modules).values():
            weight.mul_(0.5)
    with workers.working():
        workers.gradients(it.loss, question, lambda loss: loss)
    for weight, *same in zip(it.modules.parameters(), *(m.parameters() for m in workers.modules), strict=True):
        assert len({other.data_ptr() for other in same}) == 1
        assert torch.equal(same[0], weight.to(same[0].dtype))
        if weight.ndim > 1 or not weight.requires_grad:
            assert same[0].dtype is (torch.bfloat16 if weight.requires_grad else torch.float32)


def test_each_operation_has_one_thread_while_there_are_several_pieces():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Workers(nn.ModuleDict({"it": nn.Linear(2, 2)}), 2).working():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with Workers(nn.ModuleDict({"it": nn.Linear(2, 2)}), 1).working():
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_pieces_are_as_equal_as_can_be_and_keep_rows_together():
    question = {"x": torch.arange(5), "y": torch.arange(10).view(5, 2)}
    pieces = cut(question, 3)
    assert [n for n, _ in pieces] == [2, 2, 1]
    assert [piece["x"].tolist() for _, piece in pieces] == [[0, 1], [2, 3], [4]]
    assert all(torch.equal(piece["y"][:, 0], 2 * piece["x"]) for _, piece in pieces)
    assert [n for n, _ in cut(question, 9)] == [1] * 5


def test_a_piece_that_fails_is_told():
    modules = nn.ModuleDict({"it": nn.Linear(2, 1)})

    def loss(modules: nn.ModuleDict, question: Mapping[str, Tensor]) -> Tensor:
        if 3 in question["x"]:
            raise ValueError(f"in {threading.current_thread().name}")
        return modules["it"](question["x"]).mean()

    question = {"x": torch.arange(4.0).view(2, 2)}
    with pytest.raises(ValueError, match="ThreadPoolExecutor"):
        Workers(modules, 2).gradients(loss, question, lambda loss: loss)
