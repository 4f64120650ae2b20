"""All rules, in the order they are tried."""

from __future__ import annotations

from graphc.rewrite.exact import EXACT_EQUATIONS
from graphc.rewrite.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*EXACT_EQUATIONS,)
