"""Vector mathematics beside NumPy, JAX and PyTorch: `python -m benchmarks.mathlib_table`.

Prints a JSON line for each function, dtype and peer (ns an element, best of many calls on 100,000
elements in cache, all peers in turn), then the tables of docs/mathlib.md; the values of all peers are compared first.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRAPHC_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from scipy import special

import graphc as gx
from benchmarks.mathlib_errors import largest_error

SIZE = 100_000
SECONDS = 0.15
Call = Callable[[], Any]
Entry = tuple[Call, np.ndarray]
Range = tuple[float, float]
FUNCTIONS: dict[str, tuple[Callable[..., Any], Range]] = {
    "exp": (np.exp, (-10, 10)), "exp2": (np.exp2, (-10, 10)), "expm1": (np.expm1, (-2, 2)),
    "log": (np.log, (0.1, 10)), "log2": (np.log2, (0.1, 10)), "log10": (np.log10, (0.1, 10)),
    "log1p": (np.log1p, (-0.5, 5)), "tanh": (np.tanh, (-4, 4)), "sinh": (np.sinh, (-4, 4)), "cosh": (np.cosh, (-4, 4)),
    "asinh": (np.arcsinh, (-5, 5)), "acosh": (np.arccosh, (1, 9)), "atanh": (np.arctanh, (-1, 1)),
    "expit": (special.expit, (-8, 8)), "softplus": (lambda x: np.logaddexp(x.dtype.type(0), x), (-8, 8)),
    "log_sigmoid": (special.log_expit, (-8, 8)), "logit": (special.logit, (0, 1)),
    "sin": (np.sin, (-10, 10)), "cos": (np.cos, (-10, 10)), "tan": (np.tan, (-1.5, 1.5)),
    "asin": (np.arcsin, (-1, 1)), "acos": (np.arccos, (-1, 1)), "atan": (np.arctan, (-5, 5)),
    "atan2": (np.arctan2, (-3, 3)), "hypot": (np.hypot, (-3, 3)), "power": (np.power, (0.1, 4)),
    "cbrt": (np.cbrt, (-5, 5)), "erf": (special.erf, (-3, 3)), "erfc": (special.erfc, (-3, 5)),
}  # fmt: skip
"""NumPy's or SciPy's function, and the range of the arguments."""
TWO_NUMBERS = ("atan2", "hypot", "power")
CHAINS: dict[str, tuple[str, ...]] = {
    "exp(tanh(log(x)))": ("log", "tanh", "exp"),
    "log(expit(exp(x)))": ("exp", "expit", "log"),
    "tanh(expit(sin(x)))": ("sin", "expit", "tanh"),
}
TORCH = {"expit": "sigmoid", "log_sigmoid": "logsigmoid", "power": "pow"}
JAX = {
    "expit": "jax.nn:sigmoid", "softplus": "jax.nn:softplus", "log_sigmoid": "jax.nn:log_sigmoid",
    "logit": "jax.scipy.special:logit", "erf": "jax.lax:erf", "erfc": "jax.lax:erfc",
}  # fmt: skip


def best(calls: list[Call]) -> list[float]:
    """Return the shortest time of each call, in ns an element; the calls take turns."""
    shortest, end = [float("inf")] * len(calls), time.perf_counter() + SECONDS * len(calls)
    while time.perf_counter() < end:
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            shortest[number] = min(shortest[number], time.perf_counter() - start)
    return [seconds / SIZE * 1e9 for seconds in shortest]


def composed(names: tuple[str, ...], functions: Callable[[str], Callable[..., Any]]) -> Callable[..., Any]:
    """Return the function that applies the named ones, the first first."""

    def call(*values: Any) -> Any:
        for name in names:
            values = (functions(name)(*values),)
        return values[0]

    return call


def compiled(names: tuple[str, ...], values: list[np.ndarray], precise: bool) -> Entry:
    """Return a call of our kernel, which writes into an array, and its values."""
    symbols = [gx.tensor(f"x{number}", ("n",), str(value.dtype)) for number, value in enumerate(values)]
    fn = gx.compile(composed(names, lambda name: getattr(gx, name))(*symbols), symbols, precise=precise)
    out = np.empty_like(values[0])
    return (lambda: fn(*values, out=out)), fn(*values)


def in_torch(names: tuple[str, ...], values: list[np.ndarray]) -> Entry | None:
    """Return a call of PyTorch, and its values; None where it has no such function."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    found = {}
    for name in names:
        other = TORCH.get(name, name)
        found[name] = getattr(torch, other, None) or getattr(torch.nn.functional, other, None)
    given = [torch.from_numpy(value) for value in values]
    function = composed(names, lambda name: found[name])
    return None if None in found.values() else ((lambda: function(*given)), function(*given).numpy())


