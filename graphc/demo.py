"""``graphc demo``: a small network learns to read handwritten digits, its whole training step one native function."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import graphc as gx
from graphc.errors import ArgumentError, BackendMissing

Array = np.ndarray[Any, Any]
Parameters = dict[str, Array]

PIXELS, HIDDEN, CLASSES = 64, 64, 10
BRIGHTEST_PIXEL = 16
HELD_OUT = 360
FAILED = 1


@dataclass(frozen=True)
class Options:
    """What can be chosen on the command line."""

    epochs: int = 30
    batch_size: int = 32
    seed: int = 0
    learning_rate: float = 0.2
    progress: bool = True
    output: Path = Path("graphc-demo.png")


@dataclass(frozen=True)
class Digits:
    """Images as rows of numbers between 0 and 1 (float32), and the digit each shows (int64)."""

    images: Array
    labels: Array


@dataclass
class History:
    """What training recorded: the loss of each step, the held-out accuracy after each epoch, seconds spent in steps."""

    losses: list[float]
    accuracies: list[float]
    seconds: float = 0.0

    @property
    def steps_per_second(self) -> float:
        """Steps a second, compiling and measuring the accuracy not counted."""
        return len(self.losses) / self.seconds


class Network:
    """A network 64-64-10 with ReLU, as expressions, and the three functions compiled from it.

    Attributes:
        step: loss and updated parameters of parameters, images, labels and learning rate.
        loss: the loss of parameters, images and labels; differentiated for the parameters.
        accuracy: the share of the images that the parameters read correctly.
    """

    def __init__(self) -> None:
        parameters = {
            "weights_1": gx.parameter("weights_1", (PIXELS, HIDDEN), "float32"),
            "biases_1": gx.parameter("biases_1", (HIDDEN,), "float32"),
            "weights_2": gx.parameter("weights_2", (HIDDEN, CLASSES), "float32"),
            "biases_2": gx.parameter("biases_2", (CLASSES,), "float32"),
        }
        images = gx.tensor("images", ("batch", PIXELS), "float32")
        labels = gx.tensor("labels", ("batch",), "int64")
        learning_rate = gx.symbol("learning_rate", dtype="float32")

        hidden = gx.relu(images @ parameters["weights_1"] + parameters["biases_1"])
        logits = hidden @ parameters["weights_2"] + parameters["biases_2"]
        loss = gx.softmax_cross_entropy_with_logits(logits, labels)
        gradient = gx.grad(loss, wrt=parameters)
        updated = {name: value - learning_rate * gradient[name] for name, value in parameters.items()}

        inputs = {"parameters": parameters, "images": images, "labels": labels}
        self.step = gx.compile({"loss": loss, "parameters": updated}, {**inputs, "learning_rate": learning_rate})
        self.loss = gx.compile(loss, inputs, wrt=parameters)
        correct = gx.equal(gx.argmax(logits, axis=1), labels)
        self.accuracy = gx.compile(gx.mean(correct.astype("float32")), inputs)


def initial_parameters(generator: np.random.Generator) -> Parameters:
    """Return weights drawn as Glorot & Bengio (2010), equation 16, and biases of 0."""

    def glorot(inputs: int, outputs: int) -> Array:
        limit = math.sqrt(6 / (inputs + outputs))
        return generator.uniform(-limit, limit, (inputs, outputs)).astype("float32")

    return {
        "weights_1": glorot(PIXELS, HIDDEN),
        "biases_1": np.zeros(HIDDEN, "float32"),
        "weights_2": glorot(HIDDEN, CLASSES),
        "biases_2": np.zeros(CLASSES, "float32"),
    }


def load(generator: np.random.Generator) -> tuple[Digits, Digits]:
    """Return scikit-learn's 1797 handwritten digits, shuffled, as what to train with and what to hold out.

    Raises:
        BackendMissing: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise BackendMissing(
            "the demo needs scikit-learn, which brings the digits", remedy='pip install "graphc[demo]"'
        ) from None
    images, labels = load_digits(return_X_y=True)
    order = generator.permutation(len(labels))
    images = (images[order] / BRIGHTEST_PIXEL).astype("float32")
    labels = labels[order].astype("int64")
    return Digits(images[HELD_OUT:], labels[HELD_OUT:]), Digits(images[:HELD_OUT], labels[:HELD_OUT])


def train(
    network: Network,
    parameters: Parameters,
    digits: tuple[Digits, Digits],
    options: Options,
    generator: np.random.Generator,
) -> tuple[Parameters, History]:
    """Return the trained parameters and the history of stochastic gradient descent in mini-batches.

    The new parameters go to a second set of arrays, which trades places with the first: a step allocates nothing.
    """
    training, held_out = digits
    following = {name: np.empty_like(value) for name, value in parameters.items()}
    loss = np.empty((), "float32")
    history = History([], [])
    progress = progress_bar(options)
    for _ in range(options.epochs):
        start = perf_counter()
        for images, labels in batches(training, options.batch_size, generator):
            results = {"loss": loss, "parameters": following}
            network.step(parameters, images, labels, options.learning_rate, out=results)
            parameters, following = following, parameters
            history.losses.append(float(loss))
        history.seconds += perf_counter() - start
        history.accuracies.append(float(network.accuracy(parameters, held_out.images, held_out.labels)))
        progress.update(f"loss {history.losses[-1]:.4f}, held-out accuracy {history.accuracies[-1]:.4f}")
    progress.close()
    return parameters, history


