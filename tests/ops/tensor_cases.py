"""NumPy functions that run on arrays and on expressions alike: one text is both the graph and its oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    smooth: bool = True

    def __str__(self) -> str:
        return self.name


def case(name: str, function: Callable[..., Any], *shapes: tuple[int, ...], smooth: bool = True) -> Case:
    return Case(name, function, shapes, smooth)


MOVEMENT = [
    case("broadcast_to", lambda x: np.broadcast_to(x, (4, 2, 3)), (2, 1)),
    case("broadcast_to rank 0", lambda x: np.broadcast_to(x, (2, 3)), ()),
    case("broadcast_to empty", lambda x: np.broadcast_to(x, (0, 3)), (1, 3)),
    case("expand_dims", lambda x: np.expand_dims(x, (0, -1)), (2, 3)),
    case("squeeze all", lambda x: np.squeeze(x), (1, 3, 1)),
    case("squeeze one", lambda x: np.squeeze(x, axis=0), (1, 3, 1)),
    case("transpose", lambda x: np.transpose(x), (2, 3, 4)),
    case("transpose axes", lambda x: np.transpose(x, (2, 0, 1)), (2, 3, 4)),
    case("permute_dims", lambda x: np.permute_dims(x, (1, 0, 2)), (2, 3, 4)),
    case("T", lambda x: x.T, (2, 3)),
    case("swapaxes", lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    case("moveaxis", lambda x: np.moveaxis(x, 0, -1), (2, 3, 4)),
    case("moveaxis several", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    case("matrix_transpose", lambda x: np.matrix_transpose(x), (2, 3, 4)),
    case("reshape", lambda x: np.reshape(x, (4, 3)), (2, 6)),
    case("reshape -1", lambda x: np.reshape(x, (2, -1, 2)), (2, 6)),
    case("reshape to rank 0", lambda x: x.reshape(()), (1, 1)),
    case("reshape empty", lambda x: np.reshape(x, (0, 5)), (3, 0)),
    case("ravel", lambda x: np.ravel(x), (2, 3)),
    case("flatten", lambda x: x.flatten(), (2, 3)),
    case("index", lambda x: x[1], (3, 2)),
    case("negative index", lambda x: x[-1, 0], (3, 2)),
    case("slice", lambda x: x[1:3], (5, 2)),
    case("slice step", lambda x: x[::2, 1::3], (5, 7)),
    case("slice negative step", lambda x: x[::-1, 4:0:-2], (3, 6)),
    case("slice clipped", lambda x: x[-10:10, 5:], (3, 4)),
    case("slice empty", lambda x: x[2:1], (3, 4)),
    case("None and ellipsis", lambda x: x[None, ..., None, 1], (2, 3, 4)),
    case("None between", lambda x: x[0, None, :, None], (2, 3)),
    case("slice of empty", lambda x: x[::-1], (0, 2)),
    case("pad", lambda x: np.pad(x, ((1, 2), (0, 3))), (2, 3)),
    case("pad value", lambda x: np.pad(x, 1, constant_values=2.0), (2, 0)),
    case("flip", lambda x: np.flip(x), (2, 3)),
    case("flip axis", lambda x: np.flip(x, axis=1), (2, 3)),
    case("roll", lambda x: np.roll(x, 2, axis=1), (2, 5)),
    case("roll flat", lambda x: np.roll(x, -1), (2, 3)),
    case("concatenate", lambda x, y: np.concatenate([x, y]), (2, 3), (4, 3)),
    case("concat three", lambda x, y, z: np.concat([x, y, z], axis=-1), (2, 1), (2, 0), (2, 3)),
    case("concatenate flat", lambda x, y: np.concatenate([x, y], axis=None), (2, 2), (3,)),
    case("stack", lambda x, y: np.stack([x, y], axis=1), (2, 3), (2, 3)),
    case("vstack", lambda x, y: np.vstack([x, y]), (3,), (2, 3)),
    case("hstack", lambda x, y: np.hstack([x, y]), (2, 1), (2, 3)),
    case("hstack vectors", lambda x, y: np.hstack([x, y]), (2,), (3,)),
    case("split", lambda x: np.split(x, 3)[1], (6, 2)),
    case("split at", lambda x: np.split(x, [1, 4], axis=1)[1], (2, 5)),
    case("tile", lambda x: np.tile(x, 3), (2, 3)),
    case("tile axes", lambda x: np.tile(x, (2, 1, 3)), (2, 3)),
    case("repeat", lambda x: np.repeat(x, 3, axis=1), (2, 3)),
    case("repeat flat", lambda x: np.repeat(x, 2), (2, 2)),
]

REDUCTION = [
    case("sum", lambda x: np.sum(x), (2, 3)),
    case("sum axis", lambda x: np.sum(x, axis=0), (2, 3)),
    case("sum axes", lambda x: np.sum(x, axis=(0, -1), keepdims=True), (2, 3, 4)),
    case("sum no axes", lambda x: np.sum(x, axis=()), (2, 3)),
    case("sum empty", lambda x: np.sum(x, axis=0), (0, 3)),
    case("sum rank 0", lambda x: np.sum(x), ()),
    case("sum where", lambda x: np.sum(x, axis=1, where=np.array([True, False, True])), (2, 3)),
    case("add.reduce", lambda x: np.add.reduce(x), (2, 3)),
    case("mean", lambda x: np.mean(x), (2, 3)),
    case("mean axis", lambda x: x.mean(axis=1, keepdims=True), (2, 3)),
    case(
        "mean where", lambda x: np.mean(x, axis=1, where=np.array([[True, False, True], [False, True, False]])), (2, 3)
    ),
    case("prod", lambda x: np.prod(x), (2, 3)),
    case("prod axis", lambda x: np.prod(x, axis=1), (2, 3)),
    case("prod axes", lambda x: np.prod(x, axis=(0, 2)), (2, 2, 2)),
    case("prod empty", lambda x: np.prod(x, axis=0), (0, 2)),
    case("prod one", lambda x: np.prod(x, axis=0), (1, 2)),
    case("max", lambda x: np.max(x), (2, 3)),
    case("amax", lambda x: np.amax(x, axis=1), (2, 3)),
    case("min", lambda x: np.min(x, axis=0, keepdims=True), (2, 3)),
    case("min empty kept", lambda x: np.min(x, axis=1), (0, 3)),
    case("var", lambda x: np.var(x, axis=0), (3, 2)),
    case("var ddof", lambda x: np.var(x, ddof=1), (3, 2)),
    case("var correction", lambda x: np.var(x, axis=1, correction=1), (3, 3)),
    case("var where", lambda x: np.var(x, axis=1, ddof=1, where=np.array([True, False, True, True])), (2, 4)),
    case("std", lambda x: np.std(x, axis=0, keepdims=True), (3, 2)),
    case("std ddof", lambda x: x.std(ddof=1), (3, 2)),
    case("norm", lambda x: np.linalg.norm(x), (2, 3)),
    case("norm axis", lambda x: np.linalg.norm(x, axis=1), (2, 3)),
    case("norm 1", lambda x: np.linalg.norm(x, 1, axis=1), (2, 3)),
    case("norm 3", lambda x: np.linalg.norm(x, 3), (4,)),
    case("norm inf", lambda x: np.linalg.norm(x, np.inf, axis=0, keepdims=True), (2, 3)),
    case("norm -inf", lambda x: np.linalg.norm(x, -np.inf), (3,)),
    case("norm fro", lambda x: np.linalg.norm(x, "fro"), (2, 3)),
    case("norm 0", lambda x: np.linalg.norm(x, 0), (3,)),
    case("matrix norm 1", lambda x: np.linalg.norm(x, 1), (2, 3)),
    case("matrix norm inf", lambda x: np.linalg.norm(x, np.inf, axis=(0, 2), keepdims=True), (2, 3, 2)),
    case("vector_norm", lambda x: np.linalg.vector_norm(x, axis=0), (2, 3)),
    case("cumsum", lambda x: np.cumsum(x), (2, 3)),
    case("cumsum axis", lambda x: np.cumsum(x, axis=0), (4, 2)),
    case("cumsum empty", lambda x: np.cumsum(x, axis=1), (2, 0)),
    case("cumprod", lambda x: np.cumprod(x, axis=1), (2, 4)),
    case("cumprod flat", lambda x: np.cumprod(x), (2, 2)),
    case("argmax", lambda x: np.argmax(x, axis=1), (2, 3), smooth=False),
    case("argmax flat", lambda x: x.argmax(), (2, 3), smooth=False),
    case("argmin keepdims", lambda x: np.argmin(x, axis=0, keepdims=True), (2, 3), smooth=False),
    case("argmin flat keepdims", lambda x: np.argmin(x, keepdims=True), (2, 3), smooth=False),
    case("any", lambda x: np.any(x > 0, axis=0), (2, 3), smooth=False),
    case("any of numbers", lambda x: np.any(x), (2, 0), smooth=False),
    case("all", lambda x: np.all(x > 0, axis=1, keepdims=True), (2, 3), smooth=False),
    case("all of none", lambda x: (x > 0).all(axis=0), (0, 3), smooth=False),
]

ROWS, PAIRS = np.array([0, -1, 2, 2]), np.array([[1], [0]])
LOOKUP = [
    case("array index", lambda x: x[ROWS], (5, 3)),
    case("array index on the second axis", lambda x: x[:, ROWS], (4, 5)),
    case("array indices", lambda x: x[ROWS, ROWS], (5, 3)),
    case("array indices apart", lambda x: x[ROWS, :, ROWS], (5, 2, 3)),
    case("array indices that broadcast", lambda x: x[PAIRS, ROWS], (5, 3)),
    case("integer and array", lambda x: x[0, ROWS], (5, 3, 2)),
    case("integer and array apart", lambda x: x[0, :, ROWS], (5, 2, 3)),
    case("None, array and slice", lambda x: x[None, ROWS, 1:], (5, 3)),
    case("array and slice backwards", lambda x: x[..., PAIRS, ::-2], (2, 3, 5)),
    case("arrays around None", lambda x: x[ROWS, None, ROWS], (5, 3)),
    case("list index", lambda x: x[[2, 0]], (3,)),
    case("index of none", lambda x: x[[]], (5, 3)),
    case("index of size 1", lambda x: x[[0], [0]], (1, 1)),
    case("index of an array of none", lambda x: x[ROWS[:0]], (0, 3)),
    case("take", lambda x: np.take(x, ROWS, axis=1), (2, 3)),
    case("take flat", lambda x: np.take(x, PAIRS), (2, 3)),
    case("take clip", lambda x: np.take(x, ROWS + 2, axis=0, mode="clip"), (3, 3)),
    case("take wrap", lambda x: np.take(x, ROWS + 2, axis=0, mode="wrap"), (3, 3)),
    case("take_along_axis", lambda x: np.take_along_axis(x, np.array([[0, 1], [-1, 0]]), axis=1), (2, 3)),
    case("take_along_axis broadcast", lambda x: np.take_along_axis(x, np.array([[0, 1, -1]]), axis=0), (2, 3)),
    case("sort", lambda x: np.sort(x), (3, 40)),
    case("sort axis", lambda x: np.sort(x, axis=0), (5, 2)),
    case("sort flat", lambda x: np.sort(x, axis=None), (5, 2)),
    case("sort none", lambda x: np.sort(x, axis=0), (0, 2)),
    case("sort one", lambda x: np.sort(x), (2, 1)),
    case("argsort", lambda x: np.argsort(x, axis=0, kind="stable"), (50, 2), smooth=False),
    case("searchsorted", lambda x: np.searchsorted(np.arange(-2.0, 3.0), x), (4, 3), smooth=False),
]

CONTRACTION = [
    case("matmul", lambda x, y: np.matmul(x, y), (2, 3), (3, 4)),
    case("matmul vector matrix", lambda x, y: x @ y, (3,), (3, 4)),
    case("matmul matrix vector", lambda x, y: x @ y, (2, 3), (3,)),
    case("matmul vectors", lambda x, y: x @ y, (3,), (3,)),
    case("matmul batch", lambda x, y: x @ y, (5, 2, 3), (5, 3, 4)),
    case("matmul batch broadcast", lambda x, y: x @ y, (5, 1, 2, 3), (6, 3, 4)),
    case("matmul batch of ones", lambda x, y: x @ y, (1, 2, 3), (1, 3, 4)),
    case("matmul batch one side", lambda x, y: x @ y, (2, 3), (5, 3, 4)),
    case("matmul batch vector", lambda x, y: x @ y, (5, 2, 3), (3,)),
    case("matmul vector batch", lambda x, y: x @ y, (3,), (5, 3, 4)),
    case("matmul empty", lambda x, y: x @ y, (2, 0), (0, 4)),
    case("matmul size 1", lambda x, y: x @ y, (1, 1), (1, 1)),
    case("dot vectors", lambda x, y: np.dot(x, y), (3,), (3,)),
    case("dot tensors", lambda x, y: np.dot(x, y), (2, 3, 4), (5, 4, 2)),
    case("dot scalar", lambda x, y: np.dot(x, y), (), (3,)),
    case("inner", lambda x, y: np.inner(x, y), (2, 3), (4, 3)),
    case("outer", lambda x, y: np.outer(x, y), (2, 2), (3,)),
    case("vdot", lambda x, y: np.vdot(x, y), (2, 3), (2, 3)),
    case("tensordot", lambda x, y: np.tensordot(x, y), (2, 3, 4), (3, 4, 5)),
    case("tensordot 0", lambda x, y: np.tensordot(x, y, 0), (2,), (3,)),
    case("tensordot axes", lambda x, y: np.tensordot(x, y, ([0, 1], [2, 0])), (2, 3, 4), (3, 5, 2)),
    case("einsum matmul", lambda x, y: np.einsum("ij,jk->ik", x, y), (2, 3), (3, 4)),
    case("einsum implicit", lambda x, y: np.einsum("ki,jk", x, y), (2, 3), (4, 2)),
    case("einsum transposed", lambda x, y: np.einsum("ij,jk->ki", x, y), (2, 3), (3, 4)),
    case("einsum all", lambda x, y: np.einsum("ij,ij->", x, y), (2, 3), (2, 3)),
    case("einsum sum one side", lambda x, y: np.einsum("ij,k->k", x, y), (2, 3), (4,)),
    case("einsum one operand", lambda x: np.einsum("ijk->ki", x), (2, 3, 4)),
    case("einsum diagonal", lambda x: np.einsum("ii->i", x), (3, 3)),
    case("einsum trace", lambda x: np.einsum("iij->j", x), (3, 3, 2)),
    case("einsum three", lambda x, y, z: np.einsum("bi,ij,bj->b", x, y, z), (4, 2), (2, 3), (4, 3)),
    case("einsum ellipsis", lambda x, y: np.einsum("...ij,...jk->...ik", x, y), (5, 1, 2, 3), (6, 3, 4)),
    case("einsum ellipsis implicit", lambda x, y: np.einsum("...i,i", x, y), (2, 4, 3), (3,)),
    case("einsum elementwise", lambda x, y: np.einsum("ij,ij->ij", x, y), (2, 3), (2, 3)),
    case("einsum size 1", lambda x, y: np.einsum("ij,ij->i", x, y), (2, 1), (2, 3)),
    case("trace", lambda x: np.trace(x), (3, 3)),
]

ELEMENTWISE = [
    case("where", lambda x: np.where(x > 0, x, 0), (2, 3)),
    case("arithmetic", lambda x, y: (x + y) * x - y / 2.0, (2, 3), (3,)),
    case("ufuncs", lambda x, y: np.add(np.sin(x), np.multiply(2.0, np.exp(y))), (2, 1), (3,)),
    case("reflected", lambda x: np.array([1.0, 2.0, 3.0]) * x - 1, (2, 3)),
    case("array matmul", lambda x: np.ones((4, 2)) @ x, (2, 3)),
    case("zeros_like", lambda x: np.zeros_like(x) + np.ones_like(x) * x, (2, 3)),
    case("full_like", lambda x: np.full_like(x, 3) * x, (2, 3)),
    case("size", lambda x: x / np.size(x), (2, 3)),
    case("maximum", lambda x, y: np.maximum(x, y), (2, 3), (2, 3)),
    case("clip", lambda x: np.clip(x, -0.5, 0.5), (2, 3)),
]

CASES = [*MOVEMENT, *LOOKUP, *REDUCTION, *CONTRACTION, *ELEMENTWISE]
