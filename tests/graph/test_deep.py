"""Graphs far deeper than Python's stack: everything is iterative, and the gradient grows linearly."""

from __future__ import annotations

import json

import pytest

SCRIPT = """
import json, sys
sys.setrecursionlimit(200)
import gc, pickle
from graphc.autodiff.transforms import grad
from graphc.graph.leaf import symbols
from graphc.graph.node import node_count
from graphc.graph.walk import topological_order

kind, steps = sys.argv[1], int(sys.argv[2])
x, y = symbols("x y")
before = node_count()
if kind == "chain":
    root = x
    for _ in range(steps):
        root = root * y
elif kind == "sharing":
    root = x
    for _ in range(steps // 2):
        root = root * root + y
else:
    row = [x * (number + 2) + y for number in range(steps // 5)]
    while len(row) > 1:
        row = [left * right + left for left, right in zip(row[::2], row[1::2])] + row[len(row) // 2 * 2 :]
        if len(row) % 2 == 0:
            row = [left + right for left, right in zip(row, row[1:] + row[:1])]
            row = row[: max(1, len(row) - 1)]
    root = row[0]
nodes = len(topological_order([root]))
gradient = grad(root, wrt=[x, y])
both = len(topological_order([root, *gradient]))
lengths = [len(repr(gradient[0])), len(root.tree()), len(root._repr_latex_())]
same = pickle.loads(pickle.dumps(gradient))
equal = all(left is right for left, right in zip(gradient, same))
del root, gradient, same
row = None
gc.collect()
print(json.dumps({"nodes": nodes, "added": both - nodes, "lengths": lengths, "equal": equal,
                  "left": node_count() - before}))
"""


@pytest.mark.parametrize("kind", ["chain", "sharing", "balanced"])
def test_a_hundred_thousand_nodes_under_a_recursion_limit_of_200(run_python, kind: str) -> None:
    found = json.loads(run_python(SCRIPT, kind, 100_000))
    assert found["nodes"] >= 100_000
    assert found["added"] <= 4 * found["nodes"]
    assert max(found["lengths"]) < 60_000
    assert found["equal"]
    assert found["left"] == 0


@pytest.mark.parametrize("kind", ["chain", "sharing", "balanced"])
def test_the_gradient_grows_linearly(run_python, kind: str) -> None:
    counts = [json.loads(run_python(SCRIPT, kind, steps)) for steps in (1024, 2048, 4096)]
    ratios = [count["added"] / count["nodes"] for count in counts]
    assert max(ratios) <= 1.05 * min(ratios)
