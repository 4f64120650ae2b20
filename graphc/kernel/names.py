"""Names in kernels: the user's where they are free, never Python's or the compiler's own."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence

from graphc.graph.table import OPERATIONS
from graphc.ops.scalar_row import ScalarOperation

_OWN = re.compile(
    r"(v|w|b|c|i|k|out|acc|view|best|at|step|back)\d+(_end|_nth|_edge|(_[ibk]?\d+)+)?|columns\d+|kernel(_[0-9a-f]+)?|np|inf|nan"
    r"|gem[mv]|syrk|(add|dot)_rows|sum_any_order|select|float(32|64)|u?int\d+|bool_"
    r"|lapack_\w+(?<!_)|threads|chunk\w*(?<!_)|in_(one|chunks)|empty|fail_if|grown|(limit|free)_blas|gemm_in_parts"
    r"|argsort|searchsorted|call_loop"
)
"""What the compiler itself names variables, and the types and library calls generated code uses."""
_WORD = re.compile(r"(?<![\w.{])[A-Za-z_]\w*")
_NO_HELPERS = {"if", "else", "not", "and", "or", "abs", "True", "False"}


def helpers_in(code: str) -> set[str]:
    """Return the functions and modules that a row's code names."""
    return set(_WORD.findall(code)) - _NO_HELPERS


def unique_names(wanted: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Return a usable, distinct variable name for each wanted one, in the form Python reads it in."""
    used = set(taken).union(*(helpers_in(row.code) for row in OPERATIONS.values() if isinstance(row, ScalarOperation)))
    result = []
    for name in wanted:
        name = unicodedata.normalize("NFKC", name)
        while name in used or keyword.iskeyword(name) or hasattr(builtins, name) or _OWN.fullmatch(name):
            name += "_"
        used.add(name)
        result.append(name)
    return result
