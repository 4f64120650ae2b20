"""Names in kernels: the user's where they are free, never Python's or the compiler's own."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Sequence

_OWN = re.compile(r"(v|w|c|i|k|out|acc|view|best|at)\d+|kernel.*|math|np|float32|float64|u?int\d+|bool_?")
"""What the compiler itself names variables, and the modules and types generated code uses."""


def unique_names(wanted: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Return a usable, distinct variable name for each wanted one."""
    used = set(taken)
    result = []
    for name in wanted:
        while name in used or keyword.iskeyword(name) or hasattr(builtins, name) or _OWN.fullmatch(name):
            name += "_"
        used.add(name)
        result.append(name)
    return result
