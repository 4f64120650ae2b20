"""Points to compare derivatives at: inside the domains of the rows, away from their kinks, finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from graphc.backends.reference import evaluate
from graphc.check.specialise import fixed_shape
from graphc.errors import ArgumentError
from graphc.graph.leaf import as_exprs, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.graph.types import is_float
from graphc.graph.walk import free_symbols, reaching, topological_order
from graphc.ops.scalar_row import REALS, ScalarOperation

Array: TypeAlias = "np.ndarray[Any, Any]"
Point: TypeAlias = "dict[Expr, Array]"

RANGES = ((-2.0, 2.0), (0.2, 2.0), (0.1, 0.9), (-0.9, 0.9), (1.1, 3.0), (-2.0, -0.2))
"""Ranges symbols are drawn from, in the order they are tried."""
ATTEMPTS = 120
CLEARANCE = 1e-4
"""Sampled points keep this distance from every kink."""
AT_KINK = 1e-9
"""Closer than this, a point is at the kink."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a point must satisfy: nodes with the open interval of each, and kinks by node."""

    intervals: tuple[tuple[Expr, tuple[float, float]], ...]
    kinks: tuple[tuple[Expr, Expr], ...]
    """(node, expression that vanishes where its derivative jumps)."""


def conditions_of(objective: Expr, wrt: Sequence[Expr]) -> Conditions:
    """Return domains and kinks of the rows between ``wrt`` and the objective."""
    order = topological_order([objective])
    active = reaching(order, wrt)
    intervals: list[tuple[Expr, tuple[float, float]]] = []
    kinks: list[tuple[Expr, Expr]] = []
    for node in order:
        if node not in active or not isinstance(node.op, ScalarOperation):
            continue
        for argument, interval in zip(node.args, node.op.domain, strict=True):
            if interval != REALS and is_float(argument.dtype):
                intervals.append((argument, interval))
        if node.op.kinks is not None and is_float(node.args[-1].dtype):
            kinks.extend((node, expression) for expression in as_exprs(*node.op.kinks(*node.args)))
    return Conditions(tuple(intervals), tuple(kinks))


def sample_points(
    objective: Expr, gradients: Sequence[Expr], conditions: Conditions, number: int, seed: int
) -> list[Point]:
    """Return points where value and gradient are finite: in every domain if such points are found.

    Raises:
        ArgumentError: no finite point was found.
    """
    generator = np.random.default_rng(seed)
    symbols = free_symbols([objective, *gradients])
    found: list[Point] = []
    outside: list[Point] = []
    for attempt in range(ATTEMPTS):
        if len(found) == number:
            break
        point = {node: _draw(node, attempt, generator) for node in symbols}
        verdict = _judge(point, objective, gradients, conditions)
        if verdict is not None:
            (found if verdict else outside).append(point)
    points = (found + outside)[:number]
    if not points:
        raise ArgumentError(
            f"check: no point with a finite value and gradient found in {ATTEMPTS} attempts",
            remedy="pass at={name: value} with a point inside the function's domain",
            origin=describe_origin(objective.origin),
        )
    return points


def _draw(node: Expr, attempt: int, generator: np.random.Generator) -> Array:
    """Return a random value of a symbol."""
    shape = fixed_shape(node)
    if node.dtype == "bool":
        return generator.random(shape) < 0.5
    if not is_float(node.dtype):
        return generator.integers(0, 3, shape).astype(node.dtype)
    turn = attempt // 4
    low, high = RANGES[turn] if turn < len(RANGES) else RANGES[generator.integers(len(RANGES))]
    return np.asarray(generator.uniform(low, high, shape))


def _judge(point: Point, objective: Expr, gradients: Sequence[Expr], conditions: Conditions) -> bool | None:
    """Return whether a point is in every domain; None if it cannot be used at all."""
    arguments = [node for node, _ in conditions.intervals]
    kinks = [expression for _, expression in conditions.kinks]
    values = evaluate([objective, *gradients, *kinks, *arguments], point)
    count = 1 + len(gradients)
    if not all(np.isfinite(value).all() for value in values[:count]):
        return None
    if any((np.abs(value) < CLEARANCE).any() for value in values[count : count + len(kinks)]):
        return None
    insides = zip(values[count + len(kinks) :], conditions.intervals, strict=True)
    return all(bool(((value > low) & (value < high)).all()) for value, (_, (low, high)) in insides)


def kinks_at(point: Point, conditions: Conditions) -> list[str]:
    """Return a line for each row whose derivative jumps at the point: where, and the convention chosen."""
    values = evaluate([expression for _, expression in conditions.kinks], point)
    lines: dict[str, None] = {}
    for (node, _), value in zip(conditions.kinks, values, strict=True):
        if (np.abs(value) <= AT_KINK).any():
            chosen = getattr(node.op, "convention", "") or f"{node.op.name}' as its rule has it"
            lines[f"{node.op.name} at {describe_origin(node.origin)}: convention chosen: {chosen}"] = None
    return list(lines)


def given_points(at: Any, symbols: Sequence[Expr]) -> list[Point]:
    """Return the points a caller gave: a mapping from names or symbols to values, or a list of these.

    Raises:
        ArgumentError: a symbol has no value, or a name stands for no symbol.
    """
    points = []
    for given in at if isinstance(at, (list, tuple)) else [at]:
        named = {key if isinstance(key, str) else symbol_name(key): value for key, value in given.items()}
        missing = [symbol_name(node) for node in symbols if symbol_name(node) not in named]
        unknown = sorted(set(named) - {symbol_name(node) for node in symbols})
        if missing or unknown:
            what = f"no value for {', '.join(missing)}" if missing else f"unknown name(s) {', '.join(unknown)}"
            expected = ", ".join(symbol_name(node) for node in symbols)
            raise ArgumentError(f"check: at: {what}", remedy=f"give a value for each of {expected}")
        points.append({node: np.asarray(named[symbol_name(node)]) for node in symbols})
    return points


def retarget(point: Mapping[Expr, Array], became: Mapping[Expr, Expr]) -> Point:
    """Return a point for the symbols that replaced its own, in their dtypes."""
    return {became[node]: value.astype(became[node].dtype) for node, value in point.items() if node in became}
