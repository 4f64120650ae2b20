"""The driver: every node to its normal form, arguments first, each form computed once.

A node whose arguments are normal is offered to the rules indexed under its operation, in the order of the
table; what the first that fits gives is simplified in turn. Every rule lowers the measure, so this ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TypeAlias

from graphc.errors import InternalError
from graphc.graph.block import block_of, runs_block, with_block
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.table import OPERATIONS
from graphc.graph.walk import with_arguments
from graphc.ops.scalar_row import ScalarOperation
from graphc.rewrite.match import apply_variants, fitting_variants
from graphc.rewrite.rule import ANY_ELEMENTWISE, EXACT, STABILISE, AnyRule, Group, Rule
from graphc.rewrite.rules import RULES


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that fired: what it was applied to and what it gave."""

    rule: AnyRule
    before: Expr
    after: Expr

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.before} -> {self.after}"


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
    known: dict[Expr, Expr] | None = None,
) -> list[Expr]:
    """Return the roots rewritten by the rules of some groups until none applies.

    Args:
        roots: expressions of any dtypes and shapes.
        groups: which promises are enough; with ``ALGEBRAIC``, rounding and NaN may change.
        trace: records the rules that fire.
        rules: the rules, by default all of graphc's.
        known: nodes with their normal forms by the same rules and groups; what is found out is added.

    Returns:
        Expressions of the same dtypes and shapes, in the same order.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> simplify([1 * x])[0] is x
        True
    """
    index = _index(tuple(rules), frozenset(groups))
    normal: dict[Expr, Expr] = {} if known is None else known
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
        if runs_block(node):
            rebuilt = with_block(rebuilt, simplify(block_of(node).outputs, groups, trace, rules, normal))
        if rebuilt is not node:
            became[node] = rebuilt
            continue
        result = _rewrite(node, index, trace)
        if result is None:
            normal[node] = node
        else:
            became[node] = result
    if trace is not None:
        trace.became.update(became)
    return [normal[root] for root in roots]


Attempt: TypeAlias = "tuple[AnyRule, Callable[[Expr], Expr | None]]"
"""A rule and the function that tries it on a node."""


class _Index:
    """The rules of some groups by the operation they are tried on, in order.

    attempts: what to try on a node by the names of its operation and of its arguments': found once each.
    """

    def __init__(self, rules: tuple[AnyRule, ...], groups: frozenset[Group]) -> None:
        self.by_name = _by_name(rules, groups)
        self.attempts: dict[tuple[str, ...], tuple[Attempt, ...]] = {}

    def attempts_for(self, node: Expr) -> tuple[Attempt, ...]:
        """Return what to try on a node."""
        key = (node.op.name, *[argument.op.name for argument in node.args])
        found = self.attempts.get(key)
        if found is None:
            found = self.attempts[key] = tuple(self._possible(node))
        return found

    def _possible(self, node: Expr) -> Iterable[Attempt]:
        """Yield what could fit a node of these operations."""
        rules = self.by_name.get(node.op.name)
        if rules is None:
            rules = self.by_name[ANY_ELEMENTWISE] if isinstance(node.op, ScalarOperation) else ()
        for rule in rules:
            if not isinstance(rule, Rule):
                if rule.possible is None or rule.possible([argument.op.name for argument in node.args]):
                    yield rule, rule.function
            elif variants := fitting_variants(rule, node):
                yield rule, partial(apply_variants, rule, variants)


@lru_cache(maxsize=16)
def _index(rules: tuple[AnyRule, ...], groups: frozenset[Group]) -> _Index:
    """Return the index of the rules of some groups."""
    return _Index(rules, groups)


def _by_name(rules: tuple[AnyRule, ...], groups: frozenset[Group]) -> dict[str, tuple[AnyRule, ...]]:
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


def _rewrite(node: Expr, index: _Index, trace: Trace | None) -> Expr | None:
    """Return what the first rule that fits makes of a node; None if none does."""
    attempts = index.attempts_for(node)
    if not attempts:
        return None
    with inherit_origin(node.origin):
        for rule, attempt in attempts:
            result = attempt(node)
            if result is None:
                continue
            if (result.dtype, result.shape) != (node.dtype, node.shape):
                raise InternalError(f"rule {rule.name} made {result.dtype}{result.shape} of {node.dtype}{node.shape}")
            if trace is not None:
                trace.steps.append(Step(rule, node, result))
            return result
    return None
