"""The documentation of the functions of scalar rows, written from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphc.ops.scalar_row import ScalarOperation

DTYPE_RULES = {
    "float": "floats; integers become float64",
    "number": "numbers, kept",
    "compare": "numbers to bool",
    "logic": "bool",
    "test": "floats to bool",
    "select": "bool, then two of one dtype",
    "any": "any, kept",
    "bits": "uint64, kept",
}
"""What the dtype rules of rows mean, for the documentation."""


def docstring_of(row: ScalarOperation, names: Sequence[str]) -> str:
    """Return the docstring of a row's function, whose arguments have these names."""
    several = len(names) > 1
    parts = [f"Return {row.summary or f'``{row.definition}``'}, for each element."]
    if row.convention:
        parts.append(f"At the edges: {row.convention}.")
    kinds = "expressions, arrays or numbers, of shapes that broadcast" if several else "an expression, array or number"
    parts.append(f"Args:\n    {', '.join(names)}: {kinds}; dtypes: {DTYPE_RULES[row.rule]}.")
    errors = "Raises:\n    DTypeError: arguments of other dtypes."
    parts.append(errors + ("\n    ShapeError: shapes that do not broadcast." if several else ""))
    if row.example:
        arguments, value = row.example
        call = f"gx.compile(gx.{row.name}({arguments}))()"
        parts.append(f"Example:\n    >>> import graphc as gx\n    >>> {call}\n    {value}")
    return "\n\n".join(parts) + "\n"
