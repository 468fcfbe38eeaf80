"""The order in which examples are learnt: a function of the seed and the step alone, so that nothing is saved of it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from training.data.examples import DataError


class Order:
    """The batches of a course without end, epoch after epoch, each epoch in an order of its own.

    steps: batches in an epoch. batch_size: examples in each.
    Only the epoch that was last asked for is kept.
    """

    def __init__(self, groups: Sequence[np.ndarray], batch_size: int, seed: int):
        self.batch_size = batch_size
        self.steps = sum(-(-len(group) // batch_size) for group in groups)
        self._groups, self._seed = groups, seed
        self._epoch: tuple[int, np.ndarray] = (-1, np.empty(0))

    def batch(self, step: int) -> list[int]:
        """The examples of a step, from 0: all of one bucket."""
        if step < 0:
            raise ValueError(f"there is no step {step}; the first is 0")
        epoch, place = divmod(step, self.steps)
        kept = self._epoch
        if kept[0] != epoch:
            self._epoch = kept = epoch, self._shuffled(epoch)
        return kept[1][place].tolist()

    def _shuffled(self, epoch: int) -> np.ndarray:
        """The batches (steps, batch_size) of an epoch.

        Permutations by sorted words of Philox (Salmon et al. 2011), whose stream numpy promises to keep.
        """
        random = np.random.Philox(key=np.array([self._seed % 2**64, epoch], np.uint64))
        batches = [_batches(group, self.batch_size, random) for group in self._groups]
        return np.concatenate(batches)[_permutation(self.steps, random)]


def order(buckets_of: Sequence[Hashable], repeats: Sequence[int], batch_size: int, seed: int) -> Order:
    """An order for examples, given the bucket and the repeats of each.

    In an epoch each comes as often as it is repeated; a batch is of one bucket, and where the last one of a bucket is
    not full, the bucket's order begins again in it. Raises DataError if there is nothing to put in order.
    """
    if len(buckets_of) != len(repeats):
        raise ValueError(f"there are {len(buckets_of)} buckets and {len(repeats)} repeats; give one of each an example")
    if batch_size < 1:
        raise DataError(f"a batch of {batch_size} examples teaches nothing; choose a batch_size from 1")
    if any(times < 0 for times in repeats):
        raise DataError(f"an example cannot come {min(repeats)} times; choose repeats from 1")
    members: dict[Hashable, list[int]] = {}
    for example, bucket in enumerate(buckets_of):
        members.setdefault(bucket, []).extend([example] * repeats[example])
    groups = [np.array(examples) for examples in members.values() if examples]
    if not groups:
        raise DataError("there is no example to learn from; put pictures in the folder")
    return Order(groups, batch_size, seed)


def _batches(group: np.ndarray, size: int, random: np.random.Philox) -> np.ndarray:
    """A group of examples, shuffled, as (n, size); the last batch is filled from the beginning."""
    shuffled = group[_permutation(len(group), random)]
    return np.resize(shuffled, (-(-len(group) // size), size))


def _permutation(count: int, random: np.random.Philox) -> np.ndarray:
    return np.argsort(random.random_raw(count), kind="stable")
