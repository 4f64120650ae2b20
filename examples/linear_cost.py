"""What the gradients of a chain of L layers cost: linear in L if adjoints are kept, quadratic if each starts anew."""

from __future__ import annotations

from pathlib import Path

import graphc as gx

try:
    from matplotlib.figure import Figure
except ImportError:
    Figure = None

LENGTHS = range(1, 201)


def chain(length: int) -> gx.Expr:
    """Return ``sin(w_L * sin(w_(L-1) * ... sin(w_1 * x)))``."""
    value = gx.symbol("x")
    for layer in range(1, length + 1):
        value = gx.sin(gx.parameter(f"w{layer}") * value)
    return value


def main() -> None:
    costs = [gx.cost(chain(length)) for length in LENGTHS]
    print("layers  nodes  with gradient  steps, memoised  steps, not memoised")
    for length, cost in zip(LENGTHS, costs, strict=True):
        # A layer has three edges, the first one less; the way to the weight of layer l has 2*(L - l + 1).
        assert cost.memoised_steps == 3 * length - 1
        assert cost.unmemoised_steps == length * (length + 1)
        assert cost.gradient_nodes_added <= 4 * cost.function.nodes
        if length in (1, 2, 5, 10, 20, 50, 100, 200):
            nodes = f"{length:6}  {cost.function.nodes:5}  {cost.gradient.nodes:13}"
            print(f"{nodes}  {cost.memoised_steps:15}  {cost.unmemoised_steps:19}")
    if Figure is None:
        print('no plot: pip install "graphc[plot]" draws one')
        return
    path = Path("linear_cost.png").absolute()
    draw(costs, path)
    print(f"plot: {path}")


def draw(costs: list[gx.Cost], path: Path) -> None:
    """Draw both counts against the number of layers."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(LENGTHS, [cost.unmemoised_steps for cost in costs], label="each adjoint from the start: L(L + 1)")
    axes.plot(LENGTHS, [cost.memoised_steps for cost in costs], label="adjoints memoised: 3L - 1")
    axes.set(xlabel="layers L", ylabel="chain-rule steps", title="Gradients of all weights of a chain")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=144)


if __name__ == "__main__":
    main()
