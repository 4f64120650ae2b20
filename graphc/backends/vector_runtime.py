"""What generated modules with loops import: the names of `runtime`, elementary functions by vector mathematics."""

from __future__ import annotations

import platform
import re
from typing import Any

import llvmlite.binding

from graphc.backends import mathlib, runtime, vector_math
from graphc.backends.selection import has_wide_vectors, use_wide_vectors
from graphc.backends.source import FUNCTION
from graphc.backends.vectormath.functions import FUNCTIONS
from graphc.kernel.ir import Assign, Kernel, Loop
from graphc.kernel.walk import walk_statements

math = vector_math
NAMES: dict[str, Any] = {name: value for name, value in vars(runtime).items() if name in runtime.__all__}
globals().update({**NAMES, **mathlib.NAMES, **FUNCTIONS, "math": vector_math})

__all__ = ["math", "use_wide_vectors", "with_vector_math"]


def has_fused_arithmetic() -> bool:
    """Tell whether the processor multiplies and adds in one step, which the reductions of arguments rely on."""
    return bool(llvmlite.binding.get_host_cpu_features().get("fma")) or platform.machine() in ("arm64", "aarch64")


def with_vector_math(text: str, kernel: Kernel, precise: bool) -> str:
    """Return a module's text that uses vector mathematics and wide vectors, where the kernel has loops for them.

    Straight-line code and recurrences keep the C library: for single numbers it is faster.
    """
    loops = [statement for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]
    if all(any(isinstance(inner, Assign) for inner in loop.body) for loop in loops):
        return text
    if has_wide_vectors():
        text = re.sub(rf"^def {FUNCTION}\w*\(.*\):\n", r"\g<0>    use_wide_vectors()\n", text, flags=re.MULTILINE)
        text = f"from {__name__} import use_wide_vectors\n{text}"
    return (
        text
        if precise or not has_fused_arithmetic()
        else text.replace(f"from {runtime.__name__} ", f"from {__name__} ")
    )
