"""What a check found, as data and as a table one can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Comparison:
    """One derivative by each method.

    Attributes:
        name: the input it is taken for, or "" for all inputs at once along a random direction.
        index: the element of the input; None for a direction.
        point: number of the point.
        values: method -> derivative.
        method: the method that is furthest from reverse mode.
        absolute, relative, ulp: its distance from reverse mode: ``|a-b|``, ``|a-b| / max(|a|,|b|)``, and
            in units in the last place of float64; no relative one where both are as good as zero.
    """

    name: str
    index: tuple[int, ...] | None
    point: int
    values: Mapping[str, float]
    method: str
    absolute: float
    relative: float | None
    ulp: float

    @property
    def where(self) -> str:
        """The input and the element, as the user would index it."""
        if self.index is None:
            return "a random direction"
        return self.name + (f"[{', '.join(map(str, self.index))}]" if self.index else "")


@dataclass(frozen=True, slots=True)
class Method:
    """What one method contributed.

    Attributes:
        name: of the method.
        compared: derivatives (or rules) it was compared on.
        absolute, relative: its largest differences from reverse mode, each on its own; no relative one where
            all derivatives are as good as zero.
        note: why it compared nothing, or not everything; how rules were proved; what it was allowed besides.
    """

    name: str
    compared: int
    absolute: float = 0.0
    relative: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guilty:
    """The first node whose own derivative is wrong: its operation, the user's line, what differs."""

    operation: str
    origin: str
    detail: str

    def __str__(self) -> str:
        return f"{self.operation} at {self.origin}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check.

    Attributes:
        ok: whether every comparison held: ``|a-b| <= atol + rtol*max(|a|,|b|)``.
        worst: the comparison with the largest difference for its tolerance; None if nothing was compared.
        methods: what each method compared, or why not.
        guilty: the first node in topological order whose own rule is wrong, where something is.
        kinks: places at a kink or singular point, with the convention chosen; they are not failures.
        points: number of points.
        rtol, atol: the tolerance.
    """

    ok: bool
    worst: Comparison | None
    methods: tuple[Method, ...]
    guilty: Guilty | None
    kinks: tuple[str, ...]
    points: int
    rtol: float
    atol: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        verdict = "gradients agree" if self.ok else "GRADIENTS DIFFER"
        points = f"{self.points} point{'s' * (self.points != 1)}"
        lines = [f"{verdict} at {points}: |a-b| <= {self.atol:g} + {self.rtol:g}*max(|a|,|b|)"]
        lines.extend(self._method_lines())
        if self.worst is not None:
            worst = self.worst
            lines.append(
                f"worst: {worst.where} at point {worst.point}, {worst.method} against reverse: "
                f"absolute {worst.absolute:.2g}, relative {_number(worst.relative, '.2g')}, {worst.ulp:.3g} ulp"
            )
            lines.extend(f"  {name:<12} {value!r}" for name, value in worst.values.items())
        if self.guilty is not None:
            lines.append(f"guilty: {self.guilty}")
        lines.extend(f"kink: {kink}" for kink in self.kinks)
        return "\n".join(lines)

    def _method_lines(self) -> list[str]:
        """Return the table of methods."""
        rows = [("method", "compared", "absolute", "relative", "")]
        for method in self.methods:
            numeric = method.compared and method.name != "rules"
            worst = [_number(number if numeric else None, ".1e") for number in (method.absolute, method.relative)]
            rows.append((method.name, str(method.compared), worst[0], worst[1], method.note))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        padded = [[cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)] for row in rows]
        return ["  ".join(("", *cells, row[4])).rstrip() for cells, row in zip(padded, rows, strict=True)]


def _number(value: float | None, form: str) -> str:
    """Return a number in a format, a dash where there is none."""
    return "-" if value is None else format(value, form)


def compare(
    name: str, index: tuple[int, ...] | None, point: int, values: Mapping[str, float], method: str, atol: float = 0.0
) -> Comparison:
    """Return the comparison of one method with reverse mode; numbers below ``atol`` are as good as zero."""
    a, b = values["reverse"], values[method]
    largest = max(abs(a), abs(b))
    if a == b:
        return Comparison(name, index, point, values, method, 0.0, 0.0 if largest > atol else None, 0.0)
    absolute = abs(a - b) if np.isfinite(a - b) else float("inf")
    ulp = absolute / float(np.spacing(largest)) if np.isfinite(largest) else float("inf")
    relative = None if largest <= atol else absolute / largest if np.isfinite(largest) else float("inf")
    return Comparison(name, index, point, dict(values), method, absolute, relative, ulp)
