"""Calls of the C library for a few elements of a vector: loops with such a call in a branch still vectorise.

LLVM's vectoriser takes a call when it knows the function's vector variants (its vector function ABI). The
variants here look at their mask first, which is almost always empty.
"""

from __future__ import annotations

import platform
import zlib
from typing import Any

import llvmlite.binding
from llvmlite import ir

from graphc.backends.vectormath.emit import Format, Number

WIDTHS = {"float64": (2, 4, 8), "float32": (4, 8, 16)}
ATTRIBUTES = ("noinline", "nounwind", "readnone", "willreturn")
INDEX = ir.IntType(32)
HAS_KEEPING_CALLS = platform.machine() in ("x86_64", "AMD64") and llvmlite.binding.llvm_version_info[0] >= 22
CONVENTION = "intel_ocl_bicc" if HAS_KEEPING_CALLS else ""
"""One that keeps half of the vector registers over a call, so that a loop's constants stay in them.

LLVM 20 does not vectorise calls of such functions; 22 does.
"""


def from_library(x: Number, name: str) -> Number:
    """Return a function's value by the C library."""
    function = _library_function(x.builder.module, name, x.format)
    return Number(x.builder, x.builder.call(function, [x.value], cconv=CONVENTION), x.format)


def _library_function(module: ir.Module, name: str, form: Format) -> ir.Function:
    """Return a function that calls the C library, written into the module when it is first asked for."""
    symbol = f"graphc_far_{name}_{form.name}_{zlib.crc32(module.name.encode()):08x}"
    if symbol in module.globals:
        return module.globals[symbol]
    function = _declared(module, symbol, ir.FunctionType(form.real, [form.real]))
    library = module.declare_intrinsic(f"llvm.{name}", [form.real])
    narrower: ir.Function | None = None
    mappings = []
    for width in WIDTHS[form.name]:
        narrower = _variant(module, f"{symbol}_{width}", form, width, narrower or library)
        mappings.append(f"_ZGV_LLVM_M{width}v_{symbol}({symbol}_{width})")
    set.add(function.attributes, '"vector-function-abi-variant"="' + ",".join(mappings) + '"')
    _call_widest(function, narrower, WIDTHS[form.name][-1])
    return function


def _declared(module: ir.Module, symbol: str, kind: Any) -> ir.Function:
    """Return a new function, which other modules may hold too and which depends on its arguments alone."""
    function = ir.Function(module, kind, symbol)
    function.linkage = "linkonce_odr"
    function.calling_convention = CONVENTION
    for attribute in ATTRIBUTES:
        set.add(function.attributes, attribute)
    return function


def _variant(module: ir.Module, symbol: str, form: Format, width: int, inner: ir.Function) -> ir.Function:
    """Return the function on vectors of a width, under a mask: by halves, or number by number."""
    vector, mask = ir.VectorType(form.real, width), ir.VectorType(ir.IntType(1), width)
    function = _declared(module, symbol, ir.FunctionType(vector, [vector, mask]))
    builder = ir.IRBuilder(function.append_basic_block())
    values, active = function.args
    bits = builder.bitcast(active, ir.IntType(width))
    with builder.if_then(builder.icmp_unsigned("==", bits, ir.Constant(bits.type, 0)), likely=True):
        builder.ret(values)
    narrow = len(inner.args)
    result = values
    if narrow == 2:
        half = inner.args[0].type.count
        parts = []
        for start in (0, half):
            lanes = ir.Constant(ir.VectorType(INDEX, half), [start + lane for lane in range(half)])
            pair = (builder.shuffle_vector(values, values, lanes), builder.shuffle_vector(active, active, lanes))
            parts.append(builder.call(inner, pair, cconv=CONVENTION))
        lanes = ir.Constant(ir.VectorType(INDEX, width), list(range(width)))
        result = builder.shuffle_vector(parts[0], parts[1], lanes)
    else:
        for lane in range(width):
            place = ir.Constant(INDEX, lane)
            given = builder.extract_element(values, place)
            result = builder.insert_element(result, builder.call(inner, [given]), place)
    builder.ret(result)
    return function


def _call_widest(function: ir.Function, variant: Any, width: int) -> None:
    """Write the scalar function: lane 0 of the widest variant, which keeps all variants in the module."""
    builder = ir.IRBuilder(function.append_basic_block())
    vector, mask = variant.args[0].type, variant.args[1].type
    filled = builder.insert_element(ir.Constant(vector, None), function.args[0], ir.Constant(INDEX, 0))
    first = ir.Constant(mask, [1] + [0] * (width - 1))
    builder.ret(
        builder.extract_element(builder.call(variant, [filled, first], cconv=CONVENTION), ir.Constant(INDEX, 0))
    )
