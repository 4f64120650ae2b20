"""Every example runs, and prints what it promises."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import graphc as gx

FOLDER = Path(__file__).parent.parent / "examples"
SHARED = {"_timing", "_walkthrough"}
EXPECTED = {
    "flow_graph": ["f = x*(y**2 + z) = 7", "v3    x * v2     7      d/dx = 7, d/dv2 = 1  1", "df/dy = 4   (SymPy: 4)"],
    "sum_product": ["df/dx3 = 9   (SymPy: 9)", "df/dx4 = -1   (SymPy: -1)", "g = (x + y)*z = -12", "dg/dx = -4 "],
    "power_product": ["z = y**4*x**5 = 2592", "dz/dx = 6480 ", "dz_x/dy = 8640   (SymPy: 8640)"],
    "sigmoid_network": [f"dloss/dw{number} = " for number in range(1, 10)],
    "softmax_nll": [
        "f(x)     = [0.648548, 0.26368 , 0.087771]",
        "dloss/da = [ 0.648548,  0.26368 , -0.912229]",
        "2002.2",
    ],
    "jacobians": ["df/dW =", "[[0.23500371 0.        ]\n [0.         0.10499359]]"],
    "ode": [
        "gradients agree at 1 point",
        "loss 2.029 at the guess, 0.0357 after",
        "rates [1.086 0.39  0.101 0.404]",
        "ratio ",
    ],
    "newton": ["order of convergence 1.98", "gradients agree at 1 point", "BFGS finds the same weights", "ratio "],
    "hmc": ["gradients agree at 1 point", "% accepted", "closed form [ 0.9464 -1.9843  0.5376 -0.0112]", "ratio "],
    "min_max": [
        "forward over forward: x = [0.53193795 0.79573954]",
        "forward over reverse: x = [0.53193795 0.79573954]",
        "reverse over forward: x = [0.53193795 0.79573954]",
        "reverse over reverse: x = [0.53193795 0.79573954]",
        "step 5: x = [0.5308 0.792 ], height 0.971283",
        "ratio ",
    ],
    "mixture_model": ["gradients agree at 1 point", "log density -54,920.25", "1,650 derivatives for the time of "],
    "lstm": ["reverse 0.2291304341", "forward 0.2291304341", "after 1000 steps 0.", "the likeliest text: t"],
    "camera": [
        "residuals (100000, 2), Jacobian blocks (100000, 2, 15)",
        "the blocks agree with differences",
        "of a camera that is not turned, for the rotation\n[[",
        "ratio ",
    ],
    "linear_cost": ["   200    601           1399              599                40200", "plot: "],
}
"""For each script what its output must hold; the scripts themselves assert that their gradients are right."""


def run(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(folder)
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


def test_no_example_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(EXPECTED) | SHARED


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_prints_what_it_shows(name: str, monkeypatch, tmp_path, capsys) -> None:
    run(name, monkeypatch, tmp_path)
    printed = capsys.readouterr().out
    for text in EXPECTED[name]:
        assert text in printed
    if name == "linear_cost":
        assert (tmp_path / "linear_cost.png").read_bytes().startswith(b"\x89PNG")
    elif "_walkthrough" in (FOLDER / f"{name}.py").read_text():
        assert "local derivatives" in printed
        assert "adjoint" in printed


def test_the_sympy_check_of_the_examples_can_fail(monkeypatch, tmp_path) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    walkthrough = runpy.run_path(str(FOLDER / "_walkthrough.py"))
    x = walkthrough["gx"].symbol("x")
    walkthrough["walk_through"].__globals__["sympy_gradient"] = lambda *_: 6.000001
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        walkthrough["walk_through"]("f", x * x, {x: 3.0})


def test_the_turn_of_the_camera_has_its_derivatives_where_there_is_no_turn(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    turned = runpy.run_path(str(FOLDER / "camera.py"))["turned"]
    point = np.array([0.5, -2.0, 3.0])
    by_hand = [[0.0, point[2], -point[1]], [-point[2], 0.0, point[0]], [point[1], -point[0], 0.0]]
    for mode in ("forward", "reverse"):
        jacobian = gx.jacobian(turned, mode=mode)
        np.testing.assert_array_equal(jacobian(np.zeros(3), point), by_hand)
        np.testing.assert_allclose(jacobian(np.full(3, 1e-5), point), by_hand, atol=1e-4)
    weights = np.array([1.0, 2.0, 4.0])
    gradient = gx.grad(lambda rotation: gx.sum(turned(rotation, gx.constant(point)) * weights))(np.zeros(3))
    np.testing.assert_array_equal(gradient, weights @ by_hand)
