"""All rules, in the order they are tried: the table that documentation and tests are made from."""

from __future__ import annotations

from graphc.rewrite.algebraic import ALGEBRAIC_EQUATIONS
from graphc.rewrite.contractions import CONTRACTION_RULES
from graphc.rewrite.exact import EXACT_EQUATIONS
from graphc.rewrite.folding import FOLDING_RULES
from graphc.rewrite.reductions import REDUCTION_RULES
from graphc.rewrite.rule import AnyRule
from graphc.rewrite.shapes import REPEATING_RULES, SHAPE_RULES
from graphc.rewrite.stabilise import STABILISE_EQUATIONS

RULES: tuple[AnyRule, ...] = (
    *FOLDING_RULES,
    *EXACT_EQUATIONS,
    *SHAPE_RULES,
    *REPEATING_RULES,
    *REDUCTION_RULES,
    *CONTRACTION_RULES,
    *STABILISE_EQUATIONS,
    *ALGEBRAIC_EQUATIONS,
)
