"""The tables of the documentation, made from the tables the compiler itself works with.

``python -m graphc.inspect.tables`` writes them into ``docs/``; a test holds the files to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import graphc
from graphc.graph.leaf import symbol
from graphc.graph.node import Expr, Operation, build
from graphc.graph.table import FUNCTIONS, OPERATIONS
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.movement_row import MovementOperation
from graphc.ops.native_row import NativeOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ARGUMENT_NAMES, REALS, ScalarOperation
from graphc.ops.scalar_text import DTYPE_RULES
from graphc.rewrite.rule import Group
from graphc.rewrite.rules import RULES
from graphc.settings import settings_table

COMMAND = "python -m graphc.inspect.tables"
NOTICE = f"<!-- Made by `{COMMAND}`; change the tables in the code, not this file. -->"
BEGIN, END = "<!-- switches -->", "<!-- end of switches -->"

NO_FUNCTION = "†"
"""Marks a name that is no function of `graphc`."""


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Return a text as code, nothing for nothing."""
    return f"`{text}`" if text else ""


def derivative_texts(row: ScalarOperation) -> list[str]:
    """Return the derivative of a row in each argument, in x, y, z; linear rows in the adjoint g."""
    dtypes = {"logic": ["bool"] * row.arity, "select": ["bool", *["float64"] * (row.arity - 1)]}
    kinds = dtypes.get(row.rule, ["float64"] * row.arity)
    arguments = [symbol(name, (), dtype) for name, dtype in zip(ARGUMENT_NAMES, kinds, strict=False)]
    node = build(row, *arguments)
    if row.pushes:
        adjoint = symbol("g")
        return ["0" if push is None else _text(push(adjoint, *arguments, node)) for push in row.pushes]
    return ["0" if partial is None else _text(partial(*arguments, node)) for partial in row.partials]


def _text(derivative: Expr | float) -> str:
    return repr(derivative) if isinstance(derivative, Expr) else f"{derivative:g}"


def domain_text(row: ScalarOperation) -> str:
    """Return the intervals in which a row is smooth, where they are not all real numbers."""
    names = zip(ARGUMENT_NAMES, row.domain, strict=False)
    return "; ".join(f"{low:g} < {name} < {high:g}" for name, (low, high) in names if (low, high) != REALS)


def listed_rows() -> list[Operation]:
    """Return the rows the page lists: all, but of a family (``power[3]``) the first member alone."""
    families: set[str] = set()
    listed = []
    for row in list(OPERATIONS.values()):
        family = row.family if isinstance(row, ScalarOperation) else ""
        if family not in families:
            listed.append(row)
        families.update({family} - {""})
    return listed


def name_of(name: str) -> str:
    """Return a name as code, with a mark where `graphc` itself has no such attribute."""
    namespaces = {"linalg": graphc.linalg, "random": graphc.random}
    known = {*graphc.__all__, *(f"{space}.{each}" for space in namespaces for each in namespaces[space].__all__)}
    return code(name) + ("" if name.partition("[")[0] in known else NO_FUNCTION)


def aliases_of(name: str) -> str:
    """Return the other names of a function."""
    function = FUNCTIONS.get(name)
    names = sorted(key for key, value in FUNCTIONS.items() if value is function and key != name) if function else []
    return ", ".join(name_of(key) for key in names)


def _scalar_rows() -> Iterable[list[str]]:
    for row in listed_rows():
        if isinstance(row, ScalarOperation):
            derivatives = "; ".join(code(text) for text in derivative_texts(row)) if _has_derivative(row) else "none"
            bound = f"{row.ulp:g}" if row.rule in ("float", "number", "select") else ""
            yield [
                name_of(row.name), aliases_of(row.name), code(row.definition), derivatives,
                DTYPE_RULES[row.rule], domain_text(row), row.convention, bound,
            ]  # fmt: skip


def _has_derivative(row: ScalarOperation) -> bool:
    return bool(row.pushes or any(partial is not None for partial in row.partials))


