"""Long straight-line runs become blocks of LLVM IR: the same bits as the source, whatever the rows and dtypes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends import block_text, cpu, straight
from graphc.backends import native as blocks
from graphc.backends.block_text import CHUNK
from graphc.backends.calls import make_call
from graphc.backends.straight import LONGEST_SOURCE
from graphc.graph.leaf import symbol_name
from graphc.graph.node import Expr, build
from graphc.graph.table import OPERATIONS
from graphc.graph.types import is_float
from graphc.kernel.ir import Accumulate, Assign, Buffer, Call, Const, Kernel, Let, Load, Name, Statement, Store
from graphc.ops.scalar import ASTYPE
from graphc.ops.scalar_row import CastOperation, ScalarOperation

ROWS = [op for op in OPERATIONS.values() if isinstance(op, ScalarOperation) and not isinstance(op, CastOperation)]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.3, -2.7, 1e-310, 40.0, 1e200, float("inf"), float("-inf"), float("nan")]
INTEGERS = [0, 1, -1, 7, -13, 2**31 - 1]


def takes(operation: ScalarOperation, dtype: str) -> bool:
    """Tell whether a row computes on a dtype as it is."""
    if operation.rule in ("float", "test"):
        return is_float(dtype)
    if operation.rule == "bits":
        return dtype == "uint64"
    if operation.rule == "logic":
        return dtype == "bool"
    return dtype != "bool" or operation.rule in ("select", "any")


def kernel_of_rows(dtype: str) -> Kernel:
    """Return a kernel that applies every row to inputs of a dtype."""
    inputs = tuple(gx.symbol(name, dtype=dtype) for name in "xyz")
    condition = gx.symbol("condition", dtype="bool")
    outputs: list[Expr] = []
    for operation in ROWS:
        if takes(operation, dtype):
            arguments = (condition, *inputs[:2]) if operation.rule == "select" else inputs[: operation.arity]
            outputs.append(build(operation, *arguments))
    outputs.extend(build(ASTYPE, inputs[0], dtype=target) for target in _targets(dtype))
    names = [Name(f"v{number}", output.dtype) for number, output in enumerate(outputs)]
    body = [
        Let(name.name, Call(node.op.name, tuple(_leaf(a) for a in node.args), node.dtype, node.attributes))
        for name, node in zip(names, outputs, strict=True)
    ]
    return Kernel((*(_leaf(node) for node in inputs), Name("condition", "bool")), {}, tuple(body), tuple(names))


def _leaf(node: Expr) -> Name:
    return Name(symbol_name(node), node.dtype)


def _targets(dtype: str) -> list[str]:
    """Return the dtypes that values of a dtype are cast to: integers only where every value fits."""
    if is_float(dtype):
        return ["float32", "float64", "bool"]
    if dtype == "bool":
        return ["float32", "float64", "int64", "int8"]
    return ["float32", "float64", "int64", "int32", "int8", "uint64", "bool"]


def native(kernel: Kernel, longest: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a call of the compiled kernel, runs longer than a number of statements as blocks."""
    monkeypatch.setattr(straight, "LONGEST_SOURCE", longest)
    compiled = cpu.compile_kernel(kernel, cached=False)
    assert ("straight_block" in compiled.text) == (longest < len(kernel.body))
    return make_call(kernel, compiled, {})


def bits(values: Any) -> list[Any]:
    """Return values by their bits, every NaN as one."""
    return ["nan" if value != value else np.asarray(value).tobytes() for value in values]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "uint8", "uint64", "bool"])
