"""The GRAPHC_* switches and debug="nan", and what users see of a fault in generated code."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.backends import cpu
from graphc.errors import ArgumentError, InternalError, NonFiniteError


def function():
    """Return a function with a rule to fire, a loop, and workspace."""
    x = gx.tensor("x", ("n", "m"))
    return gx.compile(gx.softmax(x, axis=1) + gx.log(1 + x * x))


STAGES = {
    "graph": r"--- graphc graph\n.*log1p",
    "rules": r"--- graphc rules\n.*->",
    "kernels": r"--- graphc kernels\nloops over n x m: fuses",
    "source": r"--- graphc source\nfrom graphc.*\ndef kernel\(x, ",
    "memory": r"--- graphc memory\ninput x: float64 \(n, m\)",
}


@pytest.mark.parametrize(("stage", "text"), STAGES.items())
def test_a_stage_that_is_asked_for_is_printed_and_no_other(stage, text, monkeypatch, capfd):
    monkeypatch.setenv("GRAPHC_SHOW", stage)
    function()(np.ones((2, 3)))
    printed = capfd.readouterr().err
    assert re.search(text, printed, re.DOTALL)
    for other, mark in STAGES.items():
        if other != stage:
            assert mark.split("\\n")[0] not in printed


def test_no_rules_are_shown_as_none(monkeypatch, capfd):
    monkeypatch.setenv("GRAPHC_SHOW", "rules")
    gx.compile(gx.symbol("x") * gx.symbol("y"), cache=False)(x=1.0, y=2.0)
    assert capfd.readouterr().err == "--- graphc rules\nnone\n"


def test_all_stages_at_once(monkeypatch, capfd):
    monkeypatch.setenv("GRAPHC_SHOW", ", ".join(STAGES))
    function()(np.ones((2, 3)))
    printed = capfd.readouterr().err
    for text in STAGES.values():
        assert re.search(text, printed, re.DOTALL)


@pytest.mark.parametrize("variables", [{"GRAPHC_JIT": "0"}, {"GRAPHC_BACKEND": "reference"}, {"GRAPHC_CHECK": "1"}])
def test_values_are_the_same_under_every_switch(variables, monkeypatch):
    value = np.random.default_rng(0).normal(size=(3, 4))
    expected = function()(value)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    np.testing.assert_allclose(function()(value), expected, rtol=1e-14)


def test_the_reference_backend_and_plain_python_compile_nothing(monkeypatch):
    def fail(*_):
        raise AssertionError("compiled")

    monkeypatch.setattr(cpu, "_compile", fail)
    for name, text in (("GRAPHC_JIT", "0"), ("GRAPHC_BACKEND", "reference")):
        with monkeypatch.context() as patch:
            patch.setenv(name, text)
            assert function()(np.zeros((1, 2))).shape == (1, 2)


def test_keep_gets_a_copy_of_every_module(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_KEEP", str(tmp_path / "kept"))
    x = gx.symbol("x")
    gx.compile(gx.cosh(x) * 17.25, cache=False)(1.0)
    (path,) = (tmp_path / "kept").iterdir()
    assert "17.25" in path.read_text()


@pytest.mark.parametrize(
    ("variable", "text"),
    [("GRAPHC_SHOW", "graf"), ("GRAPHC_BACKEND", "gpu"), ("GRAPHC_JIT", "maybe"), ("GRAPHC_CHECK", "2")],
)
def test_a_wrong_value_of_a_switch_is_named(variable, text, monkeypatch):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ArgumentError, match=f"{variable}: '{text}'"):
        function()(np.ones((1, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"backend": "tpu"}, "backend: one of cpu, reference"), ({"debug": "inf"}, 'None, "nan" or "index"')],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(ArgumentError, match=message):
        gx.compile(gx.symbol("x"), **options)


@pytest.mark.parametrize(
    "text", ["def kernel(x):\n    return (\n", "def kernel(x):\n    return (undefined_name(x),)\n"]
)
def test_a_fault_of_generated_code_is_an_internal_error_with_a_file_that_shows_it(text, monkeypatch):
    monkeypatch.setattr(cpu, "module_text", lambda *_: text)
    x = gx.symbol("x")
    with pytest.raises(InternalError, match="the generated kernel does not compile") as caught:
        gx.compile(gx.sinh(x), cache=False)(1.0)
    path = Path(re.search(r"report it with (\S+);", str(caught.value)).group(1))
    assert path.read_text().count("return (") == 1


# debug="nan"


def test_the_first_value_that_is_not_finite_is_named_with_its_arguments_and_line():
    x = gx.tensor("x", ("n",))
    bad = gx.log(x)
    line = sys._getframe().f_lineno - 1
    checked = gx.compile(gx.sum(gx.exp(bad * 2)), debug="nan")
    assert checked(np.ones(2)) == 2
    with pytest.raises(NonFiniteError, match=r"log\(x\) is not finite") as caught:
        checked(np.array([1.0, -1.0]))
    assert "x = [ 1. -1.]" in str(caught.value)
    assert f"test_switches.py:{line}" in str(caught.value)


def test_an_adjoint_that_is_not_finite_is_named_too():
    x = gx.symbol("x")
    checked = gx.compile(gx.sqrt(x), debug="nan")
    assert checked(0.0) == 0
    with pytest.raises(NonFiniteError, match="is not finite: inf"):
        checked.grad(0.0)
