"""EXACT rules: the same bits for every IEEE input, up to which NaN a NaN is."""

from __future__ import annotations

from graphc.ops.scalar import multiply, negative
from graphc.rewrite.rule import EXACT, NUMBERS, Rule

# fmt: off
EXACT_EQUATIONS = (
    Rule("multiply_by_one", lambda a: (a * 1, a), EXACT, dtypes=NUMBERS),
    Rule("divide_by_one", lambda a: (a / 1, a), EXACT),
    Rule("subtract_zero", lambda a: (a - 0, a), EXACT, dtypes=NUMBERS),
    Rule("negate_twice", lambda a: (negative(negative(a)), a), EXACT, dtypes=NUMBERS),
    Rule("add_negative", lambda a, b: (a + negative(b), a - b), EXACT, dtypes=NUMBERS),
    Rule("subtract_negative", lambda a, b: (a - negative(b), a + b), EXACT, dtypes=NUMBERS),
    Rule("multiply_negatives", lambda a, b: (multiply(negative(a), negative(b)), a * b), EXACT, dtypes=NUMBERS),
)
