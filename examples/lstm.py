"""A language model of characters: an LSTM as a loop of the graph, its gradient, and training in one native call.

The gates are those of Hochreiter & Schmidhuber (1997) with the forget gate of Gers, Schmidhuber & Cummins (2000).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import print_ratio

import graphc as gx

Array = np.ndarray[Any, Any]
Parameters = dict[str, gx.Expr]

TEXT = """
the rain falls on the hill and the river takes the rain to the sea. the sun lifts the water from the sea and the
wind takes the cloud to the hill. then the rain falls on the hill again and the river takes the rain to the sea.
"""
LETTERS = sorted(set(TEXT))
ROWS, HIDDEN = 4, 24


def initial(random: np.random.Generator) -> dict[str, Array]:
    """Return weights to begin with; the forget gates begin open."""
    count = len(LETTERS)
    return {
        "letters": random.normal(size=(count, 4 * HIDDEN)) * 0.3,
        "states": random.normal(size=(HIDDEN, 4 * HIDDEN)) / np.sqrt(HIDDEN),
        "biases": np.repeat([0.0, 1.0, 0.0, 0.0], HIDDEN),
        "readout": random.normal(size=(HIDDEN, count)) / np.sqrt(HIDDEN),
    }


def step(p: Parameters, state: tuple[gx.Expr, gx.Expr], letters: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
    """Return the state, output and memory, after a letter of each row of text was read."""
    output, memory = state
    gates = gx.take(p["letters"], letters, axis=0) + output @ p["states"] + p["biases"]
    entry, keep, fresh, shown = gx.split(gates, 4, axis=1)
    memory = gx.sigmoid(keep) * memory + gx.sigmoid(entry) * gx.tanh(fresh)
    return gx.sigmoid(shown) * gx.tanh(memory), memory


def loss_of(p: Parameters, text: gx.Expr) -> gx.Expr:
    """Return the mean cross-entropy of each next letter, in nats; text is integers of shape (time, rows)."""
    nothing = gx.zeros((text.shape[1], HIDDEN))

    def read(state: tuple[gx.Expr, gx.Expr], letters: tuple[gx.Expr, gx.Expr]) -> tuple[Any, gx.Expr]:
        now, following = letters
        state = step(p, state, now)
        return state, gx.softmax_cross_entropy_with_logits(state[0] @ p["readout"], following)

    _, losses = gx.scan(read, (nothing, nothing), (text[:-1], text[1:]))
    return gx.mean(losses)


def trained(p: Parameters, text: gx.Expr, steps: int) -> tuple[Parameters, gx.Expr]:
    """Return the parameters after steps of gradient descent, and the loss before each step."""

    def descend(parameters: Parameters, _: None) -> tuple[Parameters, gx.Expr]:
        loss, slopes = gx.value_and_grad(loss_of(parameters, text), wrt=parameters)
        return {name: value - 0.5 * slopes[name] for name, value in parameters.items()}, loss

    return gx.scan(descend, p, length=steps)


def continued(p: Parameters, start: gx.Expr, length: int) -> gx.Expr:
    """Return the letters that follow one, each the likeliest, as integers."""

    def write(state: tuple[Any, gx.Expr], _: None) -> tuple[Any, gx.Expr]:
        cells, letter = state
        cells = step(p, cells, letter)
        letter = gx.argmax(cells[0] @ p["readout"], axis=1)
        return (cells, letter), letter[0]

    nothing = gx.zeros((1, HIDDEN))
    return gx.scan(write, ((nothing, nothing), start), length=length)[1]


def check_slope(loss: gx.Function, p: Parameters, text: gx.Expr, values: dict[str, Array], given: Array) -> None:
    """Print the derivative along the weights by reverse mode, forward mode and differences; they must agree."""
    _, slopes = loss.value_and_grad(values, given)
    reverse = sum(np.sum(slopes[name] * values[name]) for name in p)
    forward = gx.compile(gx.jvp(loss_of(p, text), p, p), inputs=[p, text], threads=1)(values, given)
    ahead, behind = (
        loss({name: scale * value for name, value in values.items()}, given) for scale in (1 + 1e-6, 1 - 1e-6)
    )
    difference = (ahead - behind) / 2e-6
    print(f"slope along the weights: reverse {reverse:.12f}, forward {forward:.12f}, difference {difference:.8f}")
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    np.testing.assert_allclose(difference, reverse, rtol=1e-6)


def main(steps: int = 1000) -> None:
    numbers = np.array([LETTERS.index(letter) for letter in TEXT])
    given = numbers[: len(numbers) // ROWS * ROWS].reshape(ROWS, -1).T
    values = initial(np.random.default_rng(0))
    p = {name: gx.parameter(name, value.shape) for name, value in values.items()}
    text = gx.tensor("text", ("time", ROWS), "int64")

    loss = gx.compile(loss_of(p, text), inputs=[p, text], wrt=p, threads=1)
    print(f"{ROWS} rows of {len(given)} letters, {sum(value.size for value in values.values()):,} weights")
    check_slope(loss, p, text, values, given)
    print_ratio(lambda: loss(values, given), lambda: loss.value_and_grad(values, given))

    # The steps are a loop of the graph around the loop over letters: one native call.
    train = gx.compile(trained(p, text, steps), inputs=[p, text], threads=1)
    found, losses = train(values, given)
    print(
        f"\nloss before training {losses[0]:.4f}; guessing one of {len(LETTERS)} letters has {np.log(len(LETTERS)):.4f}"
    )
    for number in range(200, steps + 1, 200):
        print(f"  after {number} steps {losses[number - 1]:.4f}")
    assert losses[-1] < 0.5 * losses[0]

    start = gx.tensor("start", (1,), "int64")
    letters = gx.compile(continued(p, start, 70), inputs=[p, start])(found, np.array([LETTERS.index("t")]))
    print("the likeliest text: t" + "".join(LETTERS[letter] for letter in letters).replace("\n", " "))


if __name__ == "__main__":
    main()
