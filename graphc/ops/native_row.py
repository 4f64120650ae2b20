"""Rows computed by functions of their own rather than by loops that fuse: orders and searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.graph.dimensions import Shape
from graphc.graph.node import Expr, Gradient, Operation
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DType


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class NativeOperation(Operation):
    """A row of positions, so without derivatives; ``backends/sorting.py`` has the function of its name.

    Columns:
        definition: text for the docs.
        along_last: whether it runs along the last axis, for each of the others; else on whole lines.
        scratch: whether the function needs memory of the result's size to work in.
        reference: (arrays, flag) -> array, the same in NumPy.
    """

    definition: str
    along_last: bool
    scratch: bool
    reference: Callable[..., Any]

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return "int64", arguments[-1].shape

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        return None

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return [None] * len(node.args)


def _argsort_reference(arrays: Sequence[Any], descending: bool) -> Any:
    """Return the stable order; the descending one is that of the reversed line, reversed."""
    (line,) = arrays
    if not descending:
        return np.argsort(line, axis=-1, kind="stable")
    order = np.argsort(line[..., ::-1], axis=-1, kind="stable")
    return line.shape[-1] - 1 - order[..., ::-1]


ARGSORT = NativeOperation(
    name="argsort",
    definition="the order that sorts a line, equal elements as they stand; flag: the greatest first",
    along_last=True,
    scratch=True,
    reference=_argsort_reference,
)
SEARCH = NativeOperation(
    name="searchsorted",
    definition="how many elements of a sorted line are less than a value; flag: or equal to it",
    along_last=False,
    scratch=False,
    reference=lambda arrays, right: np.searchsorted(arrays[0], arrays[1], side="right" if right else "left"),
)
OPERATIONS.update({row.name: row for row in (ARGSORT, SEARCH)})
