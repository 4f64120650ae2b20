"""LLVM IR for scalar rows: a template for each code that is an instruction or a call of libm, as Numba emits it.

The keys are the rows' own codes: a row whose code is not here is compiled by Numba, once for each dtype.
Templates name the result {r}, the operands {x}, {y}, {z}, and give temporaries names that begin with {r}.
"""

from __future__ import annotations

import struct

from graphc.graph.types import is_float

TYPES = {
    "float64": "double", "float32": "float", "bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32",
    "int64": "i64", "uint8": "i8", "uint16": "i16", "uint32": "i32", "uint64": "i64",
}  # fmt: skip
INTRINSICS = ("sin", "cos", "exp", "log", "log10")
"""Functions of ``math`` that are LLVM intrinsics."""
LIBRARY = ("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "expm1", "log1p")
"""Functions of ``math`` that are libm's, with an f at the end for float32."""

_FLOAT = {
    "{x} + {y}": "{r} = fadd FLAGS T {x}, {y}",
    "{x} - {y}": "{r} = fsub FLAGS T {x}, {y}",
    "{x} * {y}": "{r} = fmul FLAGS T {x}, {y}",
    "{x} / {y}": "{r} = fdiv FLAGS T {x}, {y}",
    "{x} * {x}": "{r} = fmul FLAGS T {x}, {x}",
    "{x} * {x} * {x}": "{r}a = fmul FLAGS T {x}, {x}\n{r} = fmul FLAGS T {r}a, {x}",
    "({x} * {x}) * ({x} * {x})": "{r}a = fmul FLAGS T {x}, {x}\n{r} = fmul FLAGS T {r}a, {r}a",
    "-{x}": "{r} = fneg FLAGS T {x}",
    "{one} / {x}": "{r} = fdiv FLAGS T ONE, {x}",
    "abs({x})": "{r} = call FLAGS T @llvm.fabs.SUFFIX(T {x})",
    "math.sqrt({x})": "{r} = call FLAGS T @llvm.sqrt.SUFFIX(T {x})",
    "{x}": "{r} = select i1 true, T {x}, T {x}",
    "({x} * {y} if {x} != {zero} else {x})": (
        "{r}a = fmul FLAGS T {x}, {y}\n{r}b = fcmp une T {x}, ZERO\n{r} = select i1 {r}b, T {r}a, T {x}"
    ),
    "({x} / {y} if {x} != {zero} else {x})": (
        "{r}a = fdiv FLAGS T {x}, {y}\n{r}b = fcmp une T {x}, ZERO\n{r} = select i1 {r}b, T {r}a, T {x}"
    ),
    "({x} * {y} if ({x} != {zero}) & ({y} != {zero}) else {zero})": (
        "{r}a = fmul FLAGS T {x}, {y}\n{r}b = fcmp une T {x}, ZERO\n{r}c = fcmp une T {y}, ZERO\n"
        "{r}d = and i1 {r}b, {r}c\n{r} = select i1 {r}d, T {r}a, T ZERO"
    ),
    "({x} if ({x} >= {y}) | ({x} != {x}) else {y})": (
        "{r}a = fcmp oge T {x}, {y}\n{r}b = fcmp une T {x}, {x}\n{r}c = or i1 {r}a, {r}b\n"
        "{r} = select i1 {r}c, T {x}, T {y}"
    ),
    "({x} if ({x} <= {y}) | ({x} != {x}) else {y})": (
        "{r}a = fcmp ole T {x}, {y}\n{r}b = fcmp une T {x}, {x}\n{r}c = or i1 {r}a, {r}b\n"
        "{r} = select i1 {r}c, T {x}, T {y}"
    ),
    "{x} < {y}": "{r} = fcmp olt T {x}, {y}",
    "{x} <= {y}": "{r} = fcmp ole T {x}, {y}",
    "{x} > {y}": "{r} = fcmp ogt T {x}, {y}",
    "{x} >= {y}": "{r} = fcmp oge T {x}, {y}",
    "{x} == {y}": "{r} = fcmp oeq T {x}, {y}",
    "{x} != {y}": "{r} = fcmp une T {x}, {y}",
    "{x} != {x}": "{r} = fcmp une T {x}, {x}",
    **{f"math.{name}({{x}})": f"{{r}} = call FLAGS T @llvm.{name}.SUFFIX(T {{x}})" for name in INTRINSICS},
    **{f"math.{name}({{x}})": f"{{r}} = call FLAGS T @{name}LETTER(T {{x}})" for name in LIBRARY},
}
_INTEGER = {
    "{x} + {y}": "{r} = add T {x}, {y}",
    "{x} - {y}": "{r} = sub T {x}, {y}",
    "{x} * {y}": "{r} = mul T {x}, {y}",
    "{x} * {x}": "{r} = mul T {x}, {x}",
    "-{x}": "{r} = sub T 0, {x}",
    "{x}": "{r} = select i1 true, T {x}, T {x}",
    "{x} < {y}": "{r} = icmp SIGNlt T {x}, {y}",
    "{x} <= {y}": "{r} = icmp SIGNle T {x}, {y}",
    "{x} > {y}": "{r} = icmp SIGNgt T {x}, {y}",
    "{x} >= {y}": "{r} = icmp SIGNge T {x}, {y}",
    "{x} == {y}": "{r} = icmp eq T {x}, {y}",
    "{x} != {y}": "{r} = icmp ne T {x}, {y}",
}
SELECT = "({y} if {x} else {z})"


def template(code: str, argument: str, result: str, flags: str) -> tuple[str, str] | None:
    """Return the instructions of a row's code on a dtype and the declaration they need; None if there are none.

    Args:
        code: the code column of the row.
        argument: dtype of the last argument, which all have but a condition.
        result: dtype of the result.
        flags: fast-math flags for floating-point instructions, in LLVM's words.
    """
    if code == SELECT:
        return f"{{r}} = select i1 {{x}}, {TYPES[argument]} {{y}}, {TYPES[argument]} {{z}}", ""
    found = (_FLOAT if is_float(argument) else _INTEGER if argument != "bool" else {}).get(code)
    if found is None:
        return None
    words = {
        "FLAGS ": f"{flags} " if flags else "",
        "SUFFIX": "f64" if argument == "float64" else "f32",
        "LETTER": "" if argument == "float64" else "f",
        "SIGN": "u" if argument.startswith("u") else "s",
        "ONE": literal(argument, 1.0),
        "ZERO": literal(argument, 0.0),
        "T ": TYPES[argument] + " ",
    }
    for word, text in words.items():
        found = found.replace(word, text)
    called = found.partition("@")[2].partition("(")[0]
    kind = TYPES[argument]
    pure = "" if called.startswith("llvm.") else " nounwind memory(none)"
    return found, f"declare {kind} @{called}({kind}){pure}" if called else ""


def cast_template(source: str, target: str) -> str | None:
    """Return the instruction of a conversion; None for those that need care (to integers and bool from floats)."""
    first, second = TYPES[source], TYPES[target]
    unsigned = source == "bool" or source.startswith("u")
    if first == second:
        return f"{{r}} = select i1 true, {first} {{x}}, {first} {{x}}"
    if is_float(source):
        if not is_float(target):
            return None
        operation = "fpext" if target == "float64" else "fptrunc"
    elif is_float(target):
        operation = "uitofp" if unsigned else "sitofp"
    elif target == "bool":
        return None
    else:
        operation = "trunc" if _bits(second) < _bits(first) else "zext" if unsigned else "sext"
    return f"{{r}} = {operation} {first} {{x}} to {second}"


def _bits(kind: str) -> int:
    return int(kind[1:])


def literal(dtype: str, value: float | str) -> str:
    """Return a number as LLVM writes it: the bits of a double for floats."""
    if dtype == "bool":
        return "true" if str(value) in ("True", "1") else "false"
    if not is_float(dtype):
        return str(int(value))
    number = float(value)
    if dtype == "float32":
        (number,) = struct.unpack("<f", struct.pack("<f", number))
    return "0x" + struct.pack(">d", number).hex().upper()
