"""Numba's compiler as kernels need it: no two arrays overlap, and LLVM optimises the whole at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import codegen, compiler


class KernelLibrary(codegen.JITCodeLibrary):  # type: ignore[misc]
    """The machine code of one kernel."""

    def _optimize_functions(self, module: Any) -> None:
        """Leave every function as it is until all calls are inlined; only set what Numba's pass sets besides.

        Numba's pass over single functions unrolls short loops of known length. What they call is then inlined
        many times over, and what was a loop is vectorised no more: docs/decisions/06-one-optimisation.md.
        """
        module.data_layout = self._codegen._data_layout


class KernelCompiler(compiler.Compiler):  # type: ignore[misc]
    """Numba's compiler, told that no two arrays overlap: the caller sees to it, and loops vectorise."""

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        """Return what a function is compiled to, into a library of a kernel's own kind."""
        self.state.flags.noalias = True
        self.state.library = KernelLibrary(self.state.targetctx.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)
