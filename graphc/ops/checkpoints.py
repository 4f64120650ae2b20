"""Checkpoints: a loop as a loop over segments, of which the gradient keeps the first states only."""

from __future__ import annotations

import math
from dataclasses import replace

from graphc.errors import ArgumentError
from graphc.graph.block import placeholder, placeholder_like
from graphc.graph.dimensions import Dimension, Size
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import is_integer
from graphc.ops.control_row import Loop
from graphc.ops.slicing import take_slice

SEGMENT = 1000
"""The steps of a segment of a loop whose length is a named dimension, with checkpoint="sqrt"."""


def interval(length: Size, checkpoint: str | int) -> Size | None:
    """Return the steps between two checkpoints, None where there are none.

    Raises:
        ArgumentError: the option has a value it does not take.
    """
    if checkpoint == "none":
        return None
    if checkpoint == "sqrt":
        return SEGMENT if isinstance(length, Dimension) else max(1, math.isqrt(length))
    if not is_integer(checkpoint) or checkpoint < 1:
        raise ArgumentError(f'checkpoint: "none", "sqrt" or a number above zero expected, got {checkpoint!r}')
    return int(checkpoint)


def in_segments(loop: Loop, every: Size) -> list[Expr]:
    """Return the results of a loop run in segments of so many steps, and what is left of it after them."""
    segments = loop.length // every
    whole = segments * every
    ranges = [(start, size) for start, size in ((0, whole), (whole, loop.length - whole)) if size != 0]
    if not ranges:
        return loop.build()
    results: list[Expr] = []
    pieces: list[list[Expr]] = []
    carries = loop.initial
    for start, size in reversed(ranges) if loop.reverse else ranges:
        part = _part(replace(loop, initial=carries), start, size)
        results = _nested(part, segments, every) if size == whole else part.build()
        carries = tuple(results[: len(loop.carries)])
        pieces.append(results[len(loop.carries) :])
    if loop.reverse:
        pieces.reverse()
    stacked = [apply("concatenate", list(both), 0) for both in zip(*pieces, strict=True)]
    return [*carries, *stacked]


def _part(loop: Loop, start: Size, size: Size) -> Loop:
    """Return some of the steps of a loop."""
    index = placeholder("int64", ())
    moved = loop.with_outputs({loop.index: apply("add", index, start)})
    return replace(
        moved, index=index, length=size, sequences=tuple(take_slice(s, 0, (start, 1, size)) for s in loop.sequences)
    )


def _nested(loop: Loop, segments: Size, every: Size) -> list[Expr]:
    """Return the results of a loop as a loop over segments, each a loop over its steps."""
    segment = placeholder("int64", ())
    elements = tuple(placeholder(e.dtype, (every, *e.shape)) for e in loop.elements)
    carries = tuple(placeholder_like(c) for c in loop.carries)
    index = placeholder("int64", ())
    place = apply("add", apply("multiply", segment, every), index)
    inner = replace(
        loop.with_outputs({loop.index: place}), index=index, length=every, initial=carries, sequences=elements
    )
    results = inner.build()
    count = len(carries)
    outer = Loop(
        index=segment,
        carries=carries,
        elements=elements,
        following=tuple(results[:count]),
        stacked=tuple(results[count:]),
        initial=loop.initial,
        sequences=tuple(apply("reshape", s, (segments, every, *s.shape[1:])) for s in loop.sequences),
        length=segments,
        reverse=loop.reverse,
        recompute=True,
    )
    found = outer.build()
    stacked = [apply("reshape", s, (loop.length, *s.shape[2:])) for s in found[count:]]
    return [*found[:count], *stacked]
