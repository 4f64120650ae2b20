"""EXACT equations: the same bits for every IEEE input, up to the sign and payload of a NaN.

What is missing is missing on purpose: ``a + 0`` turns -0 into 0, ``a * 0`` and ``a - a`` are NaN for inf and NaN.
"""

from __future__ import annotations

import numpy as np

from graphc.graph.leaf import constant
from graphc.graph.node import Expr
from graphc.graph.table import OPERATIONS
from graphc.graph.types import INTEGERS
from graphc.ops.powers import reciprocal, square
from graphc.ops.scalar import abs as absolute
from graphc.ops.scalar import (
    ceil,
    floor,
    guarded_divide,
    guarded_multiply,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    negative,
    rint,
    sign,
    trunc,
    where,
)
from graphc.ops.scalar_row import elementwise
from graphc.rewrite.match import uniform_value
from graphc.rewrite.rule import EXACT, NUMBERS, Rule


def power(a: Expr, b: Expr | float) -> Expr:
    """Return the node of the general power: `graphc.power` would choose a product for a constant exponent."""
    return elementwise(OPERATIONS["power"], a, b)  # type: ignore[arg-type]


TRUE, FALSE, ONE, ZERO = constant(True), constant(False), constant(1.0), constant(0.0)


def _is_nonzero(bound: dict[str, Expr]) -> bool:
    """Tell whether the constant k is a number other than 0."""
    return bool(uniform_value(bound["k"]) != 0) and not np.isnan(uniform_value(bound["k"]))


