"""Two inputs, two hidden units, one output, all sigmoids: the nine weight gradients of (y - target)**2 / 2."""

import math

from _walkthrough import walk_through

import graphc as gx


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def main() -> None:
    x1, x2, target = 0.5, -1.0, 0.8
    w = gx.symbols("w1 w2 w3 w4 w5 w6 w7 w8 w9")
    w1, w2, w3, w4, w5, w6, w7, w8, w9 = w
    h1 = gx.sigmoid(w1 * x1 + w2 * x2 + w3)
    h2 = gx.sigmoid(w4 * x1 + w5 * x2 + w6)
    y = gx.sigmoid(w7 * h1 + w8 * h2 + w9)
    loss = 0.5 * (y - target) ** 2

    numbers = [0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, -0.8, 0.9]
    gradients = walk_through("loss", loss, dict(zip(w, numbers, strict=True)))

    # By hand, as the lecture does: error of the output, passed back to the hidden units.
    a = numbers
    hidden = [sigmoid(a[0] * x1 + a[1] * x2 + a[2]), sigmoid(a[3] * x1 + a[4] * x2 + a[5])]
    output = sigmoid(a[6] * hidden[0] + a[7] * hidden[1] + a[8])
    delta = (output - target) * output * (1 - output)
    delta1, delta2 = (delta * a[6 + i] * hidden[i] * (1 - hidden[i]) for i in (0, 1))
    by_hand = [
        *(delta1 * x1, delta1 * x2, delta1),
        *(delta2 * x1, delta2 * x2, delta2),
        *(delta * hidden[0], delta * hidden[1], delta),
    ]
    for symbol, expected in zip(w, by_hand, strict=True):
        assert math.isclose(gradients[symbol], expected, rel_tol=1e-13), symbol


if __name__ == "__main__":
    main()
