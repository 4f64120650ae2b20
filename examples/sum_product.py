"""(x1 + x2)*x3 - x4 at (5, 4, 3, 2), and (x + y)*z at (-2, 5, -4): sums hand gradients on, products swap factors."""

from _walkthrough import walk_through

import graphc as gx


def main() -> None:
    x1, x2, x3, x4 = gx.symbols("x1 x2 x3 x4")
    gradients = walk_through("f", (x1 + x2) * x3 - x4, {x1: 5.0, x2: 4.0, x3: 3.0, x4: 2.0})
    assert gradients == {x1: 3.0, x2: 3.0, x3: 9.0, x4: -1.0}
    print()

    x, y, z = gx.symbols("x y z")
    gradients = walk_through("g", (x + y) * z, {x: -2.0, y: 5.0, z: -4.0})
    assert gradients == {x: -4.0, y: -4.0, z: 3.0}


if __name__ == "__main__":
    main()