def in_jax(names: tuple[str, ...], values: list[np.ndarray]) -> Entry | None:
    """Return a call of JAX, and its values."""
    try:
        jax = importlib.import_module("jax")
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)

    def named(name: str) -> Callable[..., Any]:
        module, _, attribute = JAX.get(name, f"jax.numpy:{name}").partition(":")
        return getattr(importlib.import_module(module), attribute)

    function = jax.jit(composed(names, named))
    given = [jax.numpy.asarray(value) for value in values]
    return (lambda: function(*given).block_until_ready()), np.asarray(function(*given))


def measure(label: str, names: tuple[str, ...], dtype: str) -> dict[str, float]:
    """Return ns an element of each peer, their values compared."""
    generator = np.random.default_rng(0)
    count = 2 if names[0] in TWO_NUMBERS else 1
    values = [generator.uniform(*FUNCTIONS[names[0]][1], SIZE).astype(dtype) for _ in range(count)]
    in_numpy = composed(names, lambda name: FUNCTIONS[name][0])
    expected = in_numpy(*values)
    peers: dict[str, Entry | None] = {
        "graphc": compiled(names, values, precise=False),
        "precise": compiled(names, values, precise=True),
        "numpy": ((lambda: in_numpy(*values)), expected),
        "torch": in_torch(names, values),
        "jax": in_jax(names, values),
    }
    present = {peer: entry for peer, entry in peers.items() if entry is not None}
    for _, got in present.values():
        np.testing.assert_allclose(got, expected, rtol=1e-12 if dtype == "float64" else 1e-4, atol=1e-6)
    found = dict(zip(present, best([call for call, _ in present.values()]), strict=True))
    for peer, time_taken in found.items():
        print(json.dumps({"function": label, "dtype": dtype, "peer": peer, "ns": round(time_taken, 3)}), flush=True)
    return found


def table(kinds: dict[str, tuple[str, ...]], with_errors: bool) -> list[str]:
    """Return the lines of a table, a row for each function and dtype."""
    peers = ("graphc", "precise", "numpy", "torch", "jax")
    heads = ["function", "dtype", *(["largest error seen (ulp)"] if with_errors else []), *peers]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for label, names in kinds.items():
        for dtype in ("float64", "float32"):
            found = measure(label, names, dtype)
            times = [f"{found[peer]:.2f}" if peer in found else "-" for peer in peers]
            error = [f"{largest_error(label, dtype, FUNCTIONS[label][0]):.2f}"] if with_errors else []
            lines.append("| " + " | ".join([label, dtype, *error, *times]) + " |")
    return lines


def main() -> None:
    """Measure the functions named on the command line, or all and the chains."""
    chosen = sys.argv[1:] or list(FUNCTIONS)
    lines = table({name: (name,) for name in chosen}, with_errors=True)
    if len(sys.argv) == 1:
        lines += ["", *table(CHAINS, with_errors=False)]
    print(f"\nPython {platform.python_version()}, NumPy {np.__version__}; ns an element, {SIZE} elements\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