def _reductions() -> str:
    """Return the table of the reductions."""
    return markdown_table(
        ["operation", "also", "meaning", "folds with", "convention"],
        (
            [name_of(row.name), aliases_of(row.name), code(row.definition), code(row.fold), row.convention]
            for row in OPERATIONS.values()
            if isinstance(row, ReductionOperation)
        ),
    )


def operations_page() -> str:
    """Return docs/operations.md: every row of the operation tables."""
    scalar = markdown_table(
        ["operation", "also", "meaning", "derivatives", "dtypes", "smooth where", "convention", "ulp"], _scalar_rows()
    )
    movements = ", ".join(name_of(row.name) for row in OPERATIONS.values() if isinstance(row, MovementOperation))
    matrices = ", ".join(code(row.name) for row in OPERATIONS.values() if isinstance(row, MatrixOperation))
    others = ", ".join(name_of(name) for name in sorted(FUNCTIONS) if name not in OPERATIONS)
    return f"""{NOTICE}

# Operations

Derivatives are in the arguments `x`, `y`, `z`; those of linear rows show what the adjoint `g` becomes.
Each is proved against the meaning by SymPy in the tests; `ulp` bounds the error of the compiled code in units in
the last place, `nan` propagates, and adjoints of singular rows are 0 wherever what they multiply is 0.

Names with {NO_FUNCTION} are no functions of `graphc`: operators, methods, derivatives and
NumPy's functions build these nodes.

## Scalar operations, element by element

{scalar}

## Reductions over axes

{_reductions()}

## Movements

{movements}: each says where every element of its result comes from; the derivative moves it back.

## Contraction

`contract`: a sum of products over named axes, as `einsum` writes it. All products of matrices are this one row.

## Matrices

{matrices}: computed by LAPACK, matrix by matrix; see [linear algebra](linear_algebra.md).

{lookups_text()}

## Functions made of these, and other names

{others}.
"""


def lookups_text() -> str:
    """Return the part of docs/operations.md about rows whose places or results are integers."""
    native = markdown_table(
        ["operation", "meaning"],
        ([name_of(row.name), row.definition] for row in OPERATIONS.values() if isinstance(row, NativeOperation)),
    )
    return f"""## Look-ups

`gather` is the movement whose index map reads arrays of integers; `scatter` writes: a copy of its first argument, then
`result[place] = fold(result[place], value)` for each value in memory order; the fold is set, add, multiply, maximum or
minimum. Sums written are the adjoint of what is read, and the reverse. Of several values set at one place the last
has the derivative; extremes share it evenly; products are exact with zeros.

## Positions

{native}

They are int64 and have no derivative."""


def rewrites_page() -> str:
    """Return docs/rewrites.md: every rewrite rule by what it promises."""
    parts = [NOTICE, "# Rewrite rules", "Each lowers a measure, so rewriting ends; each is proved in the tests."]
    for group in Group:
        rows = [[code(rule.name), code(rule.statement)] for rule in RULES if rule.group is group]
        parts.append(f"## {group.name}: {group.value}\n\n{markdown_table(['rule', 'equation'], rows)}")
    return "\n\n".join(parts) + "\n"


def switches_text() -> str:
    """Return the table of GRAPHC_* switches."""
    return markdown_table(
        ["variable", "default", "meaning"],
        ([code(variable), code(default), meaning] for variable, default, meaning in settings_table()),
    )


def with_switches(page: str) -> str:
    """Return a page with the table between its two markers made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{switches_text()}\n\n{END}{after}"


def pages(folder: Path) -> dict[Path, str]:
    """Return the text each generated page of a documentation folder should have."""
    debugging = folder / "debugging.md"
    return {
        folder / "operations.md": operations_page(),
        folder / "rewrites.md": rewrites_page(),
        debugging: with_switches(debugging.read_text(encoding="utf-8")),
    }


def main(folder: str = "docs") -> None:
    """Write the generated pages."""
    for path, text in pages(Path(folder)).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