# fmt: off
EXACT_EQUATIONS = (
    # neutral numbers
    Rule("multiply_by_one", lambda a: (a * 1, a), EXACT, dtypes=NUMBERS),
    Rule("subtract_zero", lambda a: (a - 0, a), EXACT, dtypes=NUMBERS),
    Rule("add_negative_zero", lambda a: (a + -0.0, a), EXACT),
    Rule("add_integer_zero", lambda a: (a + 0, a), EXACT, dtypes=INTEGERS),
    Rule("power_of_one", lambda a: (power(a, 1), a), EXACT),
    Rule("power_of_zero", lambda a: (power(a, 0), ONE), EXACT),
    Rule("guarded_multiply_by_one", lambda a: (guarded_multiply(a, 1), a), EXACT),
    Rule("guarded_divide_by_one", lambda a: (guarded_divide(a, 1), a), EXACT),
    # guards: guarded_multiply(a, b) is a*b, and a where a is 0
    Rule("guard_of_zero", lambda a: (guarded_multiply(0, a), ZERO), EXACT),
    Rule("guard_of_zero_quotient", lambda a: (guarded_divide(0, a), ZERO), EXACT),
    Rule("guarded_one", lambda a: (guarded_multiply(1, a), a), EXACT),
    Rule("unguarded_product", lambda k, a: (guarded_multiply(k, a), k * a), EXACT, constants="k", proviso=_is_nonzero, condition="k != 0"),
    Rule("unguarded_quotient", lambda k, a: (guarded_divide(k, a), k / a), EXACT, constants="k", proviso=_is_nonzero, condition="k != 0"),
    # signs
    Rule("negate_twice", lambda a: (negative(negative(a)), a), EXACT, dtypes=NUMBERS),
    Rule("multiply_by_minus_one", lambda a: (a * -1, negative(a)), EXACT),
    Rule("add_negative", lambda a, b: (a + negative(b), a - b), EXACT, dtypes=NUMBERS),
    Rule("subtract_negative", lambda a, b: (a - negative(b), a + b), EXACT, dtypes=NUMBERS),
    Rule("multiply_negatives", lambda a, b: (negative(a) * negative(b), a * b), EXACT, dtypes=NUMBERS),
    Rule("divide_negatives", lambda a, b: (negative(a) / negative(b), a / b), EXACT),
    Rule("negate_product_of_negative", lambda a, b: (negative(negative(a) * b), a * b), EXACT, dtypes=NUMBERS),
    Rule("negate_quotient_of_negative", lambda a, b: (negative(negative(a) / b), a / b), EXACT),
    Rule("negate_quotient_by_negative", lambda a, b: (negative(a / negative(b)), a / b), EXACT),
    Rule("subtract_negative_product", lambda a, b, c: (c - negative(a) * b, c + a * b), EXACT, dtypes=NUMBERS),
    Rule("add_negative_product", lambda a, b, c: (c + negative(a) * b, c - a * b), EXACT, dtypes=NUMBERS),
    Rule("square_of_negative", lambda a: (square(negative(a)), square(a)), EXACT, dtypes=NUMBERS),
    Rule("square_of_abs", lambda a: (square(absolute(a)), square(a)), EXACT, dtypes=NUMBERS),
    Rule("abs_of_negative", lambda a: (absolute(negative(a)), absolute(a)), EXACT, dtypes=NUMBERS),
    Rule("abs_of_abs", lambda a: (absolute(absolute(a)), absolute(a)), EXACT, dtypes=NUMBERS),
    Rule("abs_of_square", lambda a: (absolute(square(a)), square(a)), EXACT),
    # products and quotients by name
    Rule("square", lambda a: (a * a, square(a)), EXACT, dtypes=NUMBERS),
    Rule("reciprocal", lambda a: (1 / a, reciprocal(a)), EXACT),
    # roundings, signs and extremes done twice
    Rule("floor_of_floor", lambda a: (floor(floor(a)), floor(a)), EXACT),
    Rule("ceil_of_ceil", lambda a: (ceil(ceil(a)), ceil(a)), EXACT),
    Rule("rint_of_rint", lambda a: (rint(rint(a)), rint(a)), EXACT),
    Rule("trunc_of_trunc", lambda a: (trunc(trunc(a)), trunc(a)), EXACT),
    Rule("sign_of_sign", lambda a: (sign(sign(a)), sign(a)), EXACT),
    Rule("maximum_of_same", lambda a: (maximum(a, a), a), EXACT, dtypes=NUMBERS),
    Rule("minimum_of_same", lambda a: (minimum(a, a), a), EXACT, dtypes=NUMBERS),
    Rule("maximum_twice", lambda a, b: (maximum(maximum(a, b), b), maximum(a, b)), EXACT, dtypes=NUMBERS),
    Rule("minimum_twice", lambda a, b: (minimum(minimum(a, b), b), minimum(a, b)), EXACT, dtypes=NUMBERS),
    # choices
    Rule("same_branches", lambda c, a: (where(c, a, a), a), EXACT, booleans="c", dtypes=NUMBERS),
    Rule("not_condition", lambda c, a, b: (where(logical_not(c), a, b), where(c, b, a)), EXACT, booleans="c", dtypes=NUMBERS),
    Rule("chosen_twice", lambda c, a, b, d: (where(c, where(c, a, b), d), where(c, a, d)), EXACT, booleans="c", dtypes=NUMBERS),
    Rule("rejected_twice", lambda c, a, b, d: (where(c, d, where(c, a, b)), where(c, d, b)), EXACT, booleans="c", dtypes=NUMBERS),
    # logic
    Rule("not_not", lambda c: (logical_not(logical_not(c)), c), EXACT, booleans="c"),
    Rule("and_same", lambda c: (logical_and(c, c), c), EXACT, booleans="c"),
    Rule("or_same", lambda c: (logical_or(c, c), c), EXACT, booleans="c"),
    Rule("and_true", lambda c: (logical_and(c, TRUE), c), EXACT, booleans="c"),
    Rule("or_false", lambda c: (logical_or(c, FALSE), c), EXACT, booleans="c"),
    Rule("and_false", lambda c: (logical_and(c, FALSE), FALSE), EXACT, booleans="c"),
    Rule("or_true", lambda c: (logical_or(c, TRUE), TRUE), EXACT, booleans="c"),
)
