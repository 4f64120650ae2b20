"""Gamma numbers: Marsaglia and Tsang's proposals, one loop an element, until one is accepted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

from graphc.errors import NotDifferentiable
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.graph.table import apply
from graphc.ops.casting import cast
from graphc.ops.random_bits import normal_of, split, tail, unit, word, words
from graphc.ops.scalar_row import INFINITY, REALS, ScalarOperation, elementwise, enter


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Drawn(ScalarOperation):
    """The row of numbers drawn from a distribution with a parameter, whose derivative is refused."""

    def _contribution(self, node: Expr, gradient: Expr, number: int) -> NoReturn:
        raise NotDifferentiable(
            "random.gamma: the derivative of a gamma number by its parameter is not implemented",
            remedy="use stop_gradient on the parameter, or a score-function estimate of the gradient",
            origin=describe_origin(node.origin),
        )


DRAWN = enter(
    Drawn(
        name="drawn", definition="x", code="{x}", reference="{x}", arity=2, rule="number", domain=(REALS, REALS), cost=0,
        convention="x drawn with the parameter y; derivatives raise",
    )
)  # fmt: skip


def gamma_numbers(key: Expr, parameter: Expr) -> Expr:
    """Return a gamma number for each parameter; NaN where that is not above 0 and finite.

    Source: Marsaglia & Tsang, A simple method for generating gamma variables (2000); below 1 a number of the parameter
    plus 1 times a power of a uniform one.
    """
    fixed = apply("stop_gradient", parameter)
    small, legal = fixed < 1, (fixed > 0) & (fixed < INFINITY)
    d = apply("where", legal, fixed + cast(small, fixed.dtype), 1.0) - 1 / 3
    flat = apply("ravel", d)
    found = apply("map", lambda pair: _first_accepted(*pair), (split(key, flat.shape), flat))
    power = apply("exp", apply("log", tail(words(key, d.shape), d.dtype) * 2.0) / fixed)
    scaled = apply("reshape", found, d.shape) * apply("where", small, power, 1.0)
    return elementwise(DRAWN, apply("where", legal, scaled, math.nan), parameter)


def _first_accepted(key: Expr, d: Expr) -> Expr:
    """Return the first proposal that is accepted; 19 of 20 are."""
    c = 1 / apply("sqrt", 9.0 * d)

    def propose(carry: Any) -> Any:
        number, _, _ = carry
        x = normal_of(word(key, 2 * number), d.dtype)
        v = (1.0 + c * x) ** 3
        bound = 0.5 * x * x + d * (1.0 - v + apply("log", v))
        accepted = (v > 0) & (apply("log", unit(word(key, 2 * number + 1), d.dtype)) < bound)
        return number + 1, d * v, accepted

    begin = (0, 0.0 * d, False)
    return apply("while_loop", lambda carry: apply("logical_not", carry[2]), propose, begin)[1]
