"""The driver: every node to its normal form, arguments first, each form computed once.

A node whose arguments are normal is offered to the rules indexed under its operation, in the order of the
table; what the first that fits gives is simplified in turn. Every rule lowers the measure, so this ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from graphc.errors import InternalError
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.table import OPERATIONS
from graphc.graph.walk import with_arguments
from graphc.ops.scalar_row import ScalarOperation
from graphc.rewrite.match import apply_rule
from graphc.rewrite.rule import ANY_ELEMENTWISE, EXACT, STABILISE, AnyRule, Group, Rule
from graphc.rewrite.rules import RULES


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that fired: what it was applied to and what it gave."""

    rule: AnyRule
    before: Expr
    after: Expr


@dataclass(slots=True)
class Trace:
    """The rules that fired during `simplify`, for explanations.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> trace = Trace()
        >>> _ = simplify([gx.log(1 + x)], trace=trace)
        >>> [step.rule.name for step in trace.steps]
        ['log1p']
    """

    steps: list[Step] = field(default_factory=list)
    became: dict[Expr, Expr] = field(default_factory=dict)
    """Each node that changed, with what it became at once: by a rule, or because its arguments changed."""

    def why(self, node: Expr) -> list[Step]:
        """Return the steps that led from a node to its normal form, or, for a new node, those that made it."""
        by_before = {step.before: step for step in self.steps}
        found = []
        current = node
        while current in self.became:
            if current in by_before:
                found.append(by_before[current])
            current = self.became[current]
        return found or [step for step in self.steps if step.after is node]


def simplify(
    roots: Sequence[Expr],
    groups: Iterable[Group] = (EXACT, STABILISE),
    trace: Trace | None = None,
    rules: Sequence[AnyRule] = RULES,
) -> list[Expr]:
    """Return the roots rewritten by the rules of some groups until none applies.

    Args:
        roots: expressions of any dtypes and shapes.
        groups: which promises are enough; with ``ALGEBRAIC``, rounding and NaN may change.
        trace: records the rules that fire.
        rules: the rules, by default all of graphc's.

    Returns:
        Expressions of the same dtypes and shapes, in the same order.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> simplify([1 * x])[0] is x
        True
    """
    index = _index(tuple(rules), frozenset(groups))
    normal: dict[Expr, Expr] = {}
    became: dict[Expr, Expr] = {}
    stack = list(reversed(roots))
    while stack:
        node = stack[-1]
        if node in normal:
            stack.pop()
            continue
        following = became.get(node)
        if following is not None:
            if following in normal:
                normal[node] = normal[following]
                stack.pop()
            else:
                stack.append(following)
            continue
        pending = [argument for argument in node.args if argument not in normal]
        if pending:
            stack.extend(reversed(pending))
            continue
        rebuilt = with_arguments(node, tuple(normal[argument] for argument in node.args))
        if rebuilt is not node:
            became[node] = rebuilt
            continue
        result = _rewrite(node, _rules_for(node, index), trace)
        if result is None:
            normal[node] = node
        else:
            became[node] = result
    if trace is not None:
        trace.became.update(became)
    return [normal[root] for root in roots]


@lru_cache(maxsize=16)
def _index(rules: tuple[AnyRule, ...], groups: frozenset[Group]) -> dict[str, tuple[AnyRule, ...]]:
    """Return the rules of some groups by the name of the operation they are tried on, in order."""
    general: list[AnyRule] = []
    index: dict[str, list[AnyRule]] = {ANY_ELEMENTWISE: general}
    for rule in rules:
        if rule.group not in groups:
            continue
        for name in rule.operations:
            if name != ANY_ELEMENTWISE:
                elementwise = isinstance(OPERATIONS.get(name), ScalarOperation)
                index.setdefault(name, list(general) if elementwise else []).append(rule)
                continue
            for other, found in index.items():
                if other == ANY_ELEMENTWISE or isinstance(OPERATIONS.get(other), ScalarOperation):
                    found.append(rule)
    return {name: tuple(found) for name, found in index.items()}


def _rules_for(node: Expr, index: dict[str, tuple[AnyRule, ...]]) -> tuple[AnyRule, ...]:
    """Return the rules to try on a node."""
    found = index.get(node.op.name)
    if found is None:
        return index[ANY_ELEMENTWISE] if isinstance(node.op, ScalarOperation) else ()
    return found


def _rewrite(node: Expr, rules: Sequence[AnyRule], trace: Trace | None) -> Expr | None:
    """Return what the first rule that fits makes of a node; None if none does."""
    if not rules:
        return None
    with inherit_origin(node.origin):
        for rule in rules:
            result = apply_rule(rule, node) if isinstance(rule, Rule) else rule.function(node)
            if result is None:
                continue
            if (result.dtype, result.shape) != (node.dtype, node.shape):
                raise InternalError(f"rule {rule.name} made {result.dtype}{result.shape} of {node.dtype}{node.shape}")
            if trace is not None:
                trace.steps.append(Step(rule, node, result))
            return result
    return None
