"""The comparison itself: probes (one element, or a direction), a derivative by each method, a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from graphc.backends.reference import evaluate
from graphc.check.differences import complex_step, complex_step_obstacle, one_sided, richardson
from graphc.check.guilty import find_guilty
from graphc.check.problem import Problem
from graphc.check.report import Comparison, Guilty, Method, Report, compare
from graphc.check.rows import prove_row
from graphc.check.specialise import fixed_shape
from graphc.check.whole import WholeExpression
from graphc.errors import CheckFailed
from graphc.graph.block import block_of, nested_order, runs_block
from graphc.graph.leaf import symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.graph.walk import reaching, topological_order
from graphc.ops.scalar_row import CastOperation, ScalarOperation

Tangents: TypeAlias = "dict[Expr, np.ndarray[Any, Any]]"
Compiled: TypeAlias = "Callable[[Mapping[Expr, Any]], Sequence[Any]]"

ELEMENTS_PER_INPUT = 12
"""Elements of each input compared one by one; a random direction covers all of them together."""
JUMP = 1e-4
"""Relative difference of one-sided derivatives that makes a kink."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A gradient from elsewhere: its name, values of the user's symbols -> gradients in order, its tolerance."""

    name: str
    gradient: Compiled
    tolerance: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A direction to differentiate along: of one element, or of everything."""

    name: str
    index: tuple[int, ...] | None
    tangents: Tangents


@dataclass
class Tally:
    """What one method did so far; ``allowed`` says by how much it may differ beyond the common tolerance."""

    compared: int = 0
    absolute: float = 0.0
    relative: float | None = None
    note: str = ""
    allowed: str = ""
    without_value: int = 0
    excused: int = 0

    def method(self, name: str) -> Method:
        """Return the tally as the report shows it."""
        notes = [note for note in (self.note, self.allowed if self.compared else "") if note]
        if self.without_value and not self.note:
            notes.append(f"no value for {self.without_value}")
        if self.excused:
            notes.append(f"at a kink or singular point: {self.excused}")
        return Method(name, self.compared, self.absolute, self.relative, "; ".join(notes))


@dataclass
class Comparer:
    """Runs every method on every probe of every point, and keeps what is worst."""

    problem: Problem
    rtol: float
    atol: float
    seed: int
    extra: Extra | None = None
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _kinks: dict[str, None] = field(default_factory=dict)
    _worst: tuple[float, Comparison] | None = None
    _failed_at: int | None = None

    def report(self) -> Report:
        """Return the report of all comparisons."""
        problem = self.problem
        self._whole = WholeExpression(problem.objective, problem.wrt)
        self._complex_obstacle = complex_step_obstacle(problem.objective, problem.wrt)
        for name, obstacle in (("forward", ""), ("sympy", self._whole.obstacle), ("complex", self._complex_obstacle),
                               ("differences", "")):  # fmt: skip
            self._tallies[name] = Tally(note=obstacle)
        if self.extra is not None:
            self._tallies[self.extra.name] = Tally(allowed=f"+ {self.extra.tolerance:g}*max(1, largest element)")
        self._tallies["differences"].allowed = "+ 10 times its error estimate"
        for number in range(len(problem.points)):
            self._kinks.update(dict.fromkeys(problem.kinks[number]))
            self._check_point(number)
        methods, accused = self._rules()
        guilty = self._guilty() or accused
        for name, tally in self._tallies.items():
            methods.append(tally.method(name))
        ok = self._failed_at is None and accused is None
        worst = self._worst[1] if self._worst else None
        kinks = tuple(self._kinks)
        return Report(ok, worst, tuple(methods), guilty, kinks, len(problem.points), self.rtol, self.atol)

    def _check_point(self, number: int) -> None:
        """Compare every probe at one point."""
        problem, point = self.problem, self.problem.points[number]
        gradients = dict(zip(problem.wrt, evaluate(list(problem.gradients), point), strict=True))
        compiled = self._compiled(number)
        generator = np.random.default_rng([self.seed, number])
        for probe in probes(problem.wrt, generator):
            values = {"reverse": _along(gradients, probe.tangents)}
            values["forward"] = self._forward(number, probe)
            allowances = {"forward": 0.0}
            if not self._whole.obstacle:
                exact = self._whole.derivative(point, probe.tangents)
                if exact is not None:
                    values["sympy"], allowances["sympy"] = exact, 0.0
            if not self._complex_obstacle:
                values["complex"], allowances["complex"] = complex_step(problem.objective, point, probe.tangents), 0.0
            estimate = richardson(self._line(number, probe))
            if np.isfinite(estimate.value):
                values["differences"], allowances["differences"] = estimate.value, 10 * estimate.error
            if compiled is not None and self.extra is not None:
                values[self.extra.name] = _along(compiled, probe.tangents)
                size = max(float(np.abs(gradients[node]).max(initial=0.0)) for node in probe.tangents)
                allowances[self.extra.name] = self.extra.tolerance * max(1.0, size)
            for name, tally in self._tallies.items():
                tally.without_value += name not in values
            self._judge(number, probe, values, allowances)

    def _compiled(self, number: int) -> dict[Expr, Any] | None:
        """Return the extra gradient at a point, by symbol of the problem."""
        if self.extra is None:
            return None
        original, point = self.problem.original, self.problem.points[number]
        found = self.extra.gradient({user: point[own].astype(user.dtype) for own, user in original.items()})
        return {node: np.asarray(value, dtype=np.float64) for node, value in zip(self.problem.wrt, found, strict=True)}

    def _forward(self, number: int, probe: Probe) -> float:
        """Return the derivative along a probe by forward mode."""
        directions = self.problem.directions
        zeros = {name: np.zeros(fixed_shape(node)) for node, name in directions.items()}
        seeds = {directions[node]: tangent for node, tangent in probe.tangents.items()}
        return float(evaluate([self.problem.forward], {**self.problem.points[number], **zeros, **seeds})[0])

    def _line(self, number: int, probe: Probe) -> Callable[[float], float]:
        """Return the objective as a function of the distance along a probe."""
        point = self.problem.points[number]

        def line(distance: float) -> float:
            moved = {node: point[node] + distance * tangent for node, tangent in probe.tangents.items()}
            return float(evaluate([self.problem.objective], {**point, **moved})[0])

        return line

    def _judge(self, number: int, probe: Probe, values: dict[str, float], allowances: Mapping[str, float]) -> None:
        """Count every method's difference from reverse mode; a kink excuses a subgradient."""
        for method, allowance in allowances.items():
            comparison = compare(probe.name, probe.index, number, values, method, self.atol)
            reverse, value = values["reverse"], values[method]
            tolerance = self.atol + self.rtol * max(abs(reverse), abs(value)) + allowance
            tally = self._tallies.setdefault(method, Tally())
            agrees = reverse == value or (np.isfinite(tolerance) and comparison.absolute <= tolerance)
            if not agrees and self._is_kink(number, probe, reverse):
                tally.excused += 1
                continue
            tally.compared += 1
            tally.absolute = max(tally.absolute, comparison.absolute)
            if comparison.relative is not None:
                tally.relative = max(tally.relative or 0.0, comparison.relative)
            excess = comparison.absolute / tolerance if np.isfinite(comparison.absolute) else float("inf")
            if self._worst is None or excess > self._worst[0]:
                self._worst = (excess, comparison)
            if not agrees and self._failed_at is None:
                self._failed_at = number

    def _is_kink(self, number: int, probe: Probe, chosen: float) -> bool:
        """Tell whether the derivative jumps or is infinite here and the value chosen is a subgradient; note it."""
        left, right = one_sided(self._line(number, probe))
        where = Comparison(probe.name, probe.index, number, {}, "", 0.0, 0.0, 0.0).where
        if not (np.isfinite(left) and np.isfinite(right)):
            self._kinks[f"singular point at {where}: subgradient chosen: {chosen:g}"] = None
            return not np.isnan(chosen)
        if abs(left - right) <= JUMP * max(1.0, abs(left), abs(right)):
            return False
        slack = JUMP * max(1.0, abs(left), abs(right))
        if not min(left, right) - slack <= chosen <= max(left, right) + slack:
            return False
        self._kinks[f"{where}: derivative jumps from {left:.6g} to {right:.6g}, subgradient chosen: {chosen:g}"] = None
        return True

    def _rules(self) -> tuple[list[Method], Guilty | None]:
        """Return the proofs of the rows in use, and the first node whose row is wrong."""
        rows: dict[ScalarOperation, Expr] = {}
        for node in _differentiated(self.problem.objective, self.problem.wrt):
            if isinstance(node.op, ScalarOperation) and not isinstance(node.op, CastOperation):
                rows.setdefault(node.op, node)
        proofs = {row: _verdict(row) for row in rows}
        sampled = [row.name for row, (is_sampled, _) in proofs.items() if is_sampled]
        note = f"by sampling, not proved: {', '.join(sampled)}" if sampled else "proved by SymPy" * bool(proofs)
        method = Method("rules", len(proofs), note=note)
        for row, (_, fault) in proofs.items():
            if fault:
                return [method], Guilty(row.name, describe_origin(rows[row].origin), fault)
        return [method], None

    def _guilty(self) -> Guilty | None:
        """Return the first node whose own rule is wrong at the first point that failed."""
        if self._failed_at is None:
            return None
        problem = self.problem
        return find_guilty(problem.objective, problem.wrt, problem.points[self._failed_at], self.seed)


