"""Numba: bundle adjustment by hand: one loop over sights, the Jacobian's formulas written for scalars."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np

from benchmarks import n_bundle_adjustment as n
from benchmarks.common import Array, Call, Ways

FUSED = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}


@nb.njit(inline="always", **FUSED)  # type: ignore[untyped-decorator]
def cross(a: Any, b: Any) -> Any:
    """Return the vector product of two triples."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@nb.njit(inline="always", **FUSED)  # type: ignore[untyped-decorator]
def turned(axis: Any, cosine: float, sine: float, point: Any) -> Any:
    """Return a triple turned about an axis."""
    along = (1 - cosine) * (axis[0] * point[0] + axis[1] * point[1] + axis[2] * point[2])
    x, y, z = cross(axis, point)
    return (
        cosine * point[0] + sine * x + along * axis[0],
        cosine * point[1] + sine * y + along * axis[1],
        cosine * point[2] + sine * z + along * axis[2],
    )


@nb.njit(inline="always", **FUSED)  # type: ignore[untyped-decorator]
def axis_of(camera: Any) -> Any:
    """Return the angle and axis of a camera's rotation."""
    angle = math.sqrt(camera[0] ** 2 + camera[1] ** 2 + camera[2] ** 2)
    scale = 1 / angle if angle > 0 else 0.0
    return angle, (camera[0] * scale, camera[1] * scale, camera[2] * scale)


def residuals(cameras: Array, points: Array, weights: Array, seen: Array, who: Array, what: Array) -> Array:
    """Return the residuals."""
    found = np.empty((len(who), 2))
    for i in range(len(who)):
        camera, point = cameras[who[i]], points[what[i]]
        angle, axis = axis_of(camera)
        moved = (point[0] - camera[3], point[1] - camera[4], point[2] - camera[5])
        local = turned(axis, math.cos(angle), math.sin(angle), moved)
        x, y = local[0] / local[2], local[1] / local[2]
        square = x * x + y * y
        stretch = camera[6] * (1 + camera[9] * square + camera[10] * square * square)
        found[i, 0] = weights[i] * (x * stretch + camera[7] - seen[i, 0])
        found[i, 1] = weights[i] * (y * stretch + camera[8] - seen[i, 1])
    return found


def jacobian(cameras: Array, points: Array, weights: Array, seen: Array, who: Array, what: Array) -> Array:
    """Return the blocks, by the formulas of `benchmarks.n_bundle_adjustment.jacobian`."""
    found = np.empty((len(who), 2, 15))
    for i in range(len(who)):
        camera, point, weight = cameras[who[i]], points[what[i]], weights[i]
        angle, axis = axis_of(camera)
        cosine, sine = math.cos(angle), math.sin(angle)
        moved = (point[0] - camera[3], point[1] - camera[4], point[2] - camera[5])
        local = turned(axis, cosine, sine, moved)
        ratio = (local[0] / local[2], local[1] / local[2])
        square = ratio[0] * ratio[0] + ratio[1] * ratio[1]
        stretch = 1 + camera[9] * square + camera[10] * square * square
        slope = 2 * (camera[9] + 2 * camera[10] * square)
        first = sine / angle if angle > 0 else 1.0
        second = (1 - cosine) / angle if angle > 0 else 0.0
        scale = weight * camera[6]
        for row in range(2):
            here = ratio[row]
            x, y = scale * slope * here * ratio[0], scale * slope * here * ratio[1]
            x, y = (x + scale * stretch, y) if row == 0 else (x, y + scale * stretch)
            by_local = (x / local[2], y / local[2], -(x * ratio[0] + y * ratio[1]) / local[2])
            turning = cross(local, by_local)
            along = (1 - first) * (turning[0] * axis[0] + turning[1] * axis[1] + turning[2] * axis[2])
            across = cross(turning, axis)
            by_point = turned(axis, cosine, -sine, by_local)
            for k in range(3):
                found[i, row, k] = first * turning[k] + along * axis[k] + second * across[k]
                found[i, row, 3 + k] = -by_point[k]
                found[i, row, 11 + k] = by_point[k]
            found[i, row, 6] = weight * here * stretch
            found[i, row, 7] = weight if row == 0 else 0.0
            found[i, row, 8] = weight if row == 1 else 0.0
            found[i, row, 9] = scale * here * square
            found[i, row, 10] = scale * here * square * square
            found[i, row, 14] = here * stretch * camera[6] + camera[7 + row] - seen[i, row]
    return found


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return residuals and blocks by hand."""

    def build(function: Callable[..., Array]) -> Call:
        return Call(nb.njit(**FUSED)(function), problem.arguments)

    return {"residuals": lambda: build(residuals), "jacobian": lambda: build(jacobian)}
