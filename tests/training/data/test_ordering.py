"""The order: fair, of one size a batch, and a function of the seed and the step alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import DataError, Order, order

EXAMPLES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=30)
SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 2**64 - 1)


def made(examples: Sequence[tuple[str, int]], size: int, seed: int) -> Order:
    return order([bucket for bucket, _ in examples], [times for _, times in examples], size, seed)


def epoch(course: Order, number: int) -> list[list[int]]:
    return [course.batch(step) for step in range(number * course.steps, (number + 1) * course.steps)]


@given(EXAMPLES, SIZES, SEEDS, st.integers(0, 3))
def test_an_epoch_has_each_example_as_often_as_it_repeats(
    examples: list[tuple[str, int]], size: int, seed: int, number: int
):
    batches = epoch(made(examples, size, seed), number)
    counts = Counter(example for batch in batches for example in batch)
    totals = Counter[str]()
    for bucket, times in examples:
        totals[bucket] += times
    assert len(batches) == sum(-(-total // size) for total in totals.values())
    for example, (bucket, times) in enumerate(examples):
        filled = -totals[bucket] % size
        most = times * (1 + -(-filled // totals[bucket]))
        assert times <= counts[example] <= (most if filled else times)


@given(EXAMPLES, SIZES, SEEDS)
def test_a_batch_is_full_and_of_one_bucket(examples: list[tuple[str, int]], size: int, seed: int):
    for batch in epoch(made(examples, size, seed), 1):
        assert len(batch) == size
        assert len({examples[example][0] for example in batch}) == 1


@given(EXAMPLES, SIZES, SEEDS, st.lists(st.integers(0, 500), max_size=20))
def test_a_batch_depends_on_nothing_that_was_asked_before(
    examples: list[tuple[str, int]], size: int, seed: int, steps: list[int]
):
    used = made(examples, size, seed)
    assert [used.batch(step) for step in steps] == [made(examples, size, seed).batch(step) for step in steps]


def test_seeds_and_epochs_differ():
    examples = [("a", 1)] * 40
    orders = [epoch(made(examples, 4, seed), number) for seed in range(3) for number in range(3)]
    assert len({str(batches) for batches in orders}) == 9


def test_places_are_drawn_evenly():
    """Each of 6 examples is first in a sixth of 6000 epochs: within five standard deviations of a binomial."""
    course = order(["a"] * 6, [1] * 6, 6, 1)
    firsts = Counter(course.batch(step)[0] for step in range(6000))
    assert all(abs(firsts[example] - 1000) < 5 * (6000 * (1 / 6) * (5 / 6)) ** 0.5 for example in range(6))


def test_buckets_are_mixed_within_an_epoch():
    batches = epoch(made([("a", 1)] * 32 + [("b", 1)] * 32, 4, 5), 0)
    kinds = [batch[0] < 32 for batch in batches]
    assert kinds not in (sorted(kinds), sorted(kinds, reverse=True))


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (42, [[2, 4], [0, 1], [1, 3], [3, 4], [1, 1]]),
        (2**64 - 1, [[7, 7], [1, 4], [0, 3], [0, 1], [7, 6]]),
    ],
)
def test_the_order_is_the_same_on_every_machine(seed: int, expected: list[list[int]]):
    """Recorded; a change of it would break the resuming of every course."""
    course = order(["a"] * 5 + ["b"] * 3, [1, 2, 1, 1, 1, 1, 1, 2], 2, seed)
    assert [course.batch(step) for step in (0, 1, 2, course.steps, course.steps + 1)] == expected


@pytest.mark.parametrize(
    ("buckets", "repeats", "size", "error", "words"),
    [
        ([], [], 4, DataError, "no example"),
        (["a"], [0], 4, DataError, "no example"),
        (["a"], [-1], 4, DataError, "-1 times"),
        (["a"], [1], 0, DataError, "batch_size"),
        (["a"], [1, 1], 4, ValueError, "1 buckets and 2 repeats"),
    ],
)
def test_what_cannot_be_put_in_order_is_an_error(
    buckets: list[str], repeats: list[int], size: int, error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        order(buckets, repeats, size, 0)


def test_there_is_no_step_before_the_first():
    with pytest.raises(ValueError, match="the first is 0"):
        order(["a"], [1], 1, 0).batch(-1)
