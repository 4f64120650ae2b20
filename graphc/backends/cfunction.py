"""A program as a C function, for callers that take function pointers (``scipy.LowLevelCallable``, ODE codes)."""

from __future__ import annotations

from typing import Any

from numba import cfunc, types

from graphc.backends.program import CpuProgram, Program
from graphc.errors import UnsupportedError


def make_c_function(program: Program) -> Any:
    """Return Numba's C function ``double f(double, ..., double)`` of a program; keep it as long as its address.

    Raises:
        UnsupportedError: the program takes or returns anything but float64 numbers, or is not native.
    """
    nodes = [*program.job.inputs, *program.job.outputs]
    numbers = all(node.dtype == "float64" and not node.shape for node in nodes) and len(program.job.outputs) == 1
    if not isinstance(program, CpuProgram) or not program.native.function or not numbers:
        raise UnsupportedError(
            "a C function takes float64 numbers and returns one, compiled for the CPU",
            remedy="compile one scalar expression of scalar float64 symbols",
        )
    names = ", ".join(f"a{number}" for number in range(len(program.job.inputs)))
    scope: dict[str, Any] = {"kernel": program.kernel}
    exec(f"def function({names}):\n    return kernel({names})[0]", scope)
    return cfunc(types.float64(*[types.float64] * len(program.job.inputs)))(scope["function"])
