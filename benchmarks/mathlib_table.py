"""Vector mathematics beside NumPy, JAX and PyTorch: `python benchmarks/mathlib_table.py`.

Prints a JSON line for each function, dtype and peer (ns an element, best of many calls on 100,000
elements in cache), then a table of docs/mathlib.md; the values of all peers are compared first.
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
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from scipy import special

import graphc as gx

SIZE = 100_000
SECONDS = 0.15
ARRAYS: dict[str, tuple[Callable[..., Any], float, float]] = {
    "exp": (np.exp, -10, 10), "exp2": (np.exp2, -10, 10), "expm1": (np.expm1, -2, 2),
    "log": (np.log, 0.1, 10), "log2": (np.log2, 0.1, 10), "log10": (np.log10, 0.1, 10), "log1p": (np.log1p, -0.5, 5),
    "tanh": (np.tanh, -4, 4), "sinh": (np.sinh, -4, 4), "cosh": (np.cosh, -4, 4),
    "expit": (special.expit, -8, 8), "softplus": (lambda x: np.logaddexp(x.dtype.type(0), x), -8, 8),
    "sin": (np.sin, -10, 10), "cos": (np.cos, -10, 10), "tan": (np.tan, -1.5, 1.5),
    "asin": (np.arcsin, -1, 1), "acos": (np.arccos, -1, 1), "atan": (np.arctan, -5, 5), "erf": (special.erf, -3, 3),
}  # fmt: skip
TORCH = {"expit": "sigmoid"}
JAX = {"expit": "jax.nn:sigmoid", "softplus": "jax.nn:softplus", "erf": "jax.lax:erf"}


def best(call: Callable[[], Any]) -> float:
    """Return the shortest time of a call, in ns an element."""
    call()
    shortest, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest / SIZE * 1e9


def compiled(name: str, x: np.ndarray, out: np.ndarray, precise: bool) -> tuple[Callable[[], Any], np.ndarray]:
    """Return a call of our kernel, and its values."""
    symbol = gx.tensor("x", ("n",), str(x.dtype))
    fn = gx.compile(getattr(gx, name)(symbol), [symbol], precise=precise)
    return (lambda: fn(x, out=out)), fn(x)


def in_torch(name: str, x: np.ndarray) -> tuple[Callable[[], Any], np.ndarray] | None:
    """Return a call of PyTorch, and its values; None where it has no such function."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    function = getattr(torch, TORCH.get(name, name), None) or getattr(torch.nn.functional, name, None)
    given = torch.from_numpy(x)
    return None if function is None else ((lambda: function(given)), function(given).numpy())


def in_jax(name: str, x: np.ndarray) -> tuple[Callable[[], Any], np.ndarray] | None:
    """Return a call of JAX, and its values; None where it has no such function."""
    try:
        jax = importlib.import_module("jax")
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    module, _, attribute = JAX.get(name, f"jax.numpy:{name}").partition(":")
    function = jax.jit(getattr(importlib.import_module(module), attribute))
    given = jax.numpy.asarray(x)
    return (lambda: function(given).block_until_ready()), np.asarray(function(given))


def measure(name: str, dtype: str) -> dict[str, float]:
    """Return ns an element of each peer, their values compared."""
    function, low, high = ARRAYS[name]
    x = np.random.default_rng(0).uniform(low, high, SIZE).astype(dtype)
    out = np.empty_like(x)
    expected = function(x)
    peers: dict[str, tuple[Callable[[], Any], np.ndarray] | None] = {
        "graphc": compiled(name, x, out, precise=False),
        "precise": compiled(name, x, out.copy(), precise=True),
        "numpy": ((lambda: function(x)), expected),
        "torch": in_torch(name, x),
        "jax": in_jax(name, x),
    }
    found = {}
    for peer, entry in peers.items():
        if entry is not None:
            np.testing.assert_allclose(entry[1], expected, rtol=1e-12 if dtype == "float64" else 3e-5, atol=1e-6)
            found[peer] = best(entry[0])
            print(json.dumps({"function": name, "dtype": dtype, "peer": peer, "ns": round(found[peer], 3)}), flush=True)
    return found


def main() -> None:
    """Measure the functions named on the command line, or all."""
    rows = [(name, dtype, measure(name, dtype)) for name in sys.argv[1:] or ARRAYS for dtype in ("float64", "float32")]
    peers = list(dict.fromkeys(peer for _, _, found in rows for peer in found))
    print(
        f"\n{platform.processor()} {platform.python_version()} numpy {np.__version__}; ns an element, {SIZE} elements"
    )
    print("\n| function | dtype | " + " | ".join(peers) + " |\n|" + "---|" * (len(peers) + 2))
    for name, dtype, found in rows:
        times = " | ".join(f"{found[peer]:.2f}" if peer in found else "-" for peer in peers)
        print(f"| {name} | {dtype} | {times} |")


if __name__ == "__main__":
    main()