def test_every_scalar_row_gives_the_same_bits_in_a_block_as_in_source(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernel_of_rows(dtype)
    block, source = native(kernel, 0, monkeypatch), native(kernel, 10**6, monkeypatch)
    values: list[Any] = FLOATS if is_float(dtype) else [False, True] if dtype == "bool" else INTEGERS
    kind = np.dtype(dtype).type
    chosen = list(itertools.product(values, repeat=2))
    for number, (x, y) in enumerate(chosen):
        z = values[number % len(values)]
        with np.errstate(all="ignore"):
            arguments = [*np.asarray([x, y, z]).astype(kind), number % 2 == 0]
        got, wanted = bits(block(*arguments)), bits(source(*arguments))
        wrong = [str(kernel.body[n]) for n, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b]
        assert not wrong, (arguments, wrong)


def random_statements(count: int, seed: int) -> Kernel:
    """Return a kernel of many statements on scalars and elements of arrays, values used from far away too."""
    choose = random.Random(seed)
    known: list[Any] = [Name("x", "float64"), Name("y", "float64"), Const(0.75, "float64")]
    a, out = Buffer("a", "float64", (2, 3), "input"), Buffer("out", "float64", (4,), "output")
    body: list[Statement] = [Store("out", (Const(n, "int64"),), Const(0.0, "float64")) for n in range(4)]
    for number in range(count):
        op = choose.choice(["add", "subtract", "multiply", "sin", "tanh", "maximum", "expit", "where", "load", "store"])
        picked = [choose.choice(known[-6:] if choose.random() < 0.8 else known) for _ in range(3)]
        index = (Const(choose.randrange(4), "int64"),)
        if op == "store":
            body.append(Accumulate("out", index, "add", Call("sin", (picked[0],), "float64"), "float64"))
            continue
        if op == "load":
            value: Any = Load(
                "a", (Const(choose.randrange(2), "int64"), Const(choose.randrange(3), "int64")), "float64"
            )
        elif op == "where":
            value = Call("where", (Call("less", (picked[0], picked[1]), "bool"), picked[1], picked[2]), "float64")
        else:
            row = OPERATIONS[op]
            assert isinstance(row, ScalarOperation)
            value = Call("sin", (Call(op, tuple(picked[: row.arity]), "float64"),), "float64")
        body.append(Let(f"v{number}", value))
        known.append(Name(f"v{number}", "float64"))
    last = known[-1]
    body.append(Assign(last.name, Call("multiply", (last, Const(-1.0, "float64")), "float64")))
    return Kernel((Name("x", "float64"), Name("y", "float64"), a), {"a": a, "out": out}, tuple(body), (last, "out"))


@pytest.mark.parametrize("seed", range(4))
def test_random_statements_give_the_same_bits_in_functions_of_any_size(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = random_statements(150, seed)
    a = np.random.default_rng(seed).normal(size=(2, 3))
    monkeypatch.setattr(cpu, "STRICT", frozenset({"arcp"}))
    results = []
    for longest, size in [(10**6, CHUNK), (0, CHUNK), (0, 7), (0, 1)]:
        monkeypatch.setattr(block_text, "CHUNK", size)
        out, value = np.zeros(4), np.zeros(())
        native(kernel, longest, monkeypatch)(0.3, -1.2, a, out, value)
        results.append([value[()], *out])
        cpu._compiled.clear()
    assert [bits(result) for result in results[1:]] == [bits(results[0])] * 3


def long_chain(steps: int) -> tuple[Expr, Expr]:
    """Return a function of two numbers whose operations follow no pattern, and the first number."""
    choose = random.Random(0)
    a, b = gx.symbols("a b")
    values = [a, b]
    for _ in range(steps):
        x, y = values[-1], choose.choice(values[-9:])
        values.append(choose.choice([x + y, x * gx.cos(y), gx.sin(x) - y, gx.tanh(x * y), gx.exp(-x * x) + y]))
    return values[-1], a


@pytest.mark.parametrize("steps", [400, 800])
def test_the_compiled_module_has_a_bounded_number_of_statements(steps: int) -> None:
    function = gx.compile(long_chain(steps)[0])
    text = function._programs.program("value_and_grad")[0].native.text  # type: ignore[attr-defined]
    body = text[text.index("def ") :].splitlines()
    assert [line.split("(")[0].strip() for line in body[1:]] == ["return block_0"]
    assert function.value_and_grad(a=0.3, b=0.2) == function_of_source(function)


def function_of_source(function: Any) -> Any:
    """Return value and gradient of the same function, node by node."""
    value, gradient = gx.compile(function.outputs[0], backend="reference").value_and_grad(a=0.3, b=0.2)
    return pytest.approx(value, rel=1e-9), {name: pytest.approx(part, rel=1e-9) for name, part in gradient.items()}


def test_the_readable_source_has_every_statement() -> None:
    function = gx.compile(long_chain(400)[0])
    assert "straight_block" not in function.source
    assert function.source.count("math.") > LONGEST_SOURCE


def test_a_block_of_many_values_takes_its_memory_from_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = random_statements(200, 5)
    a, results = np.ones((2, 3)), []
    for places in (8192, 4):
        monkeypatch.setattr(blocks, "ON_STACK", places)
        out, value = np.zeros(4), np.zeros(())
        native(kernel, 0, monkeypatch)(0.3, -1.2, a, out, value)
        results.append([value[()], *out])
        cpu._compiled.clear()
    assert bits(results[0]) == bits(results[1])


def test_a_block_in_several_functions_holds_a_bounded_number_of_steps_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = "".join(f"0 {max(number, 0)} 1\n" for number in range(95))
    block = block_text.BlockText(
        ("float64", "float64"), (), (), (("add", ("float64",) * 2, "float64", ()),), (96,), steps
    )
    monkeypatch.setattr(block_text, "CHUNK", 10)
    text = block.module("whole", "contract", {})
    assert text.count("define internal") == 10
    assert text.count("fadd") == 95


def test_many_arguments_and_results() -> None:
    symbols = [gx.symbol(f"x{number}") for number in range(40)]
    total = gx.constant(1.0)
    for number in range(400):
        total = total * gx.cos(symbols[number * 7 % 40] + symbols[number * number % 40]) + symbols[number * 3 % 40]
    function = gx.compile([*gx.grad(total, wrt=symbols), gx.where(total > 0, total, -total)], inputs=symbols)
    given = np.linspace(-1, 1, 40)
    wanted = gx.compile(function.outputs, inputs=symbols, backend="reference")(*given)
    assert function(*given) == pytest.approx(wanted, rel=1e-9)


def test_statements_between_loops_become_blocks_too() -> None:
    x = gx.tensor("x", ("n",))
    total = gx.sum(x * x)
    value, a = long_chain(400)
    result = gx.sum(gx.exp(-x * (value + total)))
    function = gx.compile(result)
    assert "straight_block" in function._programs.program("call")[0].native.text  # type: ignore[attr-defined]
    given = {"a": 0.3, "b": 0.2, "x": np.linspace(0, 1, 5)}
    assert function(**given) == pytest.approx(gx.compile(result, backend="reference")(**given), rel=1e-9)
    assert a.shape == ()


SECOND = """
import random
import graphc as gx
choose = random.Random(0)
a, b = gx.symbols("a b")
values = [a, b]
for _ in range(400):
    x, y = values[-1], choose.choice(values[-9:])
    values.append(choose.choice([x + y, x * gx.cos(y), gx.sin(x) - y, gx.tanh(x * y), gx.expit(x * x) + y]))
function = gx.compile(values[-1])
print(repr(function.value_and_grad(a=0.3, b=0.2)), function.cache_hits)
"""


def test_a_second_process_loads_the_block_from_the_disk(run_python: Callable[..., str], tmp_path: Path) -> None:
    first = run_python(SECOND, GRAPHC_CACHE_DIR=str(tmp_path)).split()
    second = run_python(SECOND, GRAPHC_CACHE_DIR=str(tmp_path)).split()
    assert first[:-1] == second[:-1]
    assert (first[-1], second[-1]) == ("0", "1")


def test_plain_python_runs_the_readable_source(run_python: Callable[..., str]) -> None:
    native_result, plain_result = run_python(SECOND), run_python(SECOND, GRAPHC_JIT="0")
    assert float(native_result[1:].split(",")[0]) == pytest.approx(float(plain_result[1:].split(",")[0]), rel=1e-9)


def test_equal_kernels_are_compiled_once() -> None:
    first, second = (gx.compile(long_chain(400)[0])._programs.program("call")[0].native for _ in range(2))  # type: ignore[attr-defined]
    assert first is second