def _differentiated(objective: Expr, wrt: tuple[Expr, ...]) -> list[Expr]:
    """Return the nodes that derivatives pass through, those in the blocks of such nodes too."""
    order = topological_order([objective])
    active = reaching(order, wrt)
    found = [node for node in order if node in active]
    blocks = [block_of(node) for node in found if runs_block(node)]
    inside = nested_order(output for block in blocks for output in block.outputs)
    return [*found, *(node for node in inside if node.is_differentiable)]


@cache
def _verdict(row: ScalarOperation) -> tuple[bool, str]:
    """Return whether a row's proof rests on sampling, and what is wrong with the row; once per process."""
    try:
        return any(proof.method == "numeric" for proof in prove_row(row)), ""
    except CheckFailed as error:
        return False, error.message


def probes(wrt: tuple[Expr, ...], generator: np.random.Generator) -> Iterator[Probe]:
    """Yield probes for elements of every input, and one along a random direction of all."""
    for node in wrt:
        count = int(node.size)
        chosen = range(count) if count <= ELEMENTS_PER_INPUT else generator.choice(count, ELEMENTS_PER_INPUT, False)
        for flat in sorted(int(position) for position in chosen):
            index = tuple(int(i) for i in np.unravel_index(flat, fixed_shape(node)))
            tangent = np.zeros(fixed_shape(node))
            tangent[index] = 1.0
            yield Probe(symbol_name(node), index, {node: tangent})
    if sum(int(node.size) for node in wrt) > 1:
        directions = {node: generator.uniform(0.5, 1.5, fixed_shape(node)) * _signs(node, generator) for node in wrt}
        yield Probe("", None, {node: np.asarray(tangent) for node, tangent in directions.items()})


def _signs(node: Expr, generator: np.random.Generator) -> Any:
    return generator.choice([-1.0, 1.0], fixed_shape(node))


def _along(gradients: Mapping[Expr, Any], tangents: Tangents) -> float:
    """Return the product of gradients with tangents; a zero tangent hides what is not finite."""
    total = 0.0
    for node, tangent in tangents.items():
        used = tangent != 0
        total += float(np.sum(np.asarray(gradients[node])[used] * tangent[used]))
    return total
