"""Numba's compiler as kernels need it: arrays do not overlap, LLVM optimises all at once, calls are by frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import codegen, compiler
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

from graphc.backends.frames import add_frame_function
from graphc.backends.interleaving import take_several_vectors, waiting_loops


class KernelLibrary(codegen.JITCodeLibrary):  # type: ignore[misc]
    """The machine code of one kernel."""

    def _optimize_functions(self, module: Any) -> None:
        """Leave every function as it is until all calls are inlined; only set what Numba's pass sets besides.

        Numba's pass over single functions unrolls short loops of known length. What they call is then inlined
        many times over, and what was a loop is vectorised no more: docs/decisions/06-one-optimisation.md.
        """
        module.data_layout = self._codegen._data_layout


class _Lower(Lower):  # type: ignore[misc]
    """Lowering that makes a function of a frame in place of Numba's wrapper, which is long where arrays are many."""

    def lower_function_body(self) -> Any:
        """Lower the function, its loops of elementary functions for several vectors at a time."""
        self.waiting = list(waiting_loops(self.blocks, self.fndesc.typemap))
        return super().lower_function_body()

    def post_block(self, block: Any) -> None:
        """Note at the jump back to a loop's head how many vectors the loop takes."""
        super().post_block(block)
        if any(jump is block.terminator for jump in self.waiting):
            take_several_vectors(self.builder.block.terminator)

    def create_cpython_wrapper(self, release_gil: bool = False) -> None:
        """Add what calls the kernel; see `graphc.backends.frames`."""
        add_frame_function(self.context, self.library, self.fndesc)


@register_pass(mutates_CFG=True, analysis_only=False)
class _KernelLowering(NativeLowering):  # type: ignore[misc]
    """The pass of it."""

    _name = "kernel_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        """What this pass lowers by."""
        return _Lower


class KernelCompiler(compiler.Compiler):  # type: ignore[misc]
    """Numba's compiler, told that no two arrays overlap: the caller sees to it, and loops vectorise."""

    library: type[codegen.JITCodeLibrary] = KernelLibrary

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        """Return what a function is compiled to, into a library of a kernel's own kind."""
        self.state.flags.noalias = True
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes with the lowering of kernels in the place of its own."""
        pipelines: list[Any] = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [
                (_KernelLowering if each is NativeLowering else each, words) for each, words in pipeline.passes
            ]
            pipeline.finalize()
        return pipelines


class LoopLibrary(KernelLibrary):
    """A function that is only ever linked into a kernel: neither optimised nor made machine code of before that."""

    def _optimize_final_module(self) -> None:
        """Leave it to the kernel."""

    def _finalize_final_module(self) -> None:
        """Make no machine code."""
        self._finalize_dynamic_globals()
        self._finalized = True


class LoopCompiler(KernelCompiler):
    """The compiler of functions that kernels call."""

    library = LoopLibrary

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        """Return what a function is compiled to. Python has nothing to call: Numba is given what stands for it."""
        self.state.flags.no_compile = True
        self.state.flags.no_cpython_wrapper = True
        return super().compile_extra(function)._replace(entry_point=len)
