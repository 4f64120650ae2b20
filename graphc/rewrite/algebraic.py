"""ALGEBRAIC equations: true of real numbers, but rounding, NaN or the sign of zero may change; with fast_math only."""

from __future__ import annotations

import numpy as np

from graphc.graph.node import Expr
from graphc.ops.elementary import cos, exp, expm1, log, log1p, sin
from graphc.ops.powers import reciprocal, sqrt, square
from graphc.ops.scalar import abs as absolute
from graphc.ops.scalar import negative
from graphc.rewrite.exact import ONE, ZERO, power
from graphc.rewrite.match import uniform_value
from graphc.rewrite.rule import ALGEBRAIC, NUMBERS, Rule


def _is_finite(bound: dict[str, Expr]) -> bool:
    """Tell whether the constant k is finite and has a finite reciprocal."""
    value = uniform_value(bound["k"])
    with np.errstate(all="ignore"):
        return bool(np.isfinite(value) and np.isfinite(1 / value))


# fmt: off
ALGEBRAIC_EQUATIONS = (
    # zeros and ones
    Rule("add_zero", lambda a: (a + 0, a), ALGEBRAIC, dtypes=NUMBERS),
    Rule("zero_minus", lambda a: (0 - a, negative(a)), ALGEBRAIC, dtypes=NUMBERS),
    Rule("multiply_by_zero", lambda a: (a * 0, ZERO), ALGEBRAIC, dtypes=NUMBERS),
    Rule("zero_divided", lambda a: (0 / a, ZERO), ALGEBRAIC),
    Rule("subtract_same", lambda a: (a - a, ZERO), ALGEBRAIC, dtypes=NUMBERS),
    Rule("divide_by_same", lambda a: (a / a, ONE), ALGEBRAIC),
    # cancellation
    Rule("add_then_subtract", lambda a, b: ((a + b) - b, a), ALGEBRAIC, dtypes=NUMBERS),
    Rule("subtract_then_add", lambda a, b: ((a - b) + b, a), ALGEBRAIC, dtypes=NUMBERS),
    Rule("subtract_difference", lambda a, b: (a - (a - b), b), ALGEBRAIC, dtypes=NUMBERS),
    Rule("negate_difference", lambda a, b: (negative(a - b), b - a), ALGEBRAIC, dtypes=NUMBERS),
    Rule("multiply_then_divide", lambda a, b: (a * b / b, a), ALGEBRAIC),
    Rule("divide_then_multiply", lambda a, b: (a / b * b, a), ALGEBRAIC),
    Rule("divide_by_product", lambda a, b: (a / (a * b), reciprocal(b)), ALGEBRAIC),
    Rule("reciprocal_twice", lambda a: (reciprocal(reciprocal(a)), a), ALGEBRAIC),
    Rule("multiply_by_reciprocal_of", lambda a: (a * reciprocal(a), ONE), ALGEBRAIC),
    Rule("divide_by_quotient", lambda a, b, c: (a / (b / c), a * (c / b)), ALGEBRAIC),
    Rule("divide_by_reciprocal", lambda a, b: (a / reciprocal(b), a * b), ALGEBRAIC),
    # common factors
    Rule("factor_sum", lambda a, b, c: (a * b + a * c, a * (b + c)), ALGEBRAIC, dtypes=NUMBERS),
    Rule("factor_difference", lambda a, b, c: (a * b - a * c, a * (b - c)), ALGEBRAIC, dtypes=NUMBERS),
    Rule("factor_quotients", lambda a, b, c: (b / a + c / a, (b + c) / a), ALGEBRAIC),
    Rule("factor_difference_of_quotients", lambda a, b, c: (b / a - c / a, (b - c) / a), ALGEBRAIC),
    Rule("count_multiples", lambda a, k: (k * a + a, (k + 1) * a), ALGEBRAIC, constants="k", dtypes=NUMBERS),
    # numbers gathered
    Rule("gather_terms", lambda a, k, m: ((a + k) + m, a + (k + m)), ALGEBRAIC, constants="k m", dtypes=NUMBERS),
    Rule("gather_factors", lambda a, k, m: ((a * k) * m, a * (k * m)), ALGEBRAIC, constants="k m", dtypes=NUMBERS),
    Rule("gather_quotient", lambda a, k, m: ((a * k) / m, a * (k / m)), ALGEBRAIC, constants="k m"),
    Rule("divide_by_number", lambda a, k: (a / k, a * (1 / k)), ALGEBRAIC, constants="k", proviso=_is_finite, condition="k and 1/k finite"),
    Rule("negate_multiple", lambda a, k: (negative(a * k), a * negative(k)), ALGEBRAIC, constants="k", dtypes=NUMBERS),
    Rule("multiple_of_negative", lambda a, k: (negative(a) * k, a * negative(k)), ALGEBRAIC, constants="k", dtypes=NUMBERS),
    # exponentials and logarithms
    Rule("multiply_exponentials", lambda a, b: (exp(a) * exp(b), exp(a + b)), ALGEBRAIC),
    Rule("divide_exponentials", lambda a, b: (exp(a) / exp(b), exp(a - b)), ALGEBRAIC),
    Rule("reciprocal_of_exponential", lambda a: (reciprocal(exp(a)), exp(negative(a))), ALGEBRAIC),
    Rule("exp_of_log", lambda a: (exp(log(a)), a), ALGEBRAIC, positive="a"),
    Rule("expm1_of_log1p", lambda a: (expm1(log1p(a)), a), ALGEBRAIC, positive="a"),
    Rule("add_logarithms", lambda a, b: (log(a) + log(b), log(a * b)), ALGEBRAIC, positive="a b"),
    Rule("subtract_logarithms", lambda a, b: (log(a) - log(b), log(a / b)), ALGEBRAIC, positive="a b"),
    Rule("log_of_power", lambda a, b: (log(power(a, b)), b * log(a)), ALGEBRAIC, positive="a"),
    # powers and roots
    Rule("square_of_sqrt", lambda a: (square(sqrt(a)), a), ALGEBRAIC, positive="a"),
    Rule("multiply_roots", lambda a, b: (sqrt(a) * sqrt(b), sqrt(a * b)), ALGEBRAIC, positive="a b"),
    Rule("divide_by_sqrt", lambda a: (a / sqrt(a), sqrt(a)), ALGEBRAIC, positive="a"),
    Rule("multiply_squares", lambda a, b: (square(a) * square(b), square(a * b)), ALGEBRAIC, dtypes=NUMBERS),
    Rule("square_divided", lambda a: (square(a) / a, a), ALGEBRAIC),
    Rule("multiply_absolutes", lambda a, b: (absolute(a) * absolute(b), absolute(a * b)), ALGEBRAIC, dtypes=NUMBERS),
    Rule("power_of_half", lambda a: (power(a, 0.5), sqrt(a)), ALGEBRAIC, positive="a"),
    Rule("multiply_powers", lambda a, b, c: (power(a, b) * power(a, c), power(a, b + c)), ALGEBRAIC, positive="a"),
    # angles
    Rule("pythagoras", lambda a: (square(sin(a)) + square(cos(a)), ONE), ALGEBRAIC),
)