def batches(digits: Digits, size: int, generator: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Yield the digits in a new order, in mini-batches; the last one may be smaller."""
    order = generator.permutation(len(digits.labels))
    images, labels = digits.images[order], digits.labels[order]
    for start in range(0, len(order), size):
        yield images[start : start + size], labels[start : start + size]


class Progress:
    """A bar that moves once an epoch; nothing at all where there is no terminal or no tqdm."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def update(self, text: str) -> None:
        """Move on by an epoch and show a text beside the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def progress_bar(options: Options) -> Progress:
    """Return the bar of a training run."""
    try:
        from tqdm import tqdm
    except ImportError:
        return Progress(None)
    # None: shown on a terminal only.
    return Progress(tqdm(total=options.epochs, unit="epoch", disable=None if options.progress else True))


def draw(history: History, path: Path) -> bool:
    """Draw the loss of each step and the accuracy after each epoch; return False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    steps = len(history.losses) // len(history.accuracies)
    means = np.reshape(history.losses, (-1, steps)).mean(axis=1)
    epochs = np.arange(1, len(means) + 1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(np.arange(1, len(history.losses) + 1) / steps, history.losses, color="0.75", linewidth=0.6, label="step")
    left.plot(epochs - 0.5, means, color="C0", marker=".", label="mean of the epoch")
    left.set(xlabel="epoch", ylabel="training loss (cross-entropy, nats)", yscale="log")
    left.legend()
    right.plot(epochs, history.accuracies, color="C1", marker=".")
    right.set(xlabel="epoch", ylabel="held-out accuracy", ylim=(min(0.9, *history.accuracies) - 0.005, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle("graphc demo: handwritten digits, network 64-64-10")
    figure.savefig(path, dpi=144)
    return True


def require_sensible(options: Options) -> None:
    """Refuse numbers that cannot train.

    Raises:
        ArgumentError: a number is too small, or the picture has no folder or no known format.
    """
    if options.epochs < 1 or options.batch_size < 1:
        raise ArgumentError(f"--epochs {options.epochs} and --batch-size {options.batch_size} must be at least 1")
    if not (0 < options.learning_rate < math.inf):
        raise ArgumentError(f"--learning-rate {options.learning_rate} must be a positive number")
    if options.seed < 0:
        raise ArgumentError(f"--seed {options.seed} must not be negative")
    if not options.output.absolute().parent.is_dir():
        raise ArgumentError(f"--output: there is no folder {options.output.absolute().parent}")
    if options.output.suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError(f"--output: a name ending in .png, .svg or .pdf expected, got {str(options.output)!r}")


def run(options: Options, say: Callable[[str], object] = print) -> tuple[History, bool]:
    """Run the demo; return the history and whether the check of the gradients held.

    Raises:
        ArgumentError: the options make no sense.
        BackendMissing: scikit-learn is not installed.
    """
    require_sensible(options)
    generator = np.random.default_rng(options.seed)
    training, held_out = digits = load(generator)
    say(f"digits: {len(training.labels)} images to learn from, {len(held_out.labels)} held out (seed {options.seed})")
    network = Network()
    parameters = initial_parameters(generator)
    count = sum(value.size for value in parameters.values())
    say(f"network: {PIXELS}-{HIDDEN}-{CLASSES}, ReLU, softmax cross-entropy, {count} parameters in float32")
    start = perf_counter()
    network.step(parameters, training.images[:1], training.labels[:1], 0.0)
    network.accuracy(parameters, training.images[:1], training.labels[:1])
    say(f"compiled loss, gradients and update into one function, and the accuracy: {perf_counter() - start:.1f} s")
    parameters, history = train(network, parameters, digits, options, generator)
    say(
        f"trained {options.epochs} epochs, {len(history.losses)} steps of up to {options.batch_size} images, "
        f"in {history.seconds:.2f} s: {history.steps_per_second:,.0f} steps per second"
    )
    say(f"held-out accuracy: {history.accuracies[-1]:.4f}")
    report = network.loss.check()
    say(f"check of the compiled gradient of the loss:\n{report}")
    drawn = draw(history, options.output)
    say(f"loss curve: {options.output.absolute()}" if drawn else 'no loss curve: pip install "graphc[demo]" draws one')
    return history, report.ok


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the demo's options to a parser."""
    default = Options()
    parser.add_argument("--epochs", type=int, default=default.epochs, help="passes over the images (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=default.batch_size, help="images per step (%(default)s)")
    parser.add_argument("--seed", type=int, default=default.seed, help="of split, weights and order (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate, help="(%(default)s)")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="no progress bar")
    parser.add_argument("--output", type=Path, default=default.output, help="file of the loss curve (%(default)s)")


def command(arguments: argparse.Namespace) -> int:
    """Run the demo as the command line asks for; return the exit code."""
    fields = {name: getattr(arguments, name) for name in Options.__dataclass_fields__}
    return 0 if run(Options(**fields))[1] else FAILED
