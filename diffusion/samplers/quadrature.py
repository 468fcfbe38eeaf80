"""Integrals of interpolating polynomials: the weights of all Adams-like methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weight = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@cache
def _gauss(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x: Any
    w: Any
    x, w = np.polynomial.legendre.leggauss(points)
    return x, w


def lagrange_weights(
    nodes: Sequence[float], start: float, end: float, weight: Weight | None = None, points: int = 64
) -> list[float]:
    """Factors b so that sum b[j] f(nodes[j]) is the integral from start to end of weight(t) times the polynomial
    through the f(nodes[j]). Exact for polynomials, to rounding for a smooth weight (Gauss-Legendre quadrature)."""
    x, w = _gauss(points)
    t = (start + end) / 2 + (end - start) / 2 * x
    measure = w * (end - start) / 2 * (1 if weight is None else weight(t))
    return [float((measure * _basis(nodes, j, t)).sum()) for j in range(len(nodes))]


def lagrange_sums(nodes: Sequence[float], start: float, end: float, weight: Weight, points: int) -> list[float]:
    """The same by the mean over evenly spread points, both ends included: for methods published with this sum."""
    t = np.linspace(start, end, points)
    measure = weight(t) * ((end - start) / points)
    return [float((measure * _basis(nodes, j, t)).sum()) for j in range(len(nodes))]


def _basis(nodes: Sequence[float], j: int, t: NDArray[np.float64]) -> NDArray[np.float64]:
    product = np.ones_like(t)
    for k, node in enumerate(nodes):
        if k != j:
            product = product * ((t - node) * (1 / (nodes[j] - node)))
    return product
