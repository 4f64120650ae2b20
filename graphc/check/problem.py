"""A check made concrete: one float64 scalar of fixed sizes, its gradients as graphs, the points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.autodiff.forward import tangents
from graphc.autodiff.loops import or_zero
from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate, solve_sizes
from graphc.check.sampling import Conditions, Point, conditions_of, given_points, kinks_at, retarget, sample_points
from graphc.check.specialise import choose_sizes, fixed_shape, freeze, specialise
from graphc.errors import ArgumentError
from graphc.graph.leaf import constant, symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin, inherit_origin
from graphc.graph.table import apply
from graphc.graph.text import array_text
from graphc.graph.walk import free_symbols

TANGENT = "tangent_of_"


@dataclass(frozen=True, slots=True)
class Problem:
    """What every method works on.

    Attributes:
        objective: the scalar, with parts detached from differentiation replaced by symbols.
        wrt: its symbols to differentiate by.
        gradients: reverse mode, one for each of ``wrt``.
        forward: forward mode, for the tangents in ``directions``.
        directions: symbol -> symbol of its tangent.
        points: the values of every symbol, frozen ones too.
        conditions: domains and kinks of the rows.
        kinks: what is at a kink, by point.
        original: symbol of the problem -> the user's symbol.
        weights: what each output is multiplied with; empty where there is one scalar, taken as it is.
    """

    objective: Expr
    wrt: tuple[Expr, ...]
    gradients: tuple[Expr, ...]
    forward: Expr
    directions: Mapping[Expr, Expr]
    points: tuple[Point, ...]
    conditions: Conditions
    kinks: tuple[tuple[str, ...], ...]
    original: Mapping[Expr, Expr]
    weights: tuple[Any, ...]


def make_problem(
    outputs: Sequence[Expr], wrt: Sequence[Expr], at: Any, seed: int, points: int, inputs: Sequence[Expr] = ()
) -> Problem:
    """Return the problem of checking the gradient of outputs."""
    symbols = list(dict.fromkeys([*inputs, *free_symbols([*outputs, *wrt])]))
    given = None if at is None else given_points(at, symbols)
    shapes = {node: value.shape for node, value in given[0].items()} if given else {}
    sizes = {**choose_sizes(symbols), **solve_sizes(shapes)}
    became = specialise([*outputs, *symbols], sizes)
    full, weights = _objective([became[output] for output in outputs], seed)
    targets = tuple(became[node] for node in wrt)
    gradients = _reverse(full, targets)
    directions = {node: symbol(TANGENT + symbol_name(node), node.shape, node.dtype) for node in targets}
    (tangent,) = tangents([full], directions)
    (objective,), frozen = freeze([full])
    conditions = conditions_of(full, targets)
    if given is None:
        sampled = sample_points(full, gradients, conditions, points, seed)
        placed = [_complete(point, [became[node] for node in symbols], seed) for point in sampled]
    else:
        placed = [retarget(point, became) for point in given]
        for point in placed:
            _require_values({output: became[output] for output in outputs}, point)
    kinks = tuple(tuple(kinks_at(point, conditions)) for point in placed)
    return Problem(
        objective, targets, gradients, or_zero(tangent, full), directions,
        tuple(_with_frozen(point, frozen) for point in placed), conditions, kinks,
        {became[node]: node for node in symbols}, weights,
    )  # fmt: skip


def _require_values(outputs: Mapping[Expr, Expr], point: Point) -> None:
    """Refuse a given point at which there is nothing to differentiate.

    Raises:
        ArgumentError: an output is NaN or infinite there.
    """
    values = evaluate(list(outputs.values()), point)
    for output, value in zip(outputs, values, strict=True):
        if not np.isfinite(value).all():
            where = ", ".join(f"{symbol_name(node)} = {array_text(array)}" for node, array in point.items())
            what = f"{output!r} {'has' if value.ndim else 'is'} {array_text(value)}"
            raise ArgumentError(
                f"check: no finite value at this point: {what} at {where}",
                remedy="check where the expression has a value",
                origin=describe_origin(output.origin),
            )


def _objective(outputs: Sequence[Expr], seed: int) -> tuple[Expr, tuple[Any, ...]]:
    """Return one scalar of the outputs: itself, or their sum with fixed random weights, and these."""
    if len(outputs) == 1 and not outputs[0].shape:
        return outputs[0], ()
    generator = np.random.default_rng(seed)
    total: Expr | None = None
    weights = []
    for output in outputs:
        weights.append(np.asarray(generator.uniform(0.5, 1.5, fixed_shape(output))))
        with inherit_origin(output.origin):
            part = apply("sum", apply("multiply", output, constant(weights[-1])))
            total = part if total is None else apply("add", total, part)
    return constant(0.0) if total is None else total, tuple(weights)


def _reverse(objective: Expr, wrt: Sequence[Expr]) -> tuple[Expr, ...]:
    """Return the gradients by reverse mode."""
    table = adjoints({objective: constant(1.0)}, wrt)
    return tuple(or_zero(table.get(node), node) for node in wrt)


def _complete(point: Point, symbols: Sequence[Expr], seed: int) -> Point:
    """Return a point with values also for symbols nothing depends on."""
    generator = np.random.default_rng(seed)
    values = {node: generator.uniform(0.5, 1.5, fixed_shape(node)).astype(node.dtype) for node in symbols}
    return {**values, **point}


def _with_frozen(point: Point, frozen: Mapping[Expr, Expr]) -> Point:
    """Return a point with the values that detached nodes have there."""
    values: Point = dict(point)
    for held, node in frozen.items():
        values[held] = evaluate([node], values)[0]
    return values
