"""The demo trains what it says it trains, and fails in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from graphc import demo
from graphc.cli import main
from graphc.errors import ArgumentError, BackendMissing


@pytest.fixture(scope="module")
def network() -> demo.Network:
    return demo.Network()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[demo.History, bool, list[str], Path]:
    """Return what a run with the options a user gets by default leaves behind."""
    lines: list[str] = []
    path = tmp_path_factory.mktemp("demo") / "curve.png"
    history, ok = demo.run(demo.Options(progress=False, output=path), lines.append)
    return history, ok, lines, path


def test_the_digits_are_read(finished) -> None:
    history, _, lines, _ = finished
    assert history.accuracies[-1] >= 0.95
    assert f"held-out accuracy: {history.accuracies[-1]:.4f}" in lines


def test_the_loss_falls(finished) -> None:
    history = finished[0]
    assert len(history.losses) == 30 * 45
    assert abs(np.mean(history.losses[:5]) - np.log(10)) < 0.5, "a fresh network knows nothing"
    assert np.mean(history.losses[-45:]) < 0.1


def test_the_gradient_is_checked(finished) -> None:
    _, ok, lines, _ = finished
    assert ok
    report = next(line for line in lines if line.startswith("check of the compiled gradient"))
    assert "gradients agree" in report
    for method in ("forward", "differences", "compiled"):
        assert f"\n  {method} " in report


def test_the_loss_curve_is_drawn_where_it_is_said(finished) -> None:
    *_, lines, path = finished
    assert lines[-1] == f"loss curve: {path}"
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert path.stat().st_size > 10_000


def test_steps_per_second_are_told(finished) -> None:
    history, _, lines, _ = finished
    assert any(f"{history.steps_per_second:,.0f} steps per second" in line for line in lines)


def test_weights_start_within_glorots_limit_and_fill_it() -> None:
    parameters = demo.initial_parameters(np.random.default_rng(0))
    for name, limit in (("weights_1", np.sqrt(6 / 128)), ("weights_2", np.sqrt(6 / 74))):
        assert 0.98 * limit < np.abs(parameters[name]).max() <= np.float32(limit)
        assert abs(parameters[name].std() - limit / np.sqrt(3)) < 0.05 * limit
    assert not parameters["biases_1"].any()


def test_every_image_is_either_trained_on_or_held_out() -> None:
    training, held_out = demo.load(np.random.default_rng(0))
    assert (len(training.labels), len(held_out.labels)) == (1437, 360)
    images, labels = load_digits(return_X_y=True)
    together = np.column_stack(
        [np.vstack([training.images, held_out.images]) * 16, [*training.labels, *held_out.labels]]
    )
    assert sorted(map(tuple, together)) == sorted(map(tuple, np.column_stack([images, labels])))
    assert set(held_out.labels) == set(range(10))


def test_batches_hold_every_image_once() -> None:
    labels = np.arange(10)
    digits = demo.Digits(np.repeat(labels[:, None], 3, axis=1), labels)
    found = list(demo.batches(digits, 4, np.random.default_rng(0)))
    assert [len(batch) for _, batch in found] == [4, 4, 2]
    assert sorted(np.concatenate([batch for _, batch in found])) == list(labels)
    assert all((images[:, 0] == batch).all() for images, batch in found)


def test_a_step_is_the_one_written_by_hand_in_numpy(network) -> None:
    generator = np.random.default_rng(3)
    parameters = demo.initial_parameters(generator)
    images, labels = generator.random((7, 64), "float32"), generator.integers(0, 10, 7)
    result = network.step(parameters, images, labels, 0.25)

    exact = {name: value.astype("float64") for name, value in parameters.items()}
    before = images @ exact["weights_1"] + exact["biases_1"]
    hidden = np.maximum(before, 0)
    logits = hidden @ exact["weights_2"] + exact["biases_2"]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = (probabilities - np.eye(10)[labels]) / 7
    back = (error @ exact["weights_2"].T) * (before > 0)
    gradients = {
        "weights_1": images.T @ back,
        "biases_1": back.sum(axis=0),
        "weights_2": hidden.T @ error,
        "biases_2": error.sum(axis=0),
    }
    assert result["loss"] == pytest.approx(-np.log(probabilities[np.arange(7), labels]).mean(), rel=1e-5)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(result["parameters"][name], exact[name] - 0.25 * gradient, rtol=1e-5, atol=1e-6)


def test_accuracy_is_the_share_of_right_answers(network) -> None:
    generator = np.random.default_rng(4)
    parameters = demo.initial_parameters(generator)
    images = generator.random((20, 64), "float32")
    hidden = np.maximum(images @ parameters["weights_1"], 0)
    answers = (hidden @ parameters["weights_2"]).argmax(axis=1)
    labels = np.where(np.arange(20) < 13, answers, (answers + 1) % 10)
    assert network.accuracy(parameters, images, labels) == pytest.approx(13 / 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "--epochs 0"),
        (["--batch-size", "-1"], "--batch-size -1"),
        (["--learning-rate", "0"], "--learning-rate 0.0 must be a positive number"),
        (["--learning-rate", "nan"], "--learning-rate nan must be a positive number"),
        (["--seed", "-1"], "--seed -1"),
        (["--output", "no/such/folder/a.png"], "there is no folder"),
        (["--output", "curve.jpeg2"], "a name ending in .png"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_done(capsys, options: list[str], message: str) -> None:
    assert main(["demo", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_without_the_digits_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(BackendMissing, match=r'pip install "graphc\[demo\]"'):
        demo.load(np.random.default_rng(0))


def test_without_matplotlib_nothing_is_drawn(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not demo.draw(demo.History([1.0], [0.5]), tmp_path / "curve.png")
    assert not list(tmp_path.iterdir())


def test_without_tqdm_training_goes_on(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    progress = demo.progress_bar(demo.Options())
    progress.update("loss 1")
    progress.close()


def test_options_that_no_picture_can_be_drawn_for_are_errors_of_arguments(tmp_path) -> None:
    with pytest.raises(ArgumentError):
        demo.require_sensible(demo.Options(output=tmp_path / "curve"))


def test_the_command_is_quiet_without_a_terminal_and_repeats_itself(tmp_path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "graphc.cli", "demo", "--epochs", "3", "--batch-size", "64", "--seed", "5"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stderr == ""
    assert (tmp_path / "graphc-demo.png").exists()
    options = demo.Options(epochs=3, batch_size=64, seed=5, progress=False, output=tmp_path / "again.png")
    accuracy = demo.run(options, lambda _: None)[0].accuracies[-1]
    assert accuracy > 0.75
    assert f"held-out accuracy: {accuracy:.4f}" in finished.stdout.splitlines()
